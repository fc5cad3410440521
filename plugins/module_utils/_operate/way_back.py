# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Back from a hop that was not proved to the revision before it (G25): by the snapshot that was taken of that.

What was written since is lost to the tenant then, and kept in a snapshot of its own where the store still gives one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .._cluster.repository import Repository
from .._core.errors import FleetError
from .._core.observation import Observation, Release, Workload
from .._core.ports import Api, HostCluster, Json, Lock
from .._core.snapshot import Manifest
from .._core.spec import Spec
from .._plan.guards.snapshots import restore_findings
from .audit import Audit
from .context import Context
from .planning import accepted
from .pods import pod, selector
from .restoring import Restoring
from .saved import of_snapshot
from .wait import Deadline

SERVERS = ("syncer", "etcd")  # containers that write to the store
CONTAINERS = ("initContainers", "containers")


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
        restoring = Restoring(
            self.spec,
            self.host,
            self.observation,
            of_snapshot(self.spec, own, manifest),
            own,
            self.context,
            self.lock,
            self.audit,
            self.deadline,
            safe=False,
            back=self.base,
        )
        return {**restoring.carry_out(), "kept": restoring.kept, "from": manifest.id}

    def _snapshot(self, own: Repository) -> Manifest:
        """The one that was taken before the hop."""
        found = own.find(self.base.snapshot)
        if found is None:
            raise FleetError(
                f"The snapshot of revision {self.base.revision} of {self.spec.title} is gone: {self.base.snapshot}.",
                "Restore another one with fleetops.vcluster.restore, or mend what runs.",
            )
        return found

    def _findings(self, manifest: Manifest) -> tuple[Any, ...]:
        """It can be opened, and fits what ran then."""
        then = Observation(last_good=self.base, workloads=self.base.workloads)
        return restore_findings(self.spec, then, manifest)


def newer_ran(api: Api, spec: Spec, base: Release) -> bool:
    """Whether a server of another version than that revision's may have written to the store.

    One of a pod that is gone is not seen. So where no newer pod is there that never started, all of that revision have
    to be ready: while they serve, the store is one that they read.
    """
    asked = {workload.component: workload for workload in base.workloads}
    path = f"/api/v1/namespaces/{spec.namespace}/pods"
    pods = api.get(path, {"labelSelector": selector(spec)}).get("items", ())
    newer = [raw for raw in pods if _differs(raw, asked.get(pod(raw).component))]
    if any(map(_started, newer)):
        return True
    wanted = sum(workload.replicas for workload in base.workloads)
    return not newer and sum(pod(raw).ready for raw in pods) < wanted


def _differs(raw: Json, asked: Workload | None) -> bool:
    """Whether a pod is of other versions than those that were asked for; see Workload."""
    if asked is None:
        return True
    there = {c["name"]: c["image"] for kind in CONTAINERS for c in raw["spec"].get(kind) or ()}
    return replace(asked, images=there).differs(asked)


def _started(raw: Json) -> bool:
    """Whether a server in it runs, or ran."""
    statuses = raw.get("status", {}).get("containerStatuses", ())
    return any(
        status["name"] in SERVERS
        and (
            status.get("restartCount")
            or {"running", "terminated"} & (status.get("state") or {}).keys()
            or status.get("lastState")
        )
        for status in statuses
    )
