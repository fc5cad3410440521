# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was seen of one vCluster on its host cluster, and of the nodes of that."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .care import Point
from .certificates import Certificates
from .migration import Migration, Phase

RESTORE_NOTES = "fleetops.vcluster/restore"  # annotation of a workload: what a restore of ours is about, as JSON
RESTORING = "loft.sh/restoring"  # the vendor's annotation of a workload (0.36, vcluster restore)
STOPPED = (
    "fleetops.vcluster/stopped"  # node selector of a control plane that we stopped: no node has it
)
POD_ENDED = ("Succeeded", "Failed")  # phases of a pod that never runs again
# Helm's words for a release that another run left in the middle (helm.sh/helm, pkg/release/status.go).
STUCK = frozenset({"pending-install", "pending-upgrade", "pending-rollback", "uninstalling"})


# A revision that was proved in the middle of a plan: a base to come back to, and never a no-op.
UNFINISHED = "0" * 20


@dataclass(frozen=True)
class Applied:
    """The proof label of a release Secret: `fleetops.vcluster/applied: DIGEST-rREVISION`."""

    digest: str
    revision: int


@dataclass(frozen=True)
class Proved:
    """What the last proof of a revision left on its release Secret.

    Attributes:
        at: When it passed, by the host cluster's clock.
        certificates_end: When the first certificate ends, as that proof read it; None when it read none.
        care: What the store was due for, in words; empty for nothing.
    """

    at: datetime
    certificates_end: datetime | None = None
    care: str = ""


OURS = "fleetops.vcluster: "  # what the description of a revision begins with that this collection made
SCALED_LABEL = "fleetops.vcluster/scaled"


@dataclass(frozen=True)
class Scaled:
    """The label of a decision by load: `fleetops.vcluster/scaled: REPLICAS-at-SECONDS`.

    Attributes:
        at: Seconds since the epoch, by the host cluster's clock.
    """

    replicas: int
    at: int


@dataclass(frozen=True)
class Leader:
    """The Lease of the syncer.

    Attributes:
        holder: Its holder; empty when it was given up.
        age: Seconds since it was renewed, by the host cluster's clock.
        lasts: Seconds that it is valid after a renewal.
    """

    holder: str
    age: float
    lasts: int

    @property
    def fresh(self) -> bool:
        """Whether it was renewed in time."""
        return self.age <= self.lasts


@dataclass(frozen=True)
class Workload:
    """A Deployment or StatefulSet of the vCluster.

    Attributes:
        component: `control_plane` (label app=vcluster) or `etcd` (label app=vcluster-etcd).
        total: Pods there are, also those of an older template (`status.replicas`).
        images: Container and init container images of the pod template, by container name.
        config_hash: Pod template annotation `vClusterConfigHash`; empty on etcd.
    """

    component: str
    kind: str
    name: str
    replicas: int
    ready: int = 0
    updated: int = 0
    total: int = 0
    generation: int = 0
    observed_generation: int = 0
    images: Mapping[str, str] = field(default_factory=dict)
    config_hash: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def current(self) -> int:
        """Replicas that are ready on the newest template, as far as the two counts tell."""
        return min(self.ready, self.updated)

    def tag(self, container: str) -> str:
        """The tag of a container's image; empty where it has none: a digest and a registry's port are none."""
        name = self.images.get(container, "").partition("@")[0].rpartition("/")[2]
        return name.partition(":")[2]

    def differs(self, asked: Workload) -> bool:
        """Whether a container that was asked for has another version; what others have added to it tells nothing."""
        return any(
            name in self.images and self.tag(name) != asked.tag(name) for name in asked.images
        )

    @property
    def settled(self) -> bool:
        """Rolled out as asked: the controller saw the newest template and all replicas, no others, are ready on it."""
        return (
            self.observed_generation >= self.generation
            and self.updated >= self.replicas
            and self.ready >= self.replicas
            and self.total <= self.replicas
        )


