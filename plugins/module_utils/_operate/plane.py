# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stop a control plane and start it again, past Helm: what its release asks for stays as it is.

One that was stopped cannot be started by hand: whoever scales its workload gets pods that no node takes. So nobody
writes while its store is copied or filled, nor between the last look at that and the values of another store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from .._core.errors import FleetError, TimedOut
from .._core.observation import STOPPED, Observation, Workload
from .._core.ports import HostCluster, Json
from .._core.spec import Spec
from .pods import look, selector
from .wait import Deadline, rollout, wait_until

Answer = TypeVar("Answer")

HELPERS = ("fleetops-copy", "fleetops-restore")  # label app of our pods, see ClaimPod
SYNCED = "vcluster.loft.sh/managed-by"  # label of host pods that stand for tenant pods


@dataclass(frozen=True)
class Plane:
    """The workload of a control plane.

    Attributes:
        observation: Before it was stopped.
        deadline: For all that is waited for.
        say: Takes a line of progress.
    """

    spec: Spec
    host: HostCluster
    observation: Observation
    deadline: Deadline
    say: Callable[[str], None]

    @property
    def workload(self) -> Workload:
        """It, as it was observed."""
        found = self.observation.workload("control_plane")
        if found is None:
            raise FleetError(
                f"{self.spec.title} has no control plane workload.",
                "Run fleetops.vcluster.site first.",
            )
        return found

    @property
    def replicas(self) -> int:
        """As many as the release asks for: the workload itself may be at 0."""
        good = self.observation.last_good
        asked = good.workloads if good else ()
        return next((w.replicas for w in asked if w.component == "control_plane"), 1)

    def stop(self, annotations: Mapping[str, str]) -> None:
        """No replica runs when this returns."""
        self.say("stopping the control plane")
        self._patch({"metadata": {"annotations": annotations}, "spec": _asked(0, "true")})
        self.until("the replicas to stop", lambda: not self._running())

    def end_pods(self) -> None:
        """End what the syncer made in the namespace for the tenant's pods; one that runs makes them again."""
        pods = f"/api/v1/namespaces/{self.spec.namespace}/pods"
        for pod in self.host.api.list(pods, {"labelSelector": f"{SYNCED}={self.spec.name}"}):
            self.host.api.delete(f"{pods}/{pod['metadata']['name']}")

    def end_helpers(self) -> None:
        """None of our pods is on the claims of the vCluster when this returns."""
        pods = f"/api/v1/namespaces/{self.spec.namespace}/pods"
        ours = {"labelSelector": f"app in ({', '.join(HELPERS)}),release={self.spec.name}"}
        for pod in self.host.api.list(pods, ours):
            self.host.api.delete(f"{pods}/{pod['metadata']['name']}")
        self.until(
            "the pods of an earlier run to go", lambda: not [*self.host.api.list(pods, ours)]
        )

    def mark(self, annotations: Mapping[str, str]) -> None:
        """Set annotations."""
        self._patch({"metadata": {"annotations": annotations}})

    def start(self) -> None:
        """All replicas run and are ready when this returns."""
        self.say("starting the control plane")
        self.let_run()
        limit = Deadline(self.spec.limits.rollout, self.deadline)
        rollout(self.host.api, self.spec, limit, self.say)

    def let_run(self) -> None:
        """All replicas may run again; nobody waits for them."""
        self._patch({"spec": _asked(self.replicas, None)})
        # A StatefulSet keeps a pod that no node takes.
        pods = f"/api/v1/namespaces/{self.spec.namespace}/pods"
        for pod in self.host.api.list(pods, {"labelSelector": selector(self.spec)}):
            if STOPPED in (pod["spec"].get("nodeSelector") or {}):
                self.host.api.delete(f"{pods}/{pod['metadata']['name']}")

    def unmark(self, *annotations: str) -> None:
        """Remove annotations."""
        self._patch({"metadata": {"annotations": dict.fromkeys(annotations)}})

    def until(self, what: str, holds: Callable[[], bool]) -> None:
        """See `wait_until`."""
        wait_until(self.spec, Deadline(self.spec.limits.rollout, self.deadline), what, holds)

    def answer(self, what: str, asked: Callable[[], Answer]) -> Answer:
        """What something answers, as soon as it does; see `until`.

        Raises:
            FleetError: It did not, with its last words.
        """
        found: list[Answer] = []
        last: list[FleetError] = []

        def answered() -> bool:
            try:
                found.append(asked())
            except FleetError as error:
                last[:] = [error]
            return bool(found)

        try:
            self.until(what, answered)
        except TimedOut as error:
            raise FleetError(f"{error.what} {last[0] if last else ''}", error.way_out) from error
        return found[0]

    def _running(self) -> bool:
        return any(p.component == "control_plane" for p in look(self.host.api, self.spec).pods)

    def _patch(self, body: Json) -> None:
        kind, name = self.workload.kind.lower(), self.workload.name
        path = f"/apis/apps/v1/namespaces/{self.spec.namespace}/{kind}s/{name}"
        self.host.api.merge(path, body)


def _asked(replicas: int, stopped: str | None) -> Json:
    """Of a workload's spec: how many, and whether a node takes them."""
    return {
        "replicas": replicas,
        "template": {"spec": {"nodeSelector": {STOPPED: stopped}}},
    }
