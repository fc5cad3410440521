# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks, each made to fail by what it is there for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from fakes import FakeApi, FakeReach, TenantApi, World, workload

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.check import CheckResult
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Observation,
    Release,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import (
    Access,
    Defaults,
    Spec,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.checks import (
    data,
    names,
    plane,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.checks.scene import Scene
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.pods import look

SPEC = Spec("tenant-a", "tenant-a", "vcluster-tenant-a", "hc1", Access())
NS = "/namespaces/vcluster-tenant-a"
LEASE = f"/apis/coordination.k8s.io/v1{NS}/leases/vcluster-tenant-a-controller"
BUDGET = f"/apis/policy/v1{NS}/poddisruptionbudgets/tenant-a"
FRESH, STALE = "2026-11-24T11:59:40.000000Z", "2026-11-24T11:50:00.000000Z"


def lease(holder: str, renewed: str) -> dict[str, Any]:
    return {"spec": {"holderIdentity": holder, "renewTime": renewed, "leaseDurationSeconds": 60}}


@pytest.fixture
def scene(world: World) -> Scene:
    world.workloads = (workload("control_plane", "Deployment", "tenant-a", 2, {"syncer": "x:1"}),)
    world.objects[LEASE] = lease("tenant-a-0-external-vcluster-controller", FRESH)
    labels = {"app": "vcluster", "release": "tenant-a"}
    world.objects[BUDGET] = {
        "metadata": {"name": "tenant-a"},
        "spec": {"selector": {"matchLabels": labels}},
        "status": {"disruptionsAllowed": 1},
    }
    api = FakeApi(world, "tenant-a", "vcluster-tenant-a")
    replicas = {name: TenantApi(world, name) for name in ("tenant-a-0", "tenant-a-1")}
    return Scene(SPEC, Observation(), look(api, SPEC), api, FakeReach(world), replicas, {})


def result(found: Any, check_id: str) -> CheckResult:
    return next(item for item in found if item.id == check_id)


def test_a_healthy_plane_passes_everything_it_can(scene: Scene) -> None:
    assert {check.id: check.status for check in plane.checks(scene)} == {
        "rollout": "pass",
        "pods": "pass",
        "api_ready": "pass",
        "api_identity": "pass",
        "kubeconfig_secret": "pass",
        "leader": "pass",
        "placement": "skip",
        "disruption_budgets": "pass",
    }


def test_g49_a_rollout_that_is_not_complete_fails_by_name(scene: Scene, world: World) -> None:
    object.__setattr__(world.workloads[0], "observed_generation", 0)
    found = replace(scene, live=look(scene.host, SPEC))
    assert result(plane.checks(found), "rollout").status == "fail"


def test_a_pending_replica_fails_by_name(scene: Scene, world: World) -> None:
    world.never_ready = "ImagePullBackOff"
    found = result(plane.checks(replace(scene, live=look(scene.host, SPEC))), "pods")
    assert found.status == "fail"
    assert "tenant-a-1: cannot pull image x:1" in found.evidence


def test_g32_a_replica_that_never_registered_fails_by_name(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_first = {
        "items": [
            TenantApi(World(), "x")._identity(workload("control_plane", "", "tenant-a", 1, {}), 0)
        ]
    }
    monkeypatch.setattr(TenantApi, "get", lambda *_args: only_first)
    found = result(plane.checks(scene), "api_identity")
    assert found.status == "fail"
    assert "tenant-a-1 has no identity lease" in found.evidence


@pytest.mark.parametrize(
    ("holder", "renewed", "words"),
    [
        ("tenant-a-9-external-vcluster-controller", FRESH, "no live pod"),
        ("tenant-a-0-external-vcluster-controller", STALE, "renewed 600 s ago"),
        ("", FRESH, "held by nobody"),
    ],
)
def test_g31_a_leader_that_is_dead_or_silent_fails(
    scene: Scene, world: World, holder: str, renewed: str, words: str
) -> None:
    world.objects[LEASE] = lease(holder, renewed)
    found = result(plane.checks(scene), "leader")
    assert found.status == "fail"
    assert words in found.evidence


def test_g55_ages_are_taken_by_the_servers_clock(scene: Scene, world: World) -> None:
    """The lease is fresh for the server, whatever the controller's clock says."""
    world.objects[LEASE] = lease("tenant-a-0-external-vcluster-controller", FRESH)
    assert result(plane.checks(scene), "leader").status == "pass"


def test_g42_a_missing_budget_is_a_warning_and_off_by_choice_a_skip(
    scene: Scene, world: World
) -> None:
    del world.objects[BUDGET]
    assert result(plane.checks(scene), "disruption_budgets").status == "warn"
    off = replace(scene, spec=replace(SPEC, defaults=Defaults(disruption_budgets=False)))
    assert result(plane.checks(off), "disruption_budgets").status == "skip"


def test_g41_all_pods_on_one_of_two_nodes_is_a_warning(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = [{"spec": {}}, {"spec": {}}]
    monkeypatch.setattr(scene.host, "list", lambda *_args: iter(nodes))
    found = result(plane.checks(scene), "placement")
    assert found.status == "warn"
    assert "node n1" in found.evidence


def test_g05_replicas_on_different_stores_fail(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TenantApi, "get", lambda self, *_args: {"metadata": {"uid": self.pod}})
    found = result(data.checks(replace(scene, write=False)), "same_data")
    assert found.status == "fail"
    assert "different stores" in found.evidence


def test_a_write_that_another_replica_does_not_see_fails(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(self: TenantApi, path: str) -> Any:
        return None if self.pod == "tenant-a-1" else self.world.tenant.get(path)

    monkeypatch.setattr(TenantApi, "find", find)
    found = result(data.checks(scene), "write_and_read")
    assert found.status == "fail"
    assert "tenant-a-1 does not read what was written through tenant-a-0" in found.evidence


def test_the_proof_leaves_nothing_behind(scene: Scene, world: World) -> None:
    assert result(data.checks(scene), "write_and_read").status == "pass"
    assert world.tenant == {}


def test_reading_only_writes_nothing(scene: Scene) -> None:
    assert result(data.checks(replace(scene, write=False)), "write_and_read").status == "skip"


def test_g29_a_token_that_another_replica_rejects_fails_by_name(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = TenantApi.create

    def rejects(self: TenantApi, path: str, body: Any) -> Any:
        if path.endswith("tokenreviews") and self.pod == "tenant-a-1":
            return {"status": {"authenticated": False, "error": "bad signature"}}
        return create(self, path, body)

    monkeypatch.setattr(TenantApi, "create", rejects)
    found = result(names.checks(scene), "tokens")
    assert found.status == "fail"
    assert "tenant-a-1 does not accept" in found.evidence


def test_dns_that_does_not_answer_fails_and_none_by_choice_is_skipped(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeReach, "resolve", lambda *_args: ())
    assert result(names.checks(scene), "dns").status == "fail"
    values = {"controlPlane": {"coredns": {"enabled": False}}}
    off = replace(scene, observation=Observation(release=Release(1, "deployed", values=values)))
    assert result(names.checks(off), "dns").status == "skip"


def test_a_replica_that_cannot_be_reached_fails_by_name(scene: Scene) -> None:
    from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError

    found = replace(scene, unreached={"tenant-a-1": FleetError("port-forward refused")})
    check = result(plane.checks(found), "api_ready")
    assert check.status == "fail"
    assert "tenant-a-1: port-forward refused" in check.evidence