@dataclass(frozen=True)
class Release:
    """A Helm release revision.

    Attributes:
        revision: Helm's revision number.
        status: Helm's status word: deployed, failed, pending-upgrade ...
        applied: The proof label, if this revision carries one of its own.
        proved: The last proof of this revision, if there was one.
        foreign: JSON pointers of user values that were there but never asked for, recorded at the proof.
        snapshot: Id of the snapshot with which a hop goes back to it; empty where none was taken for that.
        modified: Helm's `modifiedAt`, seconds since the epoch; 0 when unknown.
        scaled: The last decision by load; Helm copies its label into every later revision.
        chart_version: Version of the chart; None when only metadata was read.
        values: The user-supplied values; None when only metadata was read.
        manifest: The rendered objects as one YAML text; None when only metadata was read.
        workloads: The Deployments and StatefulSets of the manifest: what was asked of the live ones.
        description: Helm's own words about the last operation; empty when only metadata was read.
    """

    revision: int
    status: str
    applied: Applied | None = None
    proved: Proved | None = None
    foreign: tuple[str, ...] = ()
    snapshot: str = ""
    modified: int = 0
    scaled: Scaled | None = None
    chart_version: str | None = None
    values: Mapping[str, Any] | None = None
    manifest: str | None = field(default=None, repr=False)
    workloads: tuple[Workload, ...] = ()
    description: str = ""

    @property
    def finished(self) -> bool:
        """Whether all that was asked for was proved at this revision: Helm copies labels into the next one (G49)."""
        applied = self.applied
        return bool(applied and applied.revision == self.revision and applied.digest != UNFINISHED)

    @property
    def ours(self) -> bool:
        """Whether a run of this collection made it, as far as its description tells."""
        return self.description.startswith(OURS)


@dataclass(frozen=True)
class Pod:
    """A pod of the vCluster's own workloads.

    Attributes:
        component: `control_plane` or `etcd`.
        node: Node it runs on; empty while unscheduled.
        ready: Its Ready condition is true and it is not being deleted.
        state: What it is doing in words: `running`, `pulling image`, `CrashLoopBackOff: ...`.
        restarts: Restarts of its containers together.
        deleting: It has a deletion timestamp.
        ended: Its phase is Failed or Succeeded (evicted, for example): it does not run again.
    """

    component: str
    name: str
    uid: str = ""
    node: str = ""
    ready: bool = False
    state: str = ""
    restarts: int = 0
    deleting: bool = False
    ended: bool = False


@dataclass(frozen=True)
class Claim:
    """A PersistentVolumeClaim of the vCluster (`data-NAME-0`, `data-NAME-etcd-0` ...)."""

    name: str
    size: str
    storage_class: str | None
    phase: str


@dataclass(frozen=True)
class Autoscaler:
    """An autoscaler whose target is the control plane.

    Attributes:
        kind: HorizontalPodAutoscaler or VerticalPodAutoscaler.
        ours: This collection made it (label app.kubernetes.io/managed-by).
        spec: Its spec as the API server tells it.
        trouble: Why it does not work, in its own words; empty when it does.
    """

    kind: str
    name: str
    ours: bool
    spec: Mapping[str, Any]
    trouble: str = ""

    @property
    def least(self) -> int:
        """The least replicas; the API server's default is 1."""
        return int(self.spec.get("minReplicas") or 1)

    @property
    def most(self) -> int:
        """The most replicas."""
        return int(self.spec.get("maxReplicas") or self.least)


# Why a member is lost: somebody, or a run that was cut off, removed it, and its data is of no use any more; or there is
# none. Of a pod that no member counts these two alone tell that no tenant's data is on its claim.
REMOVED = "it was removed from the member list"
EMPTY = "its volume is empty"


@dataclass(frozen=True)
class MemberList:
    """Who the members of a store are by their own word; by the ordinals of their pods.

    Attributes:
        voters: Those that vote.
        learners: Those that do not vote yet.
        trouble: Why that is not to be relied on: they disagree, none of them answers, a stranger is among them.
    """

    voters: frozenset[int] = frozenset()
    learners: frozenset[int] = frozenset()
    trouble: str = ""


