# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Autoscalers are made, changed and taken away, and a run does not work against them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from fakes import Cut, FakeHelm, World

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate import autoscalers, verify

PATH = "/apis/autoscaling/v2/namespaces/vcluster-tenant-a/horizontalpodautoscalers/tenant-a"
ASKED: dict[str, Any] = {
    "store": {"type": "etcd_deployed", "members": 3},
    "replicas": 2,
    "resources": {"requests": {"cpu": "1", "memory": "2Gi"}},
    "autoscaling": {"max": 5},
}


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "store_checks", lambda *_args: [])
    monkeypatch.setattr(autoscalers, "PAUSE", 0.0)


def scaled(world: World, count: int) -> None:
    """What the autoscaler does."""
    plane, *others = world.workloads
    changed = replace(plane, replicas=count, ready=count, updated=count, total=count)
    world.workloads = (changed, *others)


def replicas(world: World) -> int:
    """Those of the newest revision."""
    values: Any = world.releases[-1].values
    return int(values["controlPlane"]["statefulSet"]["highAvailability"]["replicas"])


def test_it_comes_with_the_install_and_the_next_run_changes_nothing(run: Any, world: World) -> None:
    assert run(**ASKED)["steps"] == ["install", "autoscaling"]
    found = world.objects[PATH]
    assert found["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "fleetops.vcluster"}
    assert found["spec"]["scaleTargetRef"]["name"] == "tenant-a"
    assert (found["spec"]["minReplicas"], found["spec"]["maxReplicas"]) == (2, 5)
    assert run(**ASKED)["outcome"] == "unchanged"


def test_g10_a_count_within_the_bounds_is_no_drift(run: Any, world: World) -> None:
    run(**ASKED)
    scaled(world, 4)
    assert run(**ASKED)["outcome"] == "unchanged"
    assert world.workloads[0].replicas == 4


def test_g64_every_helm_command_carries_the_count_of_that_moment(
    run: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(**ASKED)
    upgrade = FakeHelm.upgrade
    counts = []

    def upgraded(helm: FakeHelm, *args: Any, **more: Any) -> None:
        upgrade(helm, *args, **more)
        counts.append(replicas(world))
        scaled(world, counts[-1] + 1)  # While the next step is on its way.

    scaled(world, 3)
    monkeypatch.setattr(FakeHelm, "upgrade", upgraded)
    asked = {**ASKED, "values": {"telemetry": {"enabled": False}}, "kubernetes_version": "1.36.3"}
    assert run(**asked)["steps"] == ["prove", "kubernetes_hop", "values"]
    assert counts == [3, 4]
    assert run(**asked)["outcome"] == "unchanged"


def test_gone_from_the_inventory_it_is_deleted_and_the_replicas_come_in(
    run: Any, world: World
) -> None:
    run(**ASKED)
    scaled(world, 4)
    assert run(**{**ASKED, "autoscaling": None})["steps"] == ["autoscaling", "scale_in"]
    assert PATH not in world.objects
    assert (replicas(world), world.workloads[0].replicas) == (2, 2)


def test_one_that_gets_no_numbers_fails_with_its_own_words(run: Any, world: World) -> None:
    world.conditions = ("AbleToScale",)
    result = run(**ASKED, timeouts={"proof": 1})
    assert (result["outcome"], result["steps"]) == ("failed", ["install"])
    assert "it has not looked yet (ScalingActive)" in result["msg"]
    assert "kubectl" in result["msg"]


def test_one_of_that_name_that_somebody_made_is_left_alone(run: Any, world: World) -> None:
    run(**{**ASKED, "autoscaling": None})
    foreign = {
        "metadata": {"name": "tenant-a"},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "other"}},
    }
    world.objects[PATH] = foreign
    result = run(**ASKED)
    assert (result["failed"], world.objects[PATH]) == (True, foreign)
    assert "somebody else made" in result["msg"]


def test_g48_cut_off_before_every_change_the_next_run_converges(run: Any, world: World) -> None:
    run(**{**ASKED, "replicas": 1, "autoscaling": None})
    installed = len(world.log)
    run(**ASKED)
    changes = len(world.log) - installed
    assert changes >= 4
    for number in range(1, changes + 1):
        world.__dict__.update(World().__dict__)
        run(**{**ASKED, "replicas": 1, "autoscaling": None})
        world.cut_before = len(world.log) + number
        with pytest.raises(Cut):
            run(**ASKED)
        world.cut_before = 0
        assert not run(**ASKED).get("failed"), number
        assert run(**ASKED)["outcome"] == "unchanged"
        assert (replicas(world), PATH in world.objects) == (2, True)


def test_the_check_tells_what_keeps_it_from_working(run: Any, world: World) -> None:
    run(**ASKED)
    conditions = [
        {"type": "AbleToScale", "status": "True"},
        {"type": "ScalingActive", "status": "False", "reason": "Failed", "message": "no metrics"},
    ]
    world.objects[PATH]["status"] = {"conditions": conditions}
    world.conditions = ()
    result = run(**{**ASKED, "values": {"telemetry": {"enabled": False}}, "timeouts": {"proof": 1}})
    (check,) = (c for c in result["checks"] if c["id"] == "autoscaler")
    assert (check["status"], result["steps"]) == ("warn", ["values"])
    assert "no metrics" in check["evidence"]
    assert not result["failed"], "metrics that are away hold nothing else up"


def test_g64_the_way_back_carries_the_count_of_that_moment_too(run: Any, world: World) -> None:
    run(**ASKED)
    scaled(world, 4)
    asked = {**ASKED, "values": {"telemetry": {"enabled": False}}}
    world.broken_when = run(check=True, **asked)["plan"]["steps"][0]["values"]
    result = run(timeouts={"proof": 1}, **asked)
    assert result["outcome"] == "rolled_back", result["msg"]
    assert (replicas(world), world.workloads[0].replicas) == (4, 4)
    assert "telemetry" not in (world.releases[-1].values or {})
    world.broken_when = None
    assert run(**ASKED)["steps"] == ["prove"]
