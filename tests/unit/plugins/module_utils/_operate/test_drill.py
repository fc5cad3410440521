# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A drill proves a copy and leaves nothing of it; what no drill made is never touched."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes import NOW, Cut, World
from saved import CERTS, PAIR, PAIRS, Api, Host, Member, deploy

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.unpacked import live
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate import (
    filling,
    scratch,
    wait,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import answer
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.drill import run_drill
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.snapshot import (
    run_snapshot,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.scratch import LABEL
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.refill import Refill

SCRATCH = "vcluster-tenant-a-drill"
NAMESPACE = f"/api/v1/namespaces/{SCRATCH}"
COPY_CERTS = CERTS.replace("vcluster-tenant-a", SCRATCH)
OLD = {b"/registry/deployments/default/a": b"1", b"/registry/deployments/kube-system/dns": b"2"}
HELD = {**PAIRS, **OLD}
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def fills() -> list[Any]:
    """What happens when the store of a copy is filled: an error, or seconds that it takes."""
    return []


@pytest.fixture
def run(world: World, fills: list[Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run a drill of a vCluster that was saved two hours ago, and is gone since."""
    etcd = Member()
    etcd.hold(HELD, 40)
    deploy(world)

    def refill(spec: Any, _observation: Any, work: Refill) -> None:
        assert spec.namespace == SCRATCH, "the store of another namespace would be filled"
        world.change("the copy is filled")
        happens = fills.pop(0) if fills else 0.0
        if isinstance(happens, Exception):
            raise happens
        time.sleep(happens)
        with work.content() as content:
            (tmp_path / "filled").write_bytes(content.read())
        with (tmp_path / "filled").open("rb") as file:
            etcd.hold(dict(live("etcd", file)), 40 + work.raise_by)
        work.compare()
        world.log += [f"without {key.decode()}" for key, value in work.changes() if value is None]

    monkeypatch.setattr(filling, "refill", refill)
    monkeypatch.setattr(wait, "PAUSE", 0.0)
    monkeypatch.setattr(scratch, "PAUSE", 0.0)

    def run_it(engine: Any = run_drill, check: bool = False, **more: Any) -> dict[str, Any]:
        context = Context(check=check, connect=lambda _access, _warn: Host(world, etcd))
        snapshots = {
            "directory": str(tmp_path / "target"),
            "recipients": [PAIR.recipient],
            "identity": PAIR.identity,
            **more.pop("snapshots", {}),
        }
        arguments = {
            "name": "tenant-a",
            "kubeconfig": "/k/hc1",
            "snapshots": snapshots,
            "timeouts": {"proof": 1, "rollout": 1},
            "allow": ["G02"],  # the chart of these tests has no volumes
            **more,
        }
        return answer(engine, arguments, context)

    taken = run_it(run_snapshot)
    assert not taken.get("failed"), taken["msg"]
    world.releases, world.workloads = [], ()
    world.objects = {COPY_CERTS: {"data": {"ca.key": "b3du"}}}
    world.log.clear()
    monkeypatch.setattr(Api, "now", NOW + timedelta(hours=2))
    return run_it


def test_a_copy_is_proved_and_gone_again(run: Run, world: World) -> None:
    result = run()
    assert not result.get("failed"), result["msg"]
    assert (result["outcome"], result["steps"]) == ("done", ["drill"])
    assert result["rpo"] == 7200.0
    assert 0 <= result["rto"] < 60
    assert all(check["status"] != "fail" for check in result["checks"]) and result["checks"]
    assert re.search(r"restored beside it and proved; RTO .*, RPO 2 h$", result["msg"])
    first = ["create namespaces", "create resourcequotas", "create networkpolicies"]
    assert world.log[:3] == first
    assert world.log[-1] == f"helm uninstalls {SCRATCH}/tenant-a"
    assert NAMESPACE not in world.objects


def test_workloads_of_the_tenant_are_left_out(run: Run, world: World) -> None:
    run()
    left_out = [line for line in world.log if line.startswith("without")]
    assert left_out == ["without /registry/deployments/default/a"]


def test_over_the_limit_of_age_it_fails_with_the_figures(run: Run, world: World) -> None:
    result = run(snapshots={"rpo": 7199})
    assert result["failed"] and result["outcome"] == "failed"
    assert result["rto"] is not None and result["rpo"] == 7200.0
    assert "RPO 2 h, over the limit of 7199 s" in result["msg"]
    assert NAMESPACE not in world.objects


def test_over_the_limit_of_time_it_fails_with_the_figures(
    run: Run, world: World, fills: list[Any]
) -> None:
    fills.append(1.1)
    result = run(snapshots={"rto": 1})
    assert result["failed"] and result["rto"] > 1
    assert re.search(r"RTO \d\.\d s, over the limit of 1 s, RPO 2 h$", result["msg"])
    assert NAMESPACE not in world.objects


def test_a_copy_that_fails_leaves_nothing(run: Run, world: World, fills: list[Any]) -> None:
    fills.append(FleetError("no room on the volume"))
    result = run()
    assert result["failed"] and "no room on the volume" in result["msg"]
    assert "rto" not in result or result["rto"] is None
    assert NAMESPACE not in world.objects
    assert world.log[-1] == f"helm uninstalls {SCRATCH}/tenant-a"


def test_a_namespace_that_no_drill_made_is_not_touched(run: Run, world: World) -> None:
    theirs = {"metadata": {"name": SCRATCH, "labels": {}}}
    world.objects[NAMESPACE] = theirs
    result = run()
    assert result["failed"] and f"has no label {LABEL}" in result["msg"]
    assert world.log == []
    assert world.objects[NAMESPACE] is theirs


def test_what_a_killed_drill_left_is_removed_first(run: Run, world: World) -> None:
    world.cut_before = 6
    with pytest.raises(Cut):
        run()
    world.objects[NAMESPACE] = {"metadata": {"name": SCRATCH, "labels": {LABEL: "true"}}}
    world.cut_before = 0
    world.log.clear()
    result = run()
    assert not result.get("failed"), result["msg"]
    assert world.log[0] == f"helm uninstalls {SCRATCH}/tenant-a"
    assert NAMESPACE not in world.objects


def test_in_check_mode_nothing_is_made(run: Run, world: World) -> None:
    result = run(check=True)
    assert (result["outcome"], world.log) == ("planned", [])


def test_without_the_key_nothing_is_made(run: Run, world: World) -> None:
    result = run(snapshots={"identity": None})
    assert result["outcome"] == "refused" and "no key is given" in result["msg"]
    assert world.log == []
