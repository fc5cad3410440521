# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The soak: what happens to a proved vCluster while it is watched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from fakes import ASKED, FakeHost, World

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate import soak as module
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.soak import (
    Soak,
    soak_of,
    watch,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.inventory import spec_from

SPEC = spec_from({**ASKED, "host": "tenant-a"})
Meanwhile = Callable[[World], None]


def metrics(good: int, bad: int) -> str:
    return (
        "# HELP apiserver_request_total Counter\n"
        f'apiserver_request_total{{code="200",verb="GET"}} {good}\n'
        f'apiserver_request_total{{code="503",verb="GET"}} {bad}\n'
        'apiserver_request_duration_seconds_count{code="500"} 1e+06\n'
    )


@pytest.fixture
def watched(run: Any, world: World, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The findings of a soak over a proved vCluster to which something happens."""
    run()
    world.metrics = metrics(1000, 10)

    def soaked(meanwhile: Meanwhile = lambda _world: None, **asked: int) -> str:
        happened: list[float] = []

        def sleep(seconds: float) -> None:
            if not happened:
                meanwhile(world)
            happened.append(seconds)

        clock = iter(range(1000))
        monkeypatch.setattr(module.time, "sleep", sleep)
        monkeypatch.setattr(module.time, "monotonic", lambda: float(next(clock)))
        context = Context(connect=lambda _access, _warn: FakeHost(world))
        found = watch({"tenant-a": SPEC}, Soak(**{"seconds": 3, **asked}), context)
        assert happened
        return found.get("tenant-a", "")

    return soaked


def test_a_quiet_time_finds_nothing_and_writes_nothing(watched: Any, world: World) -> None:
    before = list(world.log)
    assert watched() == ""
    assert world.log == before


def test_restarts_are_counted_from_the_beginning_of_the_soak(watched: Any, world: World) -> None:
    world.restarts = 4

    def restart(seen: World) -> None:
        seen.restarts = 5

    assert watched(restart) == "restarts: tenant-a-0 1"
    world.restarts = 4
    assert watched(restart, restarts=1) == ""


@pytest.mark.parametrize(
    ("good", "bad", "allowed", "found"),
    [(100, 0, 0, False), (97, 3, 1, True), (97, 3, 3, False), (10, 10, 1, False)],
)
def test_errors_of_the_tenants_api_count_as_a_rate(
    watched: Any, good: int, bad: int, allowed: int, found: bool
) -> None:
    """Twenty answers say nothing."""

    def traffic(world: World) -> None:
        world.metrics = metrics(1000 + good, 10 + bad)

    assert ("were errors (5xx)" in watched(traffic, errors=allowed)) is found


def test_a_workload_that_was_not_ready_for_a_while_is_told(watched: Any) -> None:
    def flicker(world: World) -> None:
        world.workloads = tuple(replace(w, ready=0) for w in world.workloads)

    assert "StatefulSet tenant-a was not ready all the time" in watched(flicker)


def test_g49_another_revision_than_the_proved_one_is_told(watched: Any) -> None:
    def upgrade(world: World) -> None:
        world.deploy("tenant-a", "0.36.1", {})

    assert "revision 1 was proved, 2 is there" in watched(upgrade)


def test_a_check_that_fails_in_the_end_is_told(watched: Any) -> None:
    def break_it(world: World) -> None:
        world.broken_when = world.releases[-1].values

    assert "api_ready" in watched(break_it)


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ("60", "it is a mapping"),
        ({"second": 1}, "vcluster_soak.second is unknown"),
        ({"seconds": "soon"}, "not a whole number"),
        ({"restarts": -1}, "is below 0"),
    ],
)
def test_a_wrong_soak_is_told(said: Any, wrong: str) -> None:
    (error,) = soak_of(said)[1]
    assert wrong in error


def test_what_is_not_said_has_defaults() -> None:
    assert soak_of({"seconds": 5}) == (Soak(5, 0, 1), [])
    assert soak_of(None) == (Soak(60, 0, 1), [])
