# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the clients of a vCluster notice while it changes its size, beside a plain `helm upgrade` in the same run.

A client writes 20 times a second from half a minute before to half a minute after, and tries again for 10 s what
fails, as client-go does. What nobody may ever see is counted too: acknowledged writes that are gone.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml
from by_hand import in_namespace, upgrade
from harness import Lab, kubectl
from hosts import BENCH, VERSION, Inventory
from measure import BenchError
from results import Result, against_goal
from scaling import broken, gives_up, under_load

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.host import connect
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import Disruption, Kind
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.planning import (
    observe_and_plan,
)
from lab import external_etcd

AROUND, PATIENCE = 30.0, 10.0  # seconds
PLACE = BENCH / "scale"
SECRET = "etcd-client"
HELM, ESTIMATE = "helm upgrade", "the plan's estimate"
LEAST, MOST = 0.5, 1.5  # of the estimate of an outage
REPLICAS = ("controlPlane", "statefulSet", "highAvailability", "replicas")
PODS = ("controlPlane", "backingStore", "etcd", "deploy", "statefulSet", "pods")
WANTED: dict[str, Any] = {
    "vcluster_replicas": 1,
    "vcluster_store": {"type": "etcd_deployed", "members": 1, "storage_class": "growing"},
    "vcluster_resources": {"requests": {"cpu": "100m", "memory": "256Mi"}},
    "vcluster_timeouts": {"rollout": 300},
}


@dataclass(frozen=True)
class Row:
    """What a client noticed of one change.

    Attributes:
        gap: The longest time without an acknowledged write, in seconds.
        failed: Writes that failed for all of its patience.
        lost: Acknowledged writes that are not there.
        cost: What the plan said of it, of the step that costs most; None for one by Helm.
    """

    name: str
    gap: float
    failed: int
    lost: int
    cost: Disruption | None = None

    @property
    def outage(self) -> bool:
        """Whether the plan said that the API would be away."""
        return bool(self.cost and self.cost.kind == "outage")


@dataclass
class Tenant:
    """A vCluster that changes its size under load."""

    inventory: Inventory
    lab: Lab

    @property
    def name(self) -> str:
        (name,) = self.inventory.hosts
        return name

    def become(
        self,
        what: str,
        before: Callable[[], None] | None = None,
        playbook: str = "site",
        **variables: Any,
    ) -> Row:
        """Carry out what the inventory asks for with these variables.

        Args:
            before: Something that happens to it first, under the same load.
        """
        self.inventory = self._with(**variables)
        costs: list[Disruption] = []

        def change() -> None:
            if before:
                before()
            costs.append(self._cost())
            self.inventory.play(playbook)

        return replace(self._row(what, change), cost=costs[0])

    def by_hand(
        self, what: str, values: Sequence[dict[str, Any]], version: str = VERSION, **variables: Any
    ) -> Row:
        """The same by Helm, one upgrade after the other; then the inventory says it too, and it is proved.

        Args:
            version: Of the chart.
        """

        def change() -> None:
            for step in values:
                upgrade(self.lab, self.name, step, version)
                self._rolled_out()

        row = self._row(what, change)
        self.inventory = self._with(**variables)
        self.inventory.play("site")
        return row

    def _rolled_out(self) -> None:
        place = (self.lab, self.name)
        for workload in in_namespace(*place, "get", "deployments,statefulsets", "-o=name").split():
            in_namespace(*place, "rollout", "status", workload, "--timeout=110s")

    def _with(self, **variables: Any) -> Inventory:
        store = {**self.inventory.common["vcluster_store"], **variables.pop("store", {})}
        common = {**self.inventory.common, **variables, "vcluster_store": store}
        return replace(self.inventory, common=common)

    def _row(self, what: str, change: Callable[[], None]) -> Row:
        with under_load(self.lab, self.name, PLACE, what, AROUND, PATIENCE) as ledger:
            change()
        report = ledger.report
        print(f"bench: {what}: {report}", flush=True)
        return Row(what.replace(" ", "_"), report.longest_gap_s, report.failed, report.lost)

    def _cost(self) -> Disruption:
        spec = self.inventory.spec(self.name)
        plan = observe_and_plan(spec, connect(spec.access, print), Context()).plan
        if not plan.steps:
            raise BenchError(f"{self.name}: nothing to do: {plan.findings}")
        # That of a snapshot comes only where the store cannot be copied while it runs.
        costs = (step.disruption for step in plan.steps if step.kind is not Kind.SNAPSHOT)
        return max(costs, key=lambda cost: (cost.kind == "outage", cost.seconds))