@dataclass(frozen=True)
class Observation:
    """Everything the planner looks at.

    Attributes:
        release: The newest revision that Helm has not superseded; None when there is no release.
        base: The newest revision that this collection proved; None before adoption.
        last_good: The newest revision that Helm calls deployed or superseded (what a repair returns to).
        workloads: The vCluster's Deployments and StatefulSets.
        claims: Its volume claims, also those left by an earlier vCluster of the same name (G14).
        neighbours: Names of other vClusters in the namespace (G39).
        services: Names of the Services in the namespace that matter to guards (`loft`).
        secrets: Names of Secrets in the namespace that the spec refers to and that exist, with their data keys.
        references: Identity (`uid/resourceVersion`) of each referenced Secret, by name.
        host_version: Kubernetes minor of the host cluster, for example (1, 36).
        paused: The vCluster is paused, sleeping or being restored; the annotation that says so.
        store_owner: Whose data is behind the address of its store, `NAMESPACE/NAME`, by the mark there; empty where
            nothing says it.
        budgets: Names of PodDisruptionBudgets in the namespace.
        leader: The syncer's Lease; only a status looks for it, and one replica has none.
        seen_at: The host cluster's clock at that moment (G55).
        certificates: When its certificates end; only a complete one knows, else the note of the last proof does.
        members: Who the members of the store are by their own word; None when nothing gave a reason to ask them.
        lost_members: Why a member cannot come back with the data it has, by the ordinal of its pod.
        autoscalers: Those of the control plane.
        api_groups: Those of the API groups that the autoscalers asked for need which the host cluster serves.
        points: How much the store held at earlier looks, oldest first.
        migration: The latest change of its store; None without one.
        complete: False for the light pass: only what the fleet-wide lists show.
    """

    release: Release | None = None
    base: Release | None = None
    last_good: Release | None = None
    workloads: tuple[Workload, ...] = ()
    claims: tuple[Claim, ...] = ()
    neighbours: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    secrets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    references: Mapping[str, str] = field(default_factory=dict)
    host_version: tuple[int, int] | None = None
    paused: str = ""
    store_owner: str = ""
    budgets: tuple[str, ...] = ()
    leader: Leader | None = None
    seen_at: datetime | None = None
    certificates: Certificates = field(default_factory=Certificates)
    members: MemberList | None = None
    lost_members: Mapping[int, str] = field(default_factory=dict)
    autoscalers: tuple[Autoscaler, ...] = ()
    api_groups: frozenset[str] = frozenset()
    points: tuple[Point, ...] = ()
    migration: Migration | None = None
    complete: bool = False

    @property
    def certificates_end(self) -> datetime | None:
        """When the first certificate ends; None where nobody looked."""
        noted = self.release.proved if self.release else None
        first = self.certificates.first
        return first[1] if first else (noted.certificates_end if noted else None)

    @property
    def live_values(self) -> Mapping[str, Any]:
        """User values of `last_good`; empty where there is no such revision."""
        return (self.last_good.values if self.last_good else None) or {}

    @property
    def restore_notes(self) -> Mapping[str, str]:
        """What a restore of ours that is not over left on the control plane; empty without one."""
        plane = self.workload("control_plane")
        found: Mapping[str, str] = json.loads(
            (plane.annotations if plane else {}).get(RESTORE_NOTES, "{}")
        )
        return found

    @property
    def moving(self) -> Migration | None:
        """The migration whose target has everything and is not proved yet: the way is forward."""
        noted = self.migration
        return noted if noted and noted.phase is Phase.SWITCHING else None

    @property
    def host_release(self) -> str:
        """The host cluster's Kubernetes as Helm takes it for templates, such as `1.36.0`; 1.30.0 if unknown."""
        major, minor = self.host_version or (1, 30)
        return f"{major}.{minor}.0"

    def autoscaler(self, kind: str) -> Autoscaler | None:
        """The autoscaler of a kind, if there is one; ours where there is another beside it."""
        found = sorted(self.autoscalers, key=lambda one: not one.ours)
        return next((one for one in found if one.kind == kind), None)

    def workload(self, component: str) -> Workload | None:
        """The workload of a component, if there is one."""
        return next((w for w in self.workloads if w.component == component), None)

    def claimed(self, names: Iterable[str]) -> list[str]:
        """Those of some claims that are there, in their order."""
        there = {claim.name for claim in self.claims}
        return [name for name in names if name in there]


@dataclass(frozen=True)
class Node:
    """A node of the host cluster that takes pods.

    Attributes:
        allocatable: What it has for pods, by resource.
        asked: What each container there asks for, and `pods: 1` for each pod.
    """

    allocatable: Mapping[str, str]
    asked: tuple[Mapping[str, str], ...]
