# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logs after which no restart helps."""

from __future__ import annotations

from typing import Any

import pytest
from fakes import FakeApi, World

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Pod
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access, Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.endings import (
    ENDINGS,
    known_ending,
)

SPEC = Spec("tenant-a", "tenant-a", "vcluster-tenant-a", "hc1", Access())
LOGS = {
    "G33": "you are trying to use a vCluster pro feature 'Embedded etcd' that is not available",
    "G01": "embedded database is not supported with multiple replicas",
    "G39": "there is already a virtual cluster in namespace vcluster-tenant-a",
}


@pytest.fixture
def api(world: World) -> FakeApi:
    return FakeApi(world, "tenant-a", "vcluster-tenant-a")


def plane() -> Pod:
    return Pod("control_plane", "tenant-a-0")


@pytest.mark.parametrize("guard", LOGS)
def test_g01_g33_g39_the_log_of_the_last_attempt_says_why(
    api: FakeApi, world: World, guard: str
) -> None:
    world.pod_log = f"start\n  2026-11-24 fatal {LOGS[guard]}  \nexit\n"
    found = known_ending(api, SPEC, plane())
    assert found is not None
    line, ending = found
    assert line == f"2026-11-24 fatal {LOGS[guard]}"
    assert f"({guard})" in ending.meaning
    assert ending.way_out


def test_every_known_ending_has_a_log_here() -> None:
    assert all(any(ending.text in log for log in LOGS.values()) for ending in ENDINGS)


def test_the_last_of_several_lines_counts(api: FakeApi, world: World) -> None:
    world.pod_log = f"{LOGS['G33']}\nrestarted\n{LOGS['G01']}\n"
    found = known_ending(api, SPEC, plane())
    assert found and "G01" in found[1].meaning


@pytest.mark.parametrize("log", ["", "member count is unequal\n"])
def test_a_log_that_says_nothing_known_or_is_not_there_is_no_ending(
    api: FakeApi, world: World, log: str
) -> None:
    world.pod_log = log
    assert known_ending(api, SPEC, plane()) is None


@pytest.mark.parametrize(
    ("component", "container"), [("control_plane", "syncer"), ("etcd", "etcd")]
)
def test_the_container_that_ends_is_asked_for_its_last_attempt(
    api: FakeApi, monkeypatch: pytest.MonkeyPatch, component: str, container: str
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(api, "text", lambda path, query: asked.append((path, query)) or "")
    known_ending(api, SPEC, Pod(component, "a-pod"))
    ((path, query),) = asked
    assert path == "/api/v1/namespaces/vcluster-tenant-a/pods/a-pod/log"
    assert (query["container"], query["previous"]) == (container, "true")
