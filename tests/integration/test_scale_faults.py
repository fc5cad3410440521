# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scaling that is killed at each step, or loses a member or the host cluster: the next run finishes it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from by_hand import CLUSTER, in_namespace, wait_until
from harness import Fleet, Lab, kubectl, lab_command
from runs import cut, kill_at, watched
from scaling import agree_on_keys, broken, gives_up, members, under_load

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(1200)]

NAME = "it-shaken"
# What a run says when it gets there: while members come, and while they go.
TURNS = (
    ("scale_out: etcd members 1 -> 2", "scale_in: etcd members 3 -> 1"),
    ("adding etcd member it-shaken-etcd-1", "removing etcd member it-shaken-etcd-2"),
    ("of 2 members ready", "removing etcd member it-shaken-etcd-1"),
    ("etcd member it-shaken-etcd-1 is in step", "deleted claim data-it-shaken-etcd-1"),
    ("scale_out: etcd members 2 -> 3", "deleted claim data-it-shaken-etcd-2"),
    ("of 3 members ready", "of 1 members ready"),
)
LOST = (
    "replace_member: etcd member 1",
    "removing etcd member it-shaken-etcd-1",
    "adding etcd member it-shaken-etcd-1",
    "of 3 members ready",
)


def asking(count: int, rollout: int = 240) -> dict[str, Any]:
    return {
        "vcluster_version": "0.36.1",
        "vcluster_kubernetes_version": "1.36.3",
        "vcluster_replicas": 1,
        "vcluster_store": {"type": "etcd_deployed", "members": count},
        "vcluster_timeouts": {"rollout": rollout},
    }


@pytest.fixture
def fleet(make_fleet: Any) -> Any:
    """A fleet of one, with so many members."""

    def made(count: int, **more: int) -> Fleet:
        fleet: Fleet = make_fleet({CLUSTER: {NAME: asking(count, **more)}})
        return fleet

    return made


@pytest.fixture
def whole(lab: Lab) -> Callable[[int], None]:
    """Looks whether so many members are there, agree, and hold the same."""

    def look(count: int) -> None:
        names = {f"{NAME}-etcd-{number}": True for number in range(count)}
        assert [members(lab, NAME, number) for number in range(count)] == [names] * count
        agree_on_keys(lab, NAME, count)

    return look


@pytest.mark.parametrize(("coming", "going"), TURNS)
def test_g48_members_that_come_and_go_in_runs_that_are_killed(
    fleet: Any, lab: Lab, whole: Any, tmp_path: Path, coming: str, going: str
) -> None:
    fleet(1).play("site").succeeded()
    for count, words in ((3, coming), (1, going)):
        with under_load(lab, NAME, tmp_path, f"killed at {words}", around=2.0) as ledger:
            assert kill_at(fleet(count), words)
            fleet(count).play("site").succeeded()
        assert ledger.report.lost == 0
        whole(count)
        assert "changed=0" in fleet(count).play("site").succeeded().output


def test_g48_shrinking_that_was_killed_can_be_taken_back(
    fleet: Any, lab: Lab, whole: Any, tmp_path: Path
) -> None:
    fleet(3).play("site").succeeded()
    with under_load(lab, NAME, tmp_path, "taken back", around=2.0) as ledger:
        assert kill_at(fleet(1), "removing etcd member it-shaken-etcd-1")
        fleet(3).play("site").succeeded()
    assert ledger.report.lost == 0
    whole(3)


@pytest.mark.parametrize("words", LOST)
def test_g48_a_member_that_is_replaced_in_a_run_that_is_killed(
    fleet: Any, lab: Lab, whole: Any, tmp_path: Path, words: str
) -> None:
    fleet(3).play("site").succeeded()
    with under_load(lab, NAME, tmp_path, f"killed at {words}", around=2.0) as ledger:
        broken(lab, NAME, 1)
        gives_up(lab, NAME, 1)
        assert kill_at(fleet(3), words)
        fleet(3).play("site").succeeded()
    assert ledger.report.lost == 0
    whole(3)


