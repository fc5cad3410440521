# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of the engine's tests."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate import (
    backend_work,
    filling,
    verify,
    wait,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.control_plane import (
    run_control_plane,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import answer
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.restore import run_restore
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.snapshot import (
    run_snapshot,
)

sys.path.insert(0, str(Path(__file__).parent))
from etcd_cluster import Cluster
from fakes import ASKED, NOW, FakeHost, World
from restores import LATER, Filled
from saved import PAIR, PAIRS, Api, Host, Member, Volume, deploy

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits keep their limits and lose their pauses."""
    monkeypatch.setattr(wait, "BREATH", 0.0)
    monkeypatch.setattr(wait, "LAST_BREATH", 0.0)
    monkeypatch.setattr(wait, "PAUSE", 0.0)
    monkeypatch.setattr(backend_work, "PAUSE", 0.0)
    monkeypatch.setattr(verify, "PAUSE", 0.0)


@pytest.fixture
def run(world: World) -> Run:
    """Run the engine of control_plane over the world."""

    def run_it(
        check: bool = False, progress: Any = None, diff: bool = False, **more: Any
    ) -> dict[str, Any]:
        context = Context(
            check=check,
            diff=diff,
            connect=lambda _access, _warn: FakeHost(world),
            progress=progress or (lambda _text: None),
        )
        return answer(run_control_plane, {**ASKED, **more}, context)

    return run_it


@pytest.fixture
def etcd() -> Member:
    return Member()


@pytest.fixture
def volume(world: World, tmp_path: Path) -> Volume:
    made = Volume(world, tmp_path / "state.db")
    made.hold(PAIRS, 40)
    return made


@pytest.fixture
def filled(world: World, etcd: Member, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Filled:
    made = Filled(world, etcd, tmp_path)
    monkeypatch.setattr(filling, "refill", made)
    monkeypatch.setattr(wait, "PAUSE", 0.0)
    return made


@pytest.fixture
def restore(
    world: World, etcd: Member, filled: Filled, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Run:
    """Run the engine over a vCluster with a snapshot of PAIRS that holds LATER now."""
    deploy(world)
    moments = itertools.count()
    monkeypatch.setattr(Api, "now", property(lambda _self: NOW + timedelta(seconds=next(moments))))

    def run_it(
        engine: Any = run_restore, check: bool = False, store: Any = etcd, **more: Any
    ) -> dict[str, Any]:
        said: list[str] = []
        snapshots = {
            "directory": str(tmp_path / "target"),
            "recipients": [PAIR.recipient],
            "identity": PAIR.identity,
            **more.pop("snapshots", {}),
        }
        context = Context(
            check=check, connect=lambda _access, _warn: Host(world, store), progress=said.append
        )
        arguments = {
            "name": "tenant-a",
            "kubeconfig": "/k/hc1",
            "snapshots": snapshots,
            "proof": "read",
            **({"snapshot": "latest"} if engine is run_restore else {}),
            "timeouts": {"proof": 1, "rollout": 1},
            **more,
        }
        return {**answer(engine, arguments, context), "said": said}

    taken = run_it(run_snapshot)
    assert not taken.get("failed"), taken["msg"]
    etcd.hold(LATER, 52)
    world.log.clear()
    filled.taken = taken["snapshot"]["id"]
    return run_it
