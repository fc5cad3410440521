# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the log of a lost member says, with real etcd servers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from etcd_pods import NAME, EtcdPods, begun, keys, lead, until

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    EMPTY,
    REMOVED,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.etcd_lost import loss_in

pytestmark = pytest.mark.apiserver


def _emptied(etcd: EtcdPods, pod: str) -> None:
    etcd.wipe(pod)


def _log_cut(etcd: EtcdPods, pod: str) -> None:
    (log,) = (etcd.data(pod) / "member" / "wal").glob("*-0000000000000000.wal")
    content = bytearray(log.read_bytes())
    content[200:400] = b"\xff" * 200
    log.write_bytes(content)


def _database_overwritten(etcd: EtcdPods, pod: str) -> None:
    database = etcd.data(pod) / "member" / "snap" / "db"
    content = database.read_bytes()
    database.write_bytes(b"\xff" * 8192 + content[8192:])


def _removed(etcd: EtcdPods, pod: str) -> None:
    with etcd.member(f"{NAME}-0") as member:
        member.remove(next(found.id for found in member.members() if found.name == pod))


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (_emptied, EMPTY),
        (_log_cut, "its write-ahead log is corrupt"),
        (_database_overwritten, "its database is corrupt"),
        (_removed, REMOVED),
    ],
)
def test_g63_a_lost_member_says_so_in_its_log(
    etcd: EtcdPods, harm: Callable[[EtcdPods, str], None], words: str
) -> None:
    begun(etcd, 3)
    lead(etcd, f"{NAME}-0")
    pod = f"{NAME}-2"
    etcd.end(pod)
    harm(etcd, pod)
    etcd.start(3, pod)
    until("it to end", lambda: etcd.ended(pod))
    assert loss_in(etcd.log(pod)) == words


def test_g63_a_member_that_joined_and_is_emptied_says_so_too(etcd: EtcdPods) -> None:
    begun(etcd, 3)
    lead(etcd, f"{NAME}-0")
    pod = f"{NAME}-2"
    etcd.end(pod)
    etcd.wipe(pod)
    etcd.start(3, pod, existing=True)
    until("it to end", lambda: etcd.ended(pod))
    assert loss_in(etcd.log(pod)) == EMPTY


def test_g63_one_that_began_anew_before_it_found_its_peers_is_lost() -> None:
    log = "panic: tocommit(579) is out of range [lastIndex(3)]. Was the raft log corrupted, truncated, or lost?"
    assert loss_in(log) == "its volume is empty, or has lost entries"


@pytest.mark.parametrize(("counted", "existing"), [(1, False), (1, True), (2, True)])
def test_g09_g63_one_that_nobody_added_says_so(
    etcd: EtcdPods, counted: int, existing: bool
) -> None:
    """The StatefulSet was scaled past Helm, or plain Helm has raised the number of those that are told to join."""
    begun(etcd, 1)
    pod = f"{NAME}-1"
    etcd.start(counted, pod, existing=existing)
    until("it to end", lambda: etcd.ended(pod))
    assert loss_in(etcd.log(pod)) == EMPTY


def test_g09_one_that_was_added_and_has_data_never_says_so(etcd: EtcdPods) -> None:
    """Whatever its arguments are."""
    begun(etcd, 2)
    pod = f"{NAME}-1"
    for existing in (False, True):
        etcd.end(pod)
        etcd.start(1, pod, existing=existing)
        etcd.ready()
        until("it to be back", lambda: keys(etcd, pod) == 1)
        assert loss_in(etcd.log(pod)) == ""
