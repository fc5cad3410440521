# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lost quorum is recovered by name only, from what is left, and by the next run where one was cut off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from fakes import Cut, FakeLock, World
from restores import LATER, Filled, Run, held, snapshots
from saved import ETCD, Member, deploy

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    FleetError,
    Locked,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate import verify
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.values import merged
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.refill import LEDGE

ASKED = {"snapshot": "survivor", "consent": ["tenant-a"]}


@pytest.fixture(autouse=True)
def members_are_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once they are filled; here only one of them is more than a name."""
    monkeypatch.setattr(verify, "store_checks", lambda *_args: [])


@pytest.fixture
def lost(etcd: Member, restore: Run, world: World) -> Member:
    """One of three is left: the claims of the others are gone. It holds what was written after the snapshot."""
    three = {"highAvailability": {"replicas": 3}}
    deploy(world, nested(ETCD, three))
    world.log.clear()
    etcd.leader = "0"
    return etcd


def nested(values: Mapping[str, Any], stateful_set: Mapping[str, Any]) -> Mapping[str, Any]:
    deployed = {"etcd": {"deploy": {"statefulSet": stateful_set}}}
    return merged(values, {"controlPlane": {"backingStore": deployed}})


def test_what_is_left_is_restored(
    restore: Run, lost: Member, filled: Filled, tmp_path: Path
) -> None:
    result = restore(**ASKED)
    assert result["outcome"] == "done", result["msg"]
    assert held(lost, tmp_path) == LATER
    assert (lost.leader, filled.raised) == ("1", [LEDGE])
    assert snapshots(tmp_path) == 2


def test_what_was_taken_of_it_is_never_the_latest(
    restore: Run, lost: Member, filled: Filled
) -> None:
    restore(**ASKED)
    assert restore()["snapshot"]["id"] == filled.taken


@pytest.mark.parametrize("consent", [None, [], ["tenant-b"], ["tenant-a1"]])
def test_it_is_recovered_by_name_only(
    restore: Run, lost: Member, world: World, consent: list[str] | None
) -> None:
    result = restore(**{**ASKED, "consent": consent})
    assert (result["outcome"], world.log) == ("refused", [])
    assert 'fleetops_consent": ["tenant-a"]' in result["msg"]


def test_with_a_quorum_nothing_is_touched(restore: Run, etcd: Member, world: World) -> None:
    result = restore(**ASKED)
    assert (result["failed"], world.log) == (True, [])
    assert "etcd has a quorum" in result["msg"]


def test_in_check_mode_it_says_what_would_be_lost(restore: Run, lost: Member, world: World) -> None:
    result = restore(check=True, **ASKED)
    assert (result["outcome"], world.log) == ("planned", [])
    assert "what only the lost ones had acknowledged is lost" in result["msg"]


def test_g48_one_that_was_cut_off_goes_on_with_what_was_taken(
    restore: Run, lost: Member, world: World, tmp_path: Path
) -> None:
    world.cut_before = 3
    with pytest.raises(Cut):
        restore(**ASKED)
    world.cut_before = 0
    assert snapshots(tmp_path) == 2
    lost.hold({}, 1)  # The member that was left begins anew, and is empty.
    result = restore(**ASKED)
    assert result["outcome"] == "done", result["msg"]
    assert held(lost, tmp_path) == LATER
    assert snapshots(tmp_path) == 2


def test_nothing_writes_any_more_when_it_is_taken(
    restore: Run, lost: Member, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    taken = lost.snapshot
    monkeypatch.setattr(lost, "snapshot", lambda: seen.append(list(world.log)) or taken())
    restore(**ASKED)
    assert seen[0] == ["scale tenant-a to 0"]


def test_a_quorum_that_is_back_when_it_was_taken_is_left_alone(
    restore: Run, lost: Member, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = lost.snapshot

    def snapshot() -> Iterator[bytes]:
        yield from taken()
        lost.leader = "1"

    monkeypatch.setattr(lost, "snapshot", snapshot)
    result = restore(**ASKED)
    assert "etcd has a quorum" in result["msg"]
    assert world.log == ["scale tenant-a to 0", "scale tenant-a to 1", "unmark"]


def test_g48_one_that_was_cut_off_before_it_noted_what_it_took_takes_it_again(
    restore: Run, lost: Member, world: World, tmp_path: Path
) -> None:
    world.cut_before = 2
    with pytest.raises(Cut):
        restore(**ASKED)
    world.cut_before = 0
    assert restore(**ASKED)["outcome"] == "done"
    assert held(lost, tmp_path) == LATER


def test_what_could_not_be_opened_again_is_not_begun(
    restore: Run, lost: Member, world: World
) -> None:
    result = restore(**ASKED, snapshots={"identity": None})
    assert (result["outcome"], world.log) == ("refused", [])
    assert "vcluster_snapshots.identity" in result["msg"]


def test_a_snapshot_that_holds_more_than_what_is_left_is_told(
    restore: Run, lost: Member, filled: Filled, world: World
) -> None:
    lost.before = 20
    result = restore(**ASKED)
    assert (result["failed"], world.log) == (True, [])
    assert f"fleetops_snapshot={filled.taken}" in result["msg"]


def test_whoever_lost_the_lock_starts_nothing(
    restore: Run, lost: Member, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_self: FakeLock) -> None:
        raise Locked("somebody else has it", "")

    monkeypatch.setattr(FakeLock, "check", gone)
    restore(**ASKED)
    assert world.log == ["scale tenant-a to 0"]


def test_a_target_that_fails_leaves_the_control_plane_as_it_was(
    restore: Run, lost: Member, world: World
) -> None:
    lost.ends = FleetError("the stream ended", "")
    result = restore(**ASKED)
    assert "the stream ended" in result["msg"]
    assert world.log == ["scale tenant-a to 0", "scale tenant-a to 1", "unmark"]
