# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a pod is doing, in words that stay while nothing changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from fakes import FakeApi, World, workload
from fakes import pod as raw_pod

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Pod
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access, Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.pods import (
    Live,
    last_event,
    look,
    pod,
)


def test_a_pod_that_is_going_away_is_not_ready() -> None:
    raw: dict[str, Any] = raw_pod("tenant-a-0", "control_plane")
    raw["metadata"]["deletionTimestamp"] = "2026-11-24T12:00:00Z"
    assert (pod(raw).ready, pod(raw).state) == (False, "terminating")


def test_an_unscheduled_pod_says_why() -> None:
    raw = raw_pod("tenant-a-0", "control_plane", "x")
    raw["status"] = {
        "conditions": [
            {"type": "PodScheduled", "status": "False", "message": "0/2 nodes are available"}
        ]
    }
    assert pod(raw).state == "not scheduled: 0/2 nodes are available"


SPEC = Spec("tenant-a", "tenant-a", "vcluster-tenant-a", "hc1", Access())
NOT_READY = [{"type": "Ready", "status": "False"}]


def state(containers: list[dict[str, Any]], **status: Any) -> str:
    """What a pod with these containers is said to do."""
    raw = raw_pod("tenant-a-0", "control_plane")
    raw["status"] = {"conditions": NOT_READY, "containerStatuses": containers, **status}
    return pod(raw).state


