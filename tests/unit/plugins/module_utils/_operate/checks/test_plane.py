# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The control plane's checks, each made to fail by what it is there for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from fakes import TenantApi, World, workload
from scenes import BUDGET, FRESH, LEASE, SPEC, STALE, lease, result

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import ApiError
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Pod
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Defaults
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.checks import plane
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.checks.scene import Scene
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.pods import Live, look


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
        "autoscaler": "skip",
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


def test_what_was_replaced_fails_nothing_and_is_told(scene: Scene) -> None:
    evicted = Pod("control_plane", "tenant-a-9", state="Evicted: low on memory", ended=True)
    live = replace(scene.live, aside=(evicted,))
    found = list(plane.checks(replace(scene, live=live)))
    assert not [check for check in found if check.status == "fail"]
    assert result(found, "pods").evidence == (
        "2 ready; replaced and left aside: tenant-a-9 (Evicted: low on memory)"
    )


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


def test_a_replica_that_cannot_be_reached_fails_by_name(scene: Scene) -> None:
    from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError

    found = replace(scene, unreached={"tenant-a-1": FleetError("port-forward refused")})
    check = result(plane.checks(found), "api_ready")
    assert check.status == "fail"
    assert "tenant-a-1: port-forward refused" in check.evidence


def fails(scene: Scene, check_id: str) -> str:
    """What a check says that fails."""
    found = result(plane.checks(scene), check_id)
    assert found.status == "fail"
    return found.evidence


def test_a_vcluster_without_workloads_is_not_rolled_out(scene: Scene) -> None:
    assert "there is no Deployment" in fails(replace(scene, live=Live((), (), "1")), "rollout")


def test_a_replica_that_is_not_ready_fails_by_its_own_words(scene: Scene) -> None:
    unready = {"tenant-a-0": "", "tenant-a-1": "/readyz says [-]etcd failed"}
    words = fails(replace(scene, unready=unready), "api_ready")
    assert words == "tenant-a-1: /readyz says [-]etcd failed"


def test_no_ready_pod_at_all_is_no_pass(scene: Scene) -> None:
    found = replace(scene, replicas={})
    assert fails(found, "api_ready") == "no control-plane pod is ready"
    assert result(plane.checks(found), "api_identity").status == "skip"


def test_g32_an_api_server_that_stopped_renewing_fails_by_name(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = TenantApi._identity

    def stale(self: TenantApi, item: Any, number: int) -> Any:
        found = identity(self, item, number)
        return {**found, "spec": {"renewTime": STALE}} if number else found

    monkeypatch.setattr(TenantApi, "_identity", stale)
    words = fails(scene, "api_identity")
    assert "tenant-a-1 renewed its identity lease 600 s ago" in words
    assert "tenant-a-0 renewed" not in words


def test_g32_a_pod_that_is_going_away_need_not_be_registered(scene: Scene) -> None:
    gone = Pod("control_plane", "tenant-a-9", deleting=True)
    live = replace(scene.live, pods=(*scene.live.pods, gone))
    assert result(plane.checks(replace(scene, live=live)), "api_identity").status == "pass"


def test_g31_without_a_leader_there_is_no_kubeconfig_and_no_lease(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scene.host, "find", lambda _path: None)
    assert "Secret vc-tenant-a does not exist" in fails(scene, "kubeconfig_secret")
    assert "does not exist" in fails(scene, "leader")


def test_g31_one_replica_holds_no_election(scene: Scene, world: World) -> None:
    world.workloads = (workload("control_plane", "StatefulSet", "tenant-a", 1, {}),)
    del world.objects[LEASE]
    found = replace(scene, live=look(scene.host, SPEC))
    assert result(plane.checks(found), "leader").status == "skip"


def test_g31_a_pod_whose_name_only_begins_like_the_holder_is_not_the_leader(
    scene: Scene, world: World
) -> None:
    world.objects[LEASE] = lease("tenant-a-10-external-vcluster-controller", FRESH)
    assert "no live pod" in fails(scene, "leader")


@pytest.mark.parametrize(
    ("nodes", "status"),
    [
        ([{"spec": {}}], "skip"),
        ([{"spec": {}}, {"spec": {"unschedulable": True}}], "skip"),
        ([{"spec": {}}, {"spec": {"unschedulable": False}}], "warn"),
    ],
)
def test_g41_only_nodes_that_take_pods_count(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, nodes: list[Any], status: str
) -> None:
    monkeypatch.setattr(scene.host, "list", lambda *_args: iter(nodes))
    assert result(plane.checks(scene), "placement").status == status


def test_g41_pods_on_two_nodes_pass_and_members_are_looked_at_too(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scene.host, "list", lambda *_args: iter([{"spec": {}}] * 3))
    spread = tuple(replace(pod, node=f"n{n}") for n, pod in enumerate(scene.live.pods))
    apart = replace(scene, live=replace(scene.live, pods=spread))
    assert result(plane.checks(apart), "placement").evidence == "control_plane on 2 nodes"
    members = tuple(Pod("etcd", f"tenant-a-etcd-{n}", node="n1") for n in range(3))
    found = replace(scene, live=replace(scene.live, pods=(*spread, *members)))
    placement = result(plane.checks(found), "placement")
    assert placement.status == "warn"
    assert "all 3 pods of etcd run on node n1" in placement.evidence


def test_without_the_right_to_list_nodes_placement_is_skipped_and_nothing_else(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(status: int) -> Any:
        def listed(*_args: Any) -> Any:
            raise ApiError(status, "nodes cannot be listed")

        return listed

    monkeypatch.setattr(scene.host, "list", denied(403))
    assert result(plane.checks(scene), "placement").status == "skip"
    monkeypatch.setattr(scene.host, "list", denied(500))
    assert "nodes cannot be listed" in fails(scene, "placement")


def test_g42_a_budget_that_allows_nothing_or_is_anothers_is_a_warning(
    scene: Scene, world: World
) -> None:
    budget = world.objects[BUDGET]
    for wrong, words in (
        ({"status": {"disruptionsAllowed": 0}}, "allows no disruption now"),
        ({"status": {}}, "allows no disruption now"),
        ({"spec": {}}, "has no PodDisruptionBudget"),
        (
            {"spec": {"selector": {"matchLabels": {"app": "vcluster", "release": "other"}}}},
            "has no PodDisruptionBudget",
        ),
        (
            {
                "spec": {
                    "selector": {"matchLabels": {"app": "vcluster-etcd", "release": "tenant-a"}}
                }
            },
            "has no PodDisruptionBudget",
        ),
    ):
        world.objects[BUDGET] = {**budget, **wrong}
        found = result(plane.checks(scene), "disruption_budgets")
        assert found.status == "warn"
        assert words in found.evidence
