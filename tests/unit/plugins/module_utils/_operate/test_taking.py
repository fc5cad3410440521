# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A snapshot of a store that lives in the control plane: without an outage, or with one that was allowed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes import NOW, Cut, World
from saved import PAIR, Api, Host, Volume, deploy

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    ApiError,
    FleetError,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate import wait
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.control_plane import (
    run_control_plane,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import answer
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.snapshot import (
    run_snapshot,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.taking import COPYING

Take = Callable[..., dict[str, Any]]
OUTAGE = ["scale tenant-a to 0", "scale tenant-a to 1", "unmark"]


@pytest.fixture
def take(world: World, volume: Volume, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Take:
    deploy(world, {})
    moments = itertools.count()
    monkeypatch.setattr(Api, "now", property(lambda _self: NOW + timedelta(seconds=next(moments))))
    monkeypatch.setattr(wait, "PAUSE", 0.0)

    def run(
        allow_outage: bool | None = None, engine: Any = run_snapshot, **more: Any
    ) -> dict[str, Any]:
        snapshots = {
            "directory": str(tmp_path / "target"),
            "recipients": [PAIR.recipient],
            "allow_outage": allow_outage,
        }
        said: list[str] = []
        context = Context(
            check=more.pop("check", False),
            connect=lambda _access, _warn: Host(world, volume),
            progress=said.append,
        )
        arguments = {"name": "tenant-a", "kubeconfig": "/k/hc1", "snapshots": snapshots, **more}
        return {**answer(engine, arguments, context), "said": said}

    return run


def taken(tmp_path: Path) -> int:
    return len(list((tmp_path / "target").rglob("manifest.json")))


@pytest.mark.parametrize("allowed", [None, False, True])
def test_what_can_be_copied_while_it_runs_is_never_stopped(
    take: Take, world: World, allowed: bool | None
) -> None:
    result = take(allowed)
    assert not result.get("failed"), result["msg"]
    found = result["snapshot"]
    assert (found["way"], found["store"], found["revision"]) == ("sqlite", "sqlite", 40)
    assert found["contents"]["keys"] == 2, "compact_rev_key is kine's own here"
    assert world.log == []


@pytest.mark.parametrize("allowed", [None, False])
def test_without_consent_there_is_no_outage_ever(
    take: Take, volume: Volume, world: World, tmp_path: Path, allowed: bool | None
) -> None:
    volume.busy = True
    result = take(allowed)
    assert result["outcome"] == "failed"
    assert "cannot be copied while it runs" in result["msg"]
    assert world.log == []
    assert taken(tmp_path) == 0


def test_with_consent_it_is_stopped_copied_and_started(
    take: Take, volume: Volume, world: World, tmp_path: Path
) -> None:
    volume.busy = True
    result = take(True)
    assert not result.get("failed"), result["msg"]
    assert world.log == OUTAGE
    assert (world.workloads[0].replicas, world.workloads[0].annotations) == (1, {})
    assert taken(tmp_path) == 1


def test_check_mode_says_that_it_may_be_stopped(take: Take, world: World) -> None:
    assert "the API is away for about 60 s" in take(True, check=True)["msg"]
    assert "away" not in take(False, check=True)["msg"]
    assert world.log == []


def test_a_copy_that_fails_leaves_no_stopped_control_plane(
    take: Take, volume: Volume, world: World, tmp_path: Path
) -> None:
    volume.busy, volume.ends = True, FleetError("Pod tenant-a-0-copy failed: no room.")
    result = take(True)
    assert "no room" in result["msg"]
    assert world.log == OUTAGE
    assert taken(tmp_path) == 0


@pytest.mark.parametrize("step", [1, 2, 3])
def test_g48_a_control_plane_that_a_run_left_stopped_is_started_by_the_next(
    take: Take, volume: Volume, world: World, tmp_path: Path, step: int
) -> None:
    """Also where that one has no consent to stop it."""
    volume.busy, world.cut_before = True, step
    with pytest.raises(Cut):
        take(True)
    assert COPYING in world.workloads[0].annotations or step == 1
    world.cut_before, volume.busy = 0, False
    result = take(False)
    assert not result.get("failed"), result["msg"]
    assert (world.workloads[0].replicas, world.workloads[0].annotations) == (1, {})
    assert taken(tmp_path) == 1


def test_g09_g48_a_run_of_site_starts_it_too(take: Take, volume: Volume, world: World) -> None:
    volume.busy, world.cut_before = True, 2
    with pytest.raises(Cut):
        take(True)
    assert world.workloads[0].replicas == 0
    world.cut_before = 0
    result = take(engine=run_control_plane, version="0.36.1", proof="read")
    assert not result.get("failed"), result["msg"]
    assert world.workloads[0].replicas == 1


def test_g26_a_copy_below_what_was_acknowledged_does_not_count(
    take: Take, volume: Volume, tmp_path: Path
) -> None:
    volume.before = 41
    result = take()
    assert "ends at revision 40, and 41 was there before" in result["msg"]
    assert taken(tmp_path) == 0


def test_a_control_plane_that_does_not_answer_gives_none(
    take: Take, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_arguments: Any) -> Any:
        raise ApiError(503, "Replica tenant-a-0 answered 503.")

    monkeypatch.setattr("saved.Reach.replica", refuses)
    assert "answered 503" in take()["msg"]
    assert taken(tmp_path) == 0
