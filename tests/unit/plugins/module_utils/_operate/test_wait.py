# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waiting: the reason is shown, the end is clear."""

from __future__ import annotations

import pytest
from fakes import FakeApi, World, workload

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    FleetError,
    TimedOut,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access, Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.wait import (
    Deadline,
    rollout,
)

SPEC = Spec("tenant-a", "tenant-a", "vcluster-tenant-a", "hc1", Access())
EVENTS = "/api/v1/namespaces/vcluster-tenant-a/events"


@pytest.fixture
def api(world: World) -> FakeApi:
    world.workloads = (workload("control_plane", "Deployment", "tenant-a", 3, {"syncer": "x:1"}),)
    return FakeApi(world, "tenant-a", "vcluster-tenant-a")


def unready(world: World, reason: str) -> None:
    object.__setattr__(world.workloads[0], "ready", 2)
    world.never_ready = reason


def test_a_rollout_that_is_complete_ends_the_wait(api: FakeApi) -> None:
    assert rollout(api, SPEC, Deadline(1), lambda _text: None).settled


def test_pods_of_an_older_template_keep_it_waiting(api: FakeApi, world: World) -> None:
    object.__setattr__(world.workloads[0], "total", 4)
    with pytest.raises(TimedOut):
        rollout(api, SPEC, Deadline(0), lambda _text: None)


def test_the_reason_is_said_once_and_names_the_pod(api: FakeApi, world: World) -> None:
    unready(world, "ContainerCreating")
    moment = {"lastTimestamp": "2026-11-24T12:00:00Z", "metadata": {}}
    world.objects[f"{EVENTS}/1"] = {**moment, "reason": "Pulling", "message": "Pulling image"}
    said: list[str] = []
    with pytest.raises(TimedOut) as caught:
        rollout(api, SPEC, Deadline(0.2), said.append)
    assert len(said) == 1
    assert said[0].startswith("2 of 3 replicas ready, tenant-a-0 and 2 more: pulling image")
    assert "tenant-a-0" in caught.value.way_out


def test_an_image_that_cannot_be_pulled_is_named_with_its_reason(
    api: FakeApi, world: World
) -> None:
    unready(world, "ImagePullBackOff")
    with pytest.raises(TimedOut, match="tenant-a-0 and 2 more: cannot pull image x:1"):
        rollout(api, SPEC, Deadline(0), lambda _text: None)


def test_g33_a_missing_licence_ends_the_wait_with_the_words_of_the_log(
    api: FakeApi, world: World
) -> None:
    unready(world, "CrashLoopBackOff")
    world.pod_log = "start\nyou are trying to use a vCluster pro feature 'Embedded etcd'\n"
    with pytest.raises(FleetError, match="Embedded etcd"):
        rollout(api, SPEC, Deadline(900), lambda _text: None)


def test_a_crash_with_an_unknown_log_is_waited_for(api: FakeApi, world: World) -> None:
    unready(world, "CrashLoopBackOff")
    world.pod_log = "member count is unequal"
    with pytest.raises(TimedOut):
        rollout(api, SPEC, Deadline(0), lambda _text: None)


def test_the_nearer_of_two_deadlines_counts() -> None:
    assert Deadline(900, Deadline(1)).left <= 1
