# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan asks of a host cluster: room on its nodes, storage classes that let claims grow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.host import Host
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import ApiError
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.finding import warn
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Claim,
    Observation,
    Workload,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import (
    Growth,
    Kind,
    Plan,
    Step,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import ChartArchive
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.fitting import (
    fitted,
    with_room,
    with_schemas,
)

CHART = ChartArchive(Path("/c"), "0", "0.36.1", {}, {})
NOTE = warn("G33", "a licence")
ONE = Observation(workloads=(Workload("control_plane", "Deployment", "tenant-a", 1),))


def values(replicas: int) -> dict[str, Any]:
    requests = {"cpu": "1", "memory": "1Gi"}
    stateful = {"highAvailability": {"replicas": replicas}, "resources": {"requests": requests}}
    return {"controlPlane": {"statefulSet": stateful}}


OUT = Plan((Step(Kind.SCALE_OUT, "", values=values(3)),), (NOTE,))
IN = Plan((Step(Kind.SCALE_IN, "", values=values(1)),), (NOTE,))


def node(name: str, cpu: str, pods: str = "110", **spec: Any) -> dict[str, Any]:
    allocatable = {"cpu": cpu, "memory": "8Gi", "pods": pods}
    return {"metadata": {"name": name}, "spec": spec, "status": {"allocatable": allocatable}}


def pod(node: str, *cpus: str) -> dict[str, Any]:
    containers = [{"resources": {"requests": {"cpu": cpu}}} for cpu in cpus]
    return {"spec": {"nodeName": node, "containers": [*containers, {}]}}


class Cluster:
    """A host cluster as far as a plan looks at it."""

    def __init__(self, nodes: list[Any], pods: list[Any], status: int = 0, **classes: Any) -> None:
        self.nodes, self.pods, self.status, self.classes = nodes, pods, status, classes
        self.lists = 0

    def list(self, path: str, params: Any = None) -> Iterator[dict[str, Any]]:
        self.lists += 1
        if self.status:
            raise ApiError(self.status, "no")
        if path == "/api/v1/pods":
            assert params["fieldSelector"] == "status.phase!=Succeeded,status.phase!=Failed"
        yield from self.pods if path == "/api/v1/pods" else self.nodes

    def find(self, path: str) -> Any:
        begin, _, name = path.rpartition("/")
        assert begin == "/apis/storage.k8s.io/v1/storageclasses"
        if self.status:
            raise ApiError(self.status, "no")
        return self.classes.get(name)


def found(plan: Plan, cluster: Cluster, seen: Observation = ONE) -> list[str]:
    host = Host(cast("Any", cluster), cast("Any", None), cast("Any", None))
    fitting = with_room(fitted(plan, host.api, seen), host, seen, CHART)
    assert bool(fitting.steps) != bool(fitting.refusals)
    assert fitting.digest == plan.digest
    return [f.guard for f in fitting.findings]


def test_the_nodes_are_looked_at_once() -> None:
    cluster = Cluster([node("n1", "9")], [])
    host = Host(cast("Any", cluster), cast("Any", None), cast("Any", None))
    assert host.nodes()
    assert host.nodes()
    assert cluster.lists == 2


def test_what_runs_takes_from_what_a_node_has() -> None:
    busy = [pod("n1", "1", "500m"), pod("", "9")]
    assert found(OUT, Cluster([node("n1", "4")], busy)) == ["G33"]
    assert found(OUT, Cluster([node("n1", "3")], busy)) == ["G33", "room"]


def test_an_odd_node_fails_no_plan() -> None:
    for pods, words in (("1k", []), ("odd", ["room"])):
        assert found(OUT, Cluster([node("n1", "4", pods)], [])) == ["G33", *words]


def test_a_node_that_takes_no_pods_has_no_room() -> None:
    assert found(OUT, Cluster([node("n1", "9", unschedulable=True)], [])) == ["G33", "room"]
    virtual = {"metadata": {"name": "v"}, "spec": {}, "status": {}}
    assert found(OUT, Cluster([virtual], [])) == ["G33", "room"]


def test_who_cannot_look_and_who_adds_nothing_hears_nothing() -> None:
    assert found(OUT, Cluster([], [], 403)) == ["G33"]
    assert found(OUT, Cluster([], [], 500)) == ["G33"]
    assert found(IN, Cluster([], [])) == ["G33"]


def growing(storage_class: str | None) -> tuple[Plan, Observation]:
    growth = Growth("etcd", "a-etcd", ("data-a-etcd-0",), "9Gi")
    claims = (Claim("data-a-etcd-0", "5Gi", storage_class, "Bound"), Claim("x", "", "fixed", ""))
    plan = Plan((Step(Kind.RESIZE, "", values=values(1), growth=growth),), (NOTE,))
    return plan, Observation(claims=claims)


def test_g12_claims_grow_where_their_storage_class_lets_them() -> None:
    host = Cluster([], [], fast={"allowVolumeExpansion": True}, fixed={})
    plan, seen = growing("fast")
    assert found(plan, host, seen) == ["G33"]
    for name in ("fixed", "gone", None):
        plan, seen = growing(name)
        assert found(plan, host, seen) == ["G33", "G12"]


def test_g12_who_may_not_look_at_storage_classes_tries() -> None:
    plan, seen = growing("fast")
    assert found(plan, Cluster([], [], 403), seen) == ["G33"]


class Library:
    """Charts by version; those of one version take no telemetry."""

    def pull(self, chart: str, version: str) -> ChartArchive:
        assert chart == "https://charts.example.net"
        known = {} if version == "0.35.3" else {"telemetry": {"type": "object"}}
        schema = {"type": "object", "additionalProperties": False, "properties": known}
        return ChartArchive(Path("/c"), "0", version, schema, {})


def test_g17_each_chart_on_the_way_has_to_take_its_values() -> None:
    told = {"telemetry": {"enabled": False}}

    def hops(*versions: str) -> Plan:
        return Plan(tuple(Step(Kind.CHART_HOP, "", values=told, version=v) for v in versions))

    def checked(*versions: str) -> Plan:
        return with_schemas(hops(*versions), "https://charts.example.net", cast("Any", Library()))

    assert checked("0.34.7", "0.36.1") == hops("0.34.7", "0.36.1")
    refused = checked("0.34.7", "0.35.3", "0.36.1")
    assert refused.steps == ()
    assert [finding.guard for finding in refused.refusals] == ["G17"]
    assert "0.35.3" in str(refused.refusals[0])
    # Nor is a way begun that does not lead on.
    begun = replace(hops("0.34.7"), later=hops("0.35.3").steps)
    assert with_schemas(begun, "https://charts.example.net", cast("Any", Library())).refusals