@pytest.mark.parametrize("number", [0, 1])
def test_a_member_that_dies_while_another_joins_costs_nothing(
    fleet: Any, lab: Lab, whole: Any, tmp_path: Path, number: int
) -> None:
    """The joining one, and the one that leads."""

    def dies() -> None:
        pod = ("pod", f"{NAME}-etcd-{number}")
        wait_until("the member", lambda: in_namespace(lab, NAME, "get", *pod, "--ignore-not-found"))
        in_namespace(lab, NAME, "delete", *pod, "--grace-period=0", "--force")

    fleet(1).play("site").succeeded()
    with under_load(lab, NAME, tmp_path, f"member {number} killed") as ledger:
        watched(fleet(3), "of 2 members ready", dies).succeeded()
    assert ledger.report.lost == 0
    whole(3)


def test_a_member_that_joins_on_a_full_disk_costs_nothing_and_joins_when_there_is_room(
    fleet: Any, lab: Lab, whole: Any, tmp_path: Path
) -> None:
    fleet(1).play("site").succeeded()
    with under_load(lab, NAME, tmp_path, "the new member's disk is full") as ledger:
        with full(lab, f"{NAME}-etcd-1") as fill:
            run = watched(fleet(3, rollout=60), "of 2 members ready", fill).failed()
            assert "of 2 members ready" in run.output
            # It never began, so it has no name yet.
            assert members(lab, NAME) == {f"{NAME}-etcd-0": True, "": False}
        fleet(3).play("site").succeeded()
    assert ledger.report.lost == 0
    whole(3)


@contextmanager
def full(lab: Lab, pod: str) -> Iterator[Callable[[], None]]:
    """The pod waits for a node until asked; then a file system without room lies over its volume, until this ends.

    A member that had joined before would be one of two voters: without it there is no quorum.
    """
    claim = ("get", "persistentvolumeclaim", f"data-{pod}", "--ignore-not-found")
    volumes: list[str] = []

    def bound() -> str:
        return in_namespace(lab, NAME, *claim, "--output=jsonpath={.spec.volumeName}")

    def fill() -> None:
        wait_until("a volume", bound)
        path = "--output=jsonpath={.spec.hostPath.path}"
        volumes.append(kubectl(lab.clusters[CLUSTER], "get", "persistentvolume", bound(), path))
        on_all_nodes(lab, "mount", "-t", "tmpfs", "-o", "size=1M", "full", volumes[0])
        kubectl(lab.clusters[CLUSTER], "uncordon", *nodes(lab))

    try:
        kubectl(lab.clusters[CLUSTER], "cordon", *nodes(lab))
        yield fill
    finally:
        kubectl(lab.clusters[CLUSTER], "uncordon", *nodes(lab))
        if volumes:
            on_all_nodes(lab, "umount", volumes[0])


def nodes(lab: Lab) -> list[str]:
    return kubectl(lab.clusters[CLUSTER], "get", "nodes", "--output=name").split()


def on_all_nodes(lab: Lab, *command: str) -> None:
    for number in range(1, len(nodes(lab)) + 1):
        lab_command("exec", f"--node={number}", CLUSTER, "--", *command)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (1, 3, "adding etcd member it-shaken-etcd-1"),
        (1, 3, "of 2 members ready"),
        (3, 1, "removing etcd member it-shaken-etcd-1"),
    ],
)
def test_a_host_cluster_that_is_cut_off_meanwhile_is_gone_on_with(
    fleet: Any, lab: Lab, whole: Any, tmp_path: Path, before: int, after: int, words: str
) -> None:
    """For half a minute."""
    fleet(before).play("site").succeeded()
    with under_load(lab, NAME, tmp_path, f"cut off at {words}") as ledger:
        with cut(CLUSTER) as cut_off:

            def away() -> None:
                cut_off()
                time.sleep(30)
                lab_command("proxy", CLUSTER, "ok")

            watched(fleet(after), words, away)
        wait_until("a run that succeeds", lambda: fleet(after).play("site").returncode == 0, 400)
    assert ledger.report.lost == 0
    whole(after)