def deployed(inventory: Inventory) -> list[Result]:
    """Out and in on a deployed etcd, larger claims, other resources, and a member that is lost."""
    make_place()
    tenant = installed(inventory)
    rows = [tenant.become("etcd 1 to 3", vcluster_replicas=3, store={"members": 3})]
    # Ours has up to three rollouts in a row, so has Helm; of members too, where ours restarts them.
    first, second = ({"logging": {"encoding": encoding}} for encoding in ("json", "console"))
    helm = tenant.by_hand("helm upgrade", [first, second, first], vcluster_values=first)
    one, two = (nested(PODS, {"annotations": {"turn": turn}}) for turn in ("one", "two"))
    both = tenant.by_hand(
        "helm upgrade of members", [one, two, one], vcluster_values={**first, **one}
    )
    requests = {"requests": {"cpu": "120m", "memory": "256Mi"}}
    rows += [
        tenant.become("resources", vcluster_resources=requests),
        tenant.become("claims grow", store={"size": "6Gi"}),
        tenant.become("member replaced", lambda: _lost(tenant)),
        tenant.become("etcd 3 to 5", store={"members": 5}),
        tenant.become("etcd 5 to 3", store={"members": 3}),
        tenant.become("etcd 3 to 1", vcluster_replicas=1, store={"members": 1}),
    ]
    peers = [both, helm, helm, both, both, both, both]
    return [*beside(rows, peers), *counted("deployed", rows)]


def external(inventory: Inventory) -> list[Result]:
    """Replicas on an etcd of its own, out and in, each beside Helm."""
    make_place()
    (name,) = inventory.hosts
    kubeconfig = inventory.clusters[inventory.hosts[name]]
    etcd = external_etcd.create(kubeconfig, name, PLACE / "etcd")
    try:
        namespace = f"vcluster-{name}"
        place = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        objects = yaml.safe_dump_all([place, etcd.secret(SECRET, namespace)])
        kubectl(kubeconfig, "apply", "-f", "-", stdin=objects)
        store = {"type": "etcd_external", "endpoint": etcd.endpoint, "tls": {"secret": SECRET}}
        common = {**inventory.common, "vcluster_store": store}
        tenant = installed(replace(inventory, common=common))
        rows = [
            tenant.become("external 1 to 3", vcluster_replicas=3),
            tenant.become("external 3 to 1", vcluster_replicas=1),
        ]
        helm = [
            tenant.by_hand(f"helm {words}", [nested(REPLICAS, count)], vcluster_replicas=count)
            for words, count in (("1 to 3", 3), ("3 to 1", 1))
        ]
        return [*beside(rows, helm), *counted("external", rows)]
    finally:
        kubectl(kubeconfig, "delete", "namespace", external_etcd.NAMESPACE)


def make_place() -> None:
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(parents=True)


def installed(inventory: Inventory) -> Tenant:
    inventory.play("site")
    return Tenant(inventory, Lab.running())


def _lost(tenant: Tenant) -> None:
    """One member's data is overwritten, and the member gives up."""
    broken(tenant.lab, tenant.name, 1)
    gives_up(tenant.lab, tenant.name, 1)


def nested(path: Sequence[str], value: Any) -> dict[str, Any]:
    """Values with one value."""
    for key in reversed(path):
        value = {key: value}
    return dict(value)


def beside(rows: Sequence[Row], helm: Sequence[Row]) -> list[Result]:
    """The gap of each change: beside that of Helm, or beside what the plan said where the API is away."""
    found = []
    for row, peer in zip(rows, helm, strict=True):
        name, unit = f"gap_{row.name}", "s without an acknowledged write"
        if row.outage and row.cost:
            estimate = row.cost.seconds
            found.append(Result(name, row.gap, estimate, ESTIMATE, unit, MOST, LEAST))
        else:
            found.append(Result(name, row.gap, peer.gap, HELM, unit, 1.0))
    return found


def counted(of: str, rows: Sequence[Row]) -> list[Result]:
    """What there must be none of."""
    failed = sum(row.failed for row in rows if not row.outage)
    return [
        against_goal(f"lost_{of}", sum(row.lost for row in rows), 0, "writes"),
        against_goal(f"failed_{of}", failed, 0, "writes"),
    ]
