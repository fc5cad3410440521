# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the light pass."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.api import KubernetesApi
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.fleet import survey
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import ApiError
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.migration import Phase

RELEASES, DEPLOYMENTS, SETS = "secrets", "deployments", "statefulsets"


def secret(namespace: str, name: str, revision: int, status: str = "deployed") -> dict[str, Any]:
    labels = {"name": name, "owner": "helm", "status": status, "version": str(revision)}
    return {"metadata": {"name": f"r{revision}", "namespace": namespace, "labels": labels}}


def workload(namespace: str, release: str, app: str = "vcluster") -> dict[str, Any]:
    labels = {"app": app, "release": release}
    spec = {"template": {"spec": {"containers": [{"name": "syncer", "image": "s:1"}]}}}
    return {"metadata": {"name": release, "namespace": namespace, "labels": labels}, "spec": spec}


class Cluster:
    """Answers lists of a small cluster; namespaces can be forbidden, the whole cluster too."""

    def __init__(self, scripted: Any, forbidden: set[str]) -> None:
        self._answer = type(scripted.answers[0])
        self._forbidden = forbidden
        scripted.answers = [self.answer]
        self.others: list[dict[str, Any]] = []
        self.items = {
            RELEASES: [
                secret("n1", "a", 1, "failed"),
                secret("n1", "a", 2),
                secret("n2", "b", 7),
                secret("n1", "other-chart", 1),
            ],
            DEPLOYMENTS: [workload("n2", "b")],
            SETS: [workload("n1", "a"), workload("n2", "b", "vcluster-etcd")],
        }

    def answer(self, request: Any) -> Any:
        if request.path == "/version":
            return self._answer(200, {"major": "1", "minor": "36+"})
        parts = request.path.split("/")
        scope = parts[parts.index("namespaces") + 1] if "namespaces" in parts else ""
        if scope in self._forbidden:
            return self._answer(403, {"message": f"cannot list in {scope or 'all namespaces'}"})
        found = self.others if "fieldSelector" in request.query else self.items[parts[-1]]
        items = [item for item in found if not scope or item["metadata"]["namespace"] == scope]
        return self._answer(200, {"metadata": {}, "items": items})


WANTED: dict[tuple[str, str], frozenset[str]] = {
    ("n1", "a"): frozenset(),
    ("n2", "b"): frozenset(),
    ("n3", "none"): frozenset(),
}


def test_four_requests_whatever_the_number_of_vclusters(api: KubernetesApi, scripted: Any) -> None:
    Cluster(scripted, set())
    fleet = survey(api, WANTED)
    assert [request.path for request in scripted.requests] == [
        "/version",
        "/api/v1/secrets",
        "/apis/apps/v1/deployments",
        "/apis/apps/v1/statefulsets",
    ]
    secrets = scripted.requests[1]
    assert secrets.query["labelSelector"] == "owner=helm,status!=superseded"
    assert "PartialObjectMetadataList" in secrets.headers["accept"]
    a, b, none = (fleet.observations[key] for key in WANTED)
    assert a.release is not None and a.release.revision == 2
    assert [w.kind for w in a.workloads] == ["StatefulSet"]
    assert {w.component: w.kind for w in b.workloads} == {
        "control_plane": "Deployment",
        "etcd": "StatefulSet",
    }
    assert (none.release, none.workloads) == (None, ())
    assert all(o.host_version == (1, 36) and not o.complete for o in fleet.observations.values())
    assert (fleet.failures, fleet.notes) == ({}, ())


def test_without_the_right_each_namespace_is_asked_and_the_cost_is_told(
    api: KubernetesApi, scripted: Any
) -> None:
    Cluster(scripted, {"", "n2"})
    fleet = survey(api, WANTED)
    assert set(fleet.observations) == {("n1", "a"), ("n3", "none")}
    assert set(fleet.failures) == {("n2", "b")}
    failure = fleet.failures[("n2", "b")]
    assert isinstance(failure, ApiError)
    assert "cannot list in n2" in str(failure)
    (note,) = fleet.notes
    assert "asked 3 namespaces one by one, 9 lists instead of 3" in note


def test_one_more_list_tells_whether_the_secrets_referred_to_changed(
    api: KubernetesApi, scripted: Any
) -> None:
    cluster = Cluster(scripted, set())
    tls = {"name": "tls", "namespace": "n1", "uid": "u", "resourceVersion": "7"}
    cluster.others = [{"metadata": tls}, {"metadata": {**tls, "namespace": "n2"}}]
    fleet = survey(api, {**WANTED, ("n1", "a"): frozenset({"tls", "gone"})})
    assert len(scripted.requests) == 5
    assert scripted.requests[4].query["fieldSelector"] == "type!=helm.sh/release.v1"
    assert "PartialObjectMetadataList" in scripted.requests[4].headers["accept"]
    assert fleet.observations[("n1", "a")].references == {"tls": "u/7"}
    assert fleet.observations[("n2", "b")].references == {}


def test_a_status_lists_the_leases_too(api: KubernetesApi, scripted: Any) -> None:
    cluster = Cluster(scripted, set())
    spec = {"holderIdentity": "b-0-x", "renewTime": "2026-11-24T11:59:30Z"}
    lease = {"name": "vcluster-b-controller", "namespace": "n2"}
    cluster.items["leases"] = [{"metadata": lease, "spec": spec}]
    moved = {
        "source": "sqlite",
        "target": "postgresql",
        "phase": "done",
        "at": "2026-11-24T11:00:00Z",
    }
    notes = {"n1": json.dumps(moved), "n2": "damaged"}
    for namespace, name in WANTED:
        own = {"name": f"vcluster-{name}-fleetops", "namespace": namespace}
        note = {"fleetops.vcluster/migration": notes.get(namespace, "")}
        cluster.items["leases"].append({"metadata": {**own, "annotations": note}, "spec": {}})
    fleet = survey(api, WANTED, leases=True)
    assert len(scripted.requests) == 5
    migration = fleet.observations["n1", "a"].migration
    assert migration is not None and migration.phase is Phase.DONE
    assert fleet.observations["n2", "b"].migration is None
    leader = fleet.observations["n2", "b"].leader
    assert leader is not None and (leader.holder, leader.lasts) == ("b-0-x", 60)
    assert fleet.observations["n1", "a"].leader is None
    assert all(seen.seen_at for seen in fleet.observations.values())


def test_other_errors_are_not_taken_for_missing_rights(api: KubernetesApi, scripted: Any) -> None:
    cluster = Cluster(scripted, set())
    version = cluster.answer

    def broken(request: Any) -> Any:
        return version(request) if request.path == "/version" else cluster._answer(400, {})

    scripted.answers = [broken]
    with pytest.raises(ApiError):
        survey(api, WANTED)
    assert len(scripted.requests) == 2
