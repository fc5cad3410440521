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
    Unready,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Pod
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access, Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.pods import Live
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.wait import (
    ENDS,
    Deadline,
    give_up_on_crashes,
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


def crashing(pods: dict[str, int], store: int = 0) -> Live:
    """Pods of a control plane with so many restarts, and one of etcd that is ready, or has so many."""
    found = [
        Pod("control_plane", name, name, state="CrashLoopBackOff: exit code 1", restarts=count)
        for name, count in pods.items()
    ]
    etcd = Pod("etcd", "e", "e", ready=not store, state="CrashLoopBackOff", restarts=store)
    return Live((), (*found, etcd), "1")


def test_a_pod_that_ends_again_and_again_is_not_waited_for() -> None:
    restarts: dict[str, int] = {}
    for count in range(ENDS):
        give_up_on_crashes(SPEC, crashing({"a": count}), restarts, patient=False)
    with pytest.raises(Unready, match=f"pod a has ended {ENDS} times"):
        give_up_on_crashes(SPEC, crashing({"a": ENDS}), restarts, patient=False)


def test_what_it_ended_before_and_while_it_waited_does_not_count() -> None:
    restarts: dict[str, int] = {}
    looks = [
        (crashing({"a": 40}), False),  # an old pod, which this very step may mend
        (crashing({"a": 44}), False),
        (crashing({"a": 60}, store=1), False),
        (crashing({"a": 64}), False),
        (crashing({"a": 80}), True),
        (crashing({"a": 84}), False),
    ]
    for live, patient in looks:
        give_up_on_crashes(SPEC, live, restarts, patient=patient)


def test_members_that_end_again_and_again_are_not_waited_for_either() -> None:
    restarts: dict[str, int] = {}
    give_up_on_crashes(SPEC, crashing({"a": 0}, store=1), restarts, patient=False)
    with pytest.raises(Unready, match="pod e has ended"):
        give_up_on_crashes(SPEC, crashing({"a": 9}, store=1 + ENDS), restarts, patient=False)


def test_the_nearer_of_two_deadlines_counts() -> None:
    assert Deadline(900, Deadline(1)).left <= 1
