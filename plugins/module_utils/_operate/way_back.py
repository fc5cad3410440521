# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Back from a hop that was not proved to the revision before it (G25): by the snapshot that was taken of that.

What was written since is lost to the tenant then, and kept in a snapshot of its own where the store still gives one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .._cluster.repository import Repository
from .._core.errors import FleetError
from .._core.observation import Observation, Release, Workload
from .._core.ports import Api, HostCluster, Json, Lock
from .._core.snapshot import Manifest
from .._core.spec import Spec
from .._core.versions import version_of
from .._plan.guards.snapshots import restore_findings
from .._plan.upgrade import running_kubernetes
from .audit import Audit
from .context import Context
from .planning import accepted
from .pods import selector
from .restoring import Restoring
from .saved import of_snapshot
from .taking import Taking
from .wait import Deadline

SERVERS = ("syncer", "etcd")  # containers that write to the store


@dataclass(frozen=True)
class WayBack:
    """To one revision.

    Attributes:
        observation: What is there now.
        base: The revision that was proved last.
    """

    spec: Spec
    host: HostCluster
    observation: Observation
    base: Release
    context: Context
    lock: Lock
    audit: Audit
    deadline: Deadline

    def restore(self) -> Mapping[str, Any]:
        """Restore the snapshot into the versions of then.

        Returns:
            The result of that restore, and `kept`: the snapshot of what was there before, or why there is none.

        Raises:
            FleetError: There is no such snapshot, or it cannot be opened; nothing was touched.
        """
        own = Repository(self.context.target(self.spec), self.spec)
        manifest = self._snapshot(own)
        accepted(self.spec, self._findings(manifest), self.context)
        saved = of_snapshot(self.spec, own, manifest)
        kept = self._kept(own, manifest)
        restoring = Restoring(
            self.spec,
            self.host,
            self.observation,
            saved,
            own,
            self.context,
            self.lock,
            self.audit,
            self.deadline,
            safe=False,
            back=self.base,
        )
        return {**restoring.carry_out(), "kept": kept, "from": manifest.id}

    def _snapshot(self, own: Repository) -> Manifest:
        """The newest one that was taken of that revision."""
        found = [manifest for manifest in own.manifests()[0] if self._is_of_base(manifest)]
        if not found:
            raise FleetError(
                f"There is no snapshot of revision {self.base.revision} of {self.spec.title}.",
                "Restore another one with fleetops.vcluster.restore, or mend what runs.",
            )
        return found[-1]

    def _is_of_base(self, manifest: Manifest) -> bool:
        base, proved = self.base, self.base.proved
        before = Observation(last_good=base)
        etcd = before.last_good and _tag(base.workloads, "etcd")
        stores = [version_of(text) for text in (manifest.store_version, etcd or "")]
        return (
            not manifest.safety_of
            and proved is not None
            and manifest.taken_at >= proved.at.replace(microsecond=0)
            and manifest.chart_version == base.chart_version
            and manifest.kubernetes_version == running_kubernetes(before)
            and len({store.minor for store in stores if store}) < 2
        )

    def _findings(self, manifest: Manifest) -> tuple[Any, ...]:
        """It can be opened, and fits what ran then."""
        then = Observation(last_good=self.base, workloads=self.base.workloads)
        return restore_findings(self.spec, then, manifest)

    def _kept(self, own: Repository, manifest: Manifest) -> str:
        try:
            taken = Taking(
                self.spec,
                self.host,
                self.observation,
                own,
                self.context,
                self.lock,
                self.audit,
                self.deadline,
                safety_of=manifest.id,
            ).take()
        except FleetError as error:
            return f"it could not be saved: {error.what}"
        return f"it is kept in snapshot {taken.id}"


def _tag(workloads: tuple[Workload, ...], component: str) -> str:
    return next((w.tag(component) for w in workloads if w.component == component), "")


def newer_ran(api: Api, spec: Spec, base: Release) -> bool:
    """Whether a pod of another version than that revision's has ever written to the store: its server started."""
    asked = {image for workload in base.workloads for image in workload.images.values()}
    path = f"/api/v1/namespaces/{spec.namespace}/pods"
    pods = api.get(path, {"labelSelector": selector(spec)}).get("items", ())
    return any(_started(pod) for pod in pods if not set(_images(pod)) <= asked)


def _images(pod: Json) -> Iterator[str]:
    for kind in ("initContainers", "containers"):
        yield from (container["image"] for container in pod["spec"].get(kind, ()))


def _started(pod: Json) -> bool:
    """Whether a server in it runs, or ran."""
    statuses = pod.get("status", {}).get("containerStatuses", ())
    return any(
        status["name"] in SERVERS
        and (
            status.get("restartCount")
            or {"running", "terminated"} & (status.get("state") or {}).keys()
            or status.get("lastState")
        )
        for status in statuses
    )
