# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The servers of another store beside the release: as Helm would have made them, and gone again without a trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Claim,
    Observation,
    Release,
    Workload,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import ChartArchive
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.beside import (
    POLICY,
    keep_claims,
    make_servers,
    remove_servers,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.inventory import spec_from
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.registry import store_named

SPEC = spec_from({"name": "a", "namespace": "ns"})
SETS, SERVICES = "/apis/apps/v1/namespaces/ns/statefulsets", "/api/v1/namespaces/ns/services"
CLAIMS = "/api/v1/namespaces/ns/persistentvolumeclaims"
CHART = ChartArchive(Path("x.tgz"), "0" * 64, "0.36.1", {}, {})


class Outside:
    """Helm and the API of one namespace."""

    def __init__(self, *there: str) -> None:
        self.objects: dict[str, Any] = {path: {} for path in there}
        self.api = self.helm = self

    def template(self, *_arguments: Any) -> list[Any]:
        return [
            {"kind": kind, "metadata": {"name": name}, "spec": {"replicas": 3}}
            for kind, name in (
                ("Service", "a-etcd"),
                ("Service", "a-etcd-headless"),
                ("StatefulSet", "a-etcd"),
                ("StatefulSet", "a"),
                ("Secret", "vc-config-a"),
            )
        ]

    def find(self, path: str) -> Any:
        return self.objects.get(path)

    def create(self, path: str, body: Any) -> None:
        self.objects[f"{path}/{body['metadata']['name']}"] = body

    def delete(self, path: str) -> None:
        self.objects.pop(path, None)

    def list(self, path: str) -> Iterator[Any]:
        for found in list(self.objects):
            if found.startswith(f"{path}/"):
                yield {"metadata": {"name": found.rpartition("/")[2]}}


def made(outside: Any, store: str) -> dict[str, Any]:
    make_servers(SPEC, outside, Observation(host_version=(1, 36)), store_named(store), CHART, {})
    found: dict[str, Any] = outside.objects
    return found


def test_members_come_with_their_services_and_helms_marks_and_nothing_else() -> None:
    found = made(Outside(), "etcd_deployed")
    assert sorted(found) == [
        f"{SERVICES}/a-etcd",
        f"{SERVICES}/a-etcd-headless",
        f"{SETS}/a-etcd",
    ]
    members = found[f"{SETS}/a-etcd"]
    assert members["spec"]["replicas"] == 3
    assert members["metadata"]["namespace"] == "ns"
    assert members["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "Helm"
    assert members["metadata"]["annotations"] == {
        "meta.helm.sh/release-name": "a",
        "meta.helm.sh/release-namespace": "ns",
    }


def test_g03_a_control_plane_among_them_has_no_replicas() -> None:
    found = made(Outside(), "sqlite")
    assert {path: item["spec"]["replicas"] for path, item in found.items()} == {f"{SETS}/a": 0}


def test_what_others_run_needs_nothing() -> None:
    assert made(Outside(), "postgresql") == made(Outside(), "etcd_external") == {}


def test_what_is_there_stays() -> None:
    assert made(Outside(f"{SETS}/a"), "sqlite") == {f"{SETS}/a": {}}


def test_what_the_release_itself_has_is_never_removed() -> None:
    """A control plane with a volume of its own is a StatefulSet on any store."""
    outside: Any = Outside(f"{SETS}/a")
    plane = Workload("control_plane", "StatefulSet", "a", 1)
    good = Release(1, "deployed", workloads=(plane,))
    remove_servers(SPEC, outside, Observation(last_good=good), store_named("sqlite"))
    assert sorted(outside.objects) == [f"{SETS}/a"]


def test_what_was_made_goes_and_claims_that_were_there_before_stay() -> None:
    outside: Any = Outside(f"{SETS}/a")
    made(outside, "etcd_deployed")
    for number in range(2):
        outside.objects[f"{CLAIMS}/data-a-etcd-{number}"] = {}
    outside.objects[f"{CLAIMS}/data-a-0"] = {}
    before = Observation(claims=(Claim("data-a-etcd-1", "5Gi", None, "Bound"),))
    remove_servers(SPEC, outside, before, store_named("etcd_deployed"))
    assert sorted(outside.objects) == [
        f"{CLAIMS}/data-a-0",
        f"{CLAIMS}/data-a-etcd-1",
        f"{SETS}/a",
    ]


class Retaining(Outside):
    """A StatefulSet whose claims go with it, until its policy is another one and its controller saw that."""

    def __init__(self, policy: str) -> None:
        super().__init__()
        spec = {POLICY: {"whenDeleted": policy, "whenScaled": "Retain"}}
        self.objects[f"{SETS}/a"] = {"spec": spec}
        owned = [{"kind": "StatefulSet", "name": "a"}] if policy == "Delete" else []
        self.claims = [
            {"metadata": {"name": "data-a-0", "ownerReferences": owned}},
            {"metadata": {"name": "other", "ownerReferences": [{"kind": "Job"}]}},
        ]
        self.asked: list[Any] = []

    def merge(self, path: str, body: Any) -> None:
        assert path == f"{SETS}/a"
        self.asked.append(body)

    def list(self, path: str) -> Iterator[Any]:
        assert path == CLAIMS
        return iter(self.claims)


def test_claims_that_would_go_with_their_servers_are_let_go_of_before() -> None:
    outside: Any = Retaining("Delete")
    looks: list[bool] = []

    def until(what: str, holds: Callable[[], bool]) -> None:
        assert what == "StatefulSet a to let go of its claims"
        looks.append(holds())
        outside.claims[0]["metadata"]["ownerReferences"] = []
        looks.append(holds())

    keep_claims(SPEC, outside, store_named("sqlite"), until)
    assert outside.asked == [{"spec": {POLICY: {"whenDeleted": "Retain"}}}]
    assert looks == [False, True]


def test_claims_that_stay_anyway_are_left_alone() -> None:
    outside: Any = Retaining("Retain")
    for store in ("sqlite", "etcd_deployed", "postgresql"):
        keep_claims(SPEC, outside, store_named(store), lambda *_waits: None)
    assert outside.asked == []