def waiting(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    return {"state": {"waiting": {"reason": reason, "message": message}}, **more}


def ended(code: int, reason: str = "Error") -> dict[str, Any]:
    return {"terminated": {"exitCode": code, "reason": reason}}


PULL = 'Back-off pulling image "registry.example.net/x:1": ErrImagePull: not found'


@pytest.mark.parametrize(
    ("containers", "words"),
    [
        ([], "starting"),
        ([waiting("ContainerCreating")], "starting"),
        ([{"state": {"running": {}}}], "running, not ready yet"),
        ([waiting("ErrImagePull", PULL)], "cannot pull image registry.example.net/x:1"),
        ([waiting("ImagePullBackOff", PULL)], "cannot pull image registry.example.net/x:1"),
        ([waiting("ErrImagePull", "no words of it")], "cannot pull image"),
        (
            [waiting("CrashLoopBackOff", "back-off 10s restarting", lastState=ended(2))],
            "CrashLoopBackOff: exit code 2",
        ),
        (
            [waiting("CrashLoopBackOff", "back-off 40s restarting", lastState=ended(2))],
            "CrashLoopBackOff: exit code 2",
        ),
        ([waiting("CrashLoopBackOff", "back-off", lastState=ended(0))], "CrashLoopBackOff"),
        (
            [waiting("CreateContainerConfigError", 'secret "x" not found')],
            'CreateContainerConfigError: secret "x" not found',
        ),
        ([waiting("ContainerCreating"), waiting("ErrImagePull", PULL)], "cannot pull image"),
        ([{"state": ended(137, "OOMKilled")}], "OOMKilled: exit code 137"),
        ([{"state": ended(0, "Completed")}], "running, not ready yet"),
    ],
)
def test_g22_a_pod_says_why_it_is_not_ready_without_words_that_change(
    containers: list[dict[str, Any]], words: str
) -> None:
    assert state(containers).startswith(words)
    assert "back-off" not in state(containers)


def test_an_init_container_speaks_before_the_containers_that_wait_for_it() -> None:
    found = state(
        [waiting("PodInitializing")], initContainerStatuses=[waiting("ErrImagePull", PULL)]
    )
    assert found == "cannot pull image registry.example.net/x:1"


def test_a_pod_is_read_as_it_is() -> None:
    raw = raw_pod("tenant-a-etcd-0", "etcd")
    raw["status"]["initContainerStatuses"] = [{"restartCount": 1}]
    raw["status"]["containerStatuses"] = [{"restartCount": 2}, {}]
    found = pod(raw)
    assert (found.component, found.node, found.uid) == ("etcd", "n1", "uid-tenant-a-etcd-0")
    assert (found.ready, found.state, found.restarts) == (True, "ready", 3)


@pytest.mark.parametrize(
    ("events", "newest"),
    [
        ([], ("", "")),
        (
            [
                {"lastTimestamp": "2026-11-24T12:00:09Z", "reason": "Pulled", "message": "b"},
                {"lastTimestamp": "2026-11-24T12:00:01Z", "reason": "Pulling", "message": "a"},
            ],
            ("Pulled", "b"),
        ),
        (
            [
                {"eventTime": "2026-11-24T12:00:09.000000Z", "lastTimestamp": None, "reason": "B"},
                {"lastTimestamp": "2026-11-24T12:00:01Z", "reason": "A", "message": "a"},
            ],
            ("B", ""),
        ),
        (
            [
                {"metadata": {"creationTimestamp": "2026-11-24T12:00:09Z"}, "reason": "B"},
                {"lastTimestamp": "2026-11-24T12:00:01Z", "reason": "A"},
                {"reason": "nobody knows when"},
            ],
            ("B", ""),
        ),
    ],
)
def test_the_newest_event_speaks_however_its_time_is_written(
    world: World, events: list[dict[str, Any]], newest: tuple[str, str]
) -> None:
    path = "/api/v1/namespaces/vcluster-tenant-a/events"
    for number, event in enumerate(events):
        world.objects[f"{path}/{number}"] = {"metadata": {}, **event}
    api = FakeApi(world, "tenant-a", "vcluster-tenant-a")
    assert last_event(api, SPEC, Pod("control_plane", "tenant-a-0", uid="u")) == newest


def test_members_alone_are_no_vcluster_that_is_rolled_out() -> None:
    plane = workload("control_plane", "Deployment", "t", 1, {})
    etcd = workload("etcd", "StatefulSet", "t-etcd", 3, {})
    assert Live((plane, etcd), (), "1").settled
    assert not Live((etcd,), (), "1").settled
    assert not Live((), (), "1").settled
    assert not Live((plane, replace(etcd, ready=2)), (), "1").settled


def gone(name: str, phase: str = "Failed", **status: Any) -> dict[str, Any]:
    """A pod whose containers will not run again."""
    raw = raw_pod(name, "control_plane")
    raw["status"] = {"phase": phase, **status}
    return raw


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"reason": "Evicted", "message": "The node was low on memory."}, "Evicted: The node was"),
        ({"reason": "NodeShutdown"}, "NodeShutdown"),
        ({}, "Failed"),
        ({"conditions": [{"type": "Ready", "status": "True"}]}, "Failed"),
    ],
)
def test_a_pod_that_has_ended_says_so_and_is_not_ready(status: dict[str, Any], words: str) -> None:
    found = pod(gone("tenant-a-7", **status))
    assert (found.ended, found.ready) == (True, False)
    assert found.state.startswith(words)
    assert not pod(raw_pod("tenant-a-0", "control_plane")).ended


@pytest.mark.parametrize(("running", "replaced"), [(2, True), (1, False)])
def test_pods_that_have_ended_are_left_aside_once_they_are_replaced(
    world: World, monkeypatch: pytest.MonkeyPatch, running: int, replaced: bool
) -> None:
    world.workloads = (workload("control_plane", "Deployment", "tenant-a", 2, {}),)
    names = [f"tenant-a-{number}" for number in range(running)]
    ends = ["tenant-a-7", "tenant-a-8"]
    raw = [raw_pod(name, "control_plane") for name in names]
    raw += [gone(ends[0], reason="Evicted"), gone(ends[1], "Succeeded")]
    monkeypatch.setattr(FakeApi, "_pods", lambda _self: iter(raw))
    live = look(FakeApi(world, "tenant-a", "vcluster-tenant-a"), SPEC)
    assert [item.name for item in live.aside] == (ends if replaced else [])
    assert [item.name for item in live.pods] == (names if replaced else [*names, *ends])
