# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A restore: nothing is touched before the snapshot is known to be good, and what fails is undone."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import Cut, World
from restores import LATER, RESTORING, Filled, Run, fill_volume, held, snapshots
from saved import CERTS, PAIRS, Member, Volume, deploy

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import (
    sqlite_file,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.seal import fresh_pair
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate import filling, restoring
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.plane import Plane
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.snapshot import (
    run_snapshot,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.refill import LEDGE, Refill


def moved_from(tmp_path: Path, cluster: str) -> None:
    """The snapshots are those of a vCluster of the same name on another host cluster."""
    target = tmp_path / "target"
    (ours,) = target.iterdir()
    for path in ours.rglob("manifest.json"):
        path.write_text(json.dumps({**json.loads(path.read_text()), "cluster": cluster}))
    ours.rename(target / cluster)


def test_a_snapshot_of_another_one_takes_its_place(
    restore: Run, world: World, etcd: Member, tmp_path: Path, filled: Filled
) -> None:
    moved_from(tmp_path, "hc9")
    own = {"ca.key": "b3du", "etcd-ca.key": "ZXRjZA==", "apiserver.crt": "bGVhZg=="}
    world.objects[CERTS] = {"data": own}
    result = restore(snapshots={"from": {"cluster": "hc9"}})
    assert not result.get("failed"), result["msg"]
    assert held(etcd, tmp_path) == PAIRS
    # The authority of the tenant is the other one's; what it signed is signed again by the syncer.
    assert world.objects[CERTS]["data"] == {"ca.key": "c2VjcmV0LWtleQ==", "etcd-ca.key": "ZXRjZA=="}
    # The safety snapshot is this vCluster's own.
    safety = [
        path for path in (tmp_path / "target").rglob("manifest.json") if "hc9" not in str(path)
    ]
    assert len(safety) == 1


def test_g27_values_of_the_snapshot_are_told_and_not_forced(restore: Run, world: World) -> None:
    live = dict(world.releases[-1].values or {})
    world.releases[-1] = replace(world.releases[-1], values={**live, "sync": {"new": True}})
    result = restore()
    assert result["other_values"] == ["/sync/new"]
    assert "stay as they are: /sync/new" in result["msg"]
    assert world.releases[-1].values == {**live, "sync": {"new": True}}


def test_without_from_there_is_no_such_snapshot(restore: Run, world: World, tmp_path: Path) -> None:
    moved_from(tmp_path, "hc9")
    result = restore()
    assert result["failed"] and "no snapshot" in result["msg"]
    assert world.log == []


def test_g28_a_failed_restore_of_another_one_is_undone_with_its_own_certificates(
    restore: Run, world: World, etcd: Member, tmp_path: Path, filled: Filled
) -> None:
    moved_from(tmp_path, "hc9")
    own = {"ca.key": "b3du", "etcd-ca.key": "ZXRjZA==", "apiserver.crt": "bGVhZg=="}
    world.objects[CERTS] = {"data": own}
    filled.fails = [FleetError("the pod failed")]
    result = restore(snapshots={"from": {"cluster": "hc9"}})
    assert result["outcome"] == "rolled_back"
    assert world.objects[CERTS]["data"] == own
    assert held(etcd, tmp_path) == LATER


def test_what_was_there_at_the_snapshot_is_there_again(
    restore: Run, world: World, etcd: Member, tmp_path: Path, filled: Filled
) -> None:
    result = restore()
    assert not result.get("failed"), result["msg"]
    assert result["outcome"] == "done"
    assert held(etcd, tmp_path) == PAIRS
    assert world.log == [
        "scale tenant-a to 0",
        "the store is filled",
        "annotate",
        "scale tenant-a to 1",
        "unmark",
    ]
    assert world.workloads[0].annotations == {}
    assert snapshots(tmp_path) == 2, "one of what was there before"
    assert result["checks"]
    assert result["outage"] >= 0


def test_g61_the_revision_rises_above_all_that_clients_have_seen(
    restore: Run, etcd: Member, filled: Filled
) -> None:
    restore()
    assert filled.raised == [12 + LEDGE]
    assert etcd.before > 52


def test_check_mode_counts_what_would_be_lost(restore: Run, world: World, tmp_path: Path) -> None:
    result = restore(check=True)
    assert (result["changed"], result["outcome"]) == (True, "planned")
    assert "12 writes since are lost" in result["msg"]
    assert "API is away for about" in result["msg"]
    assert world.log == []
    assert snapshots(tmp_path) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"snapshots": {"identity": None}}, "encrypted and no key is given"),
        ({"snapshots": {"identity": fresh_pair().identity}}, "does not open the snapshot"),
        ({"snapshots": {"directory": "/nowhere"}}, "no snapshot is in"),
        ({"snapshot": "20260101T000000Z-00000000"}, "no snapshot 20260101T000000Z-00000000"),
    ],
)
def test_what_cannot_be_opened_touches_nothing(
    restore: Run, world: World, change: dict[str, Any], words: str
) -> None:
    result = restore(**change)
    assert result["failed"]
    assert words in result["msg"]
    assert world.log == []


@pytest.mark.parametrize("part", ["data", "private"])
@pytest.mark.parametrize("cut", [1, 40])
def test_a_damaged_archive_touches_nothing(
    restore: Run, world: World, tmp_path: Path, part: str, cut: int
) -> None:
    (path,) = (tmp_path / "target").rglob(part)
    path.write_bytes(path.read_bytes()[:-cut])
    result = restore()
    assert result["failed"]
    assert "cut off" in result["msg"] or "damaged" in result["msg"]
    assert world.log == []


def test_g28_without_a_safety_snapshot_nothing_is_touched_unless_asked_for(
    restore: Run, world: World, etcd: Member, tmp_path: Path
) -> None:
    etcd.ends = FleetError("the member is gone.")
    result = restore()
    assert "Nothing was touched" in result["msg"]
    assert "safety: false" in result["msg"]
    assert world.log == []
    assert snapshots(tmp_path) == 1


def broken_proof(world: World, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """The first proofs fail."""
    left = [times]

    def failing(*_arguments: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise restoring.ProofFailed("dns: no answer.", "", ())
        return ()

    monkeypatch.setattr(restoring, "prove", failing)


def test_g28_a_restore_that_fails_its_proof_is_undone(
    restore: Run, world: World, etcd: Member, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_proof(world, monkeypatch, 1)
    result = restore()
    assert (result["failed"], result["outcome"]) == (True, "rolled_back")
    assert "dns: no answer" in result["msg"]
    assert held(etcd, tmp_path) == LATER
    assert world.workloads[0].annotations == {}
    assert etcd.before > 40 + LEDGE, "clients have seen the restored revisions"


def test_g28_a_store_that_cannot_be_filled_gets_back_what_it_had(
    restore: Run, world: World, etcd: Member, tmp_path: Path, filled: Filled
) -> None:
    filled.fails = [FleetError("Pod tenant-a-etcd-0-restore failed: no room.")]
    result = restore()
    assert result["outcome"] == "rolled_back"
    assert "no room" in result["msg"]
    assert held(etcd, tmp_path) == LATER


def test_replicas_that_do_not_stop_are_no_traceless_end(
    restore: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = iter([True] * 3)
    monkeypatch.setattr(Plane, "_running", lambda _self: next(running, False))
    result = restore()
    assert not result.get("failed"), result["msg"]
    monkeypatch.setattr(Plane, "_running", lambda _self: True)
    stuck = restore()
    assert stuck["outcome"] == "failed"
    assert "waited 1 s for the replicas to stop" in stuck["msg"]
    assert world.workloads[0].annotations[RESTORING] == "true"


def test_when_going_back_fails_too_both_reasons_are_told_and_it_stays_marked(
    restore: Run, world: World, filled: Filled
) -> None:
    filled.fails = [FleetError("first reason."), FleetError("second reason.")]
    result = restore()
    assert result["outcome"] == "failed"
    assert "first reason" in result["msg"]
    assert "second reason" in result["msg"]
    assert world.workloads[0].annotations[RESTORING] == "true"


def test_a_store_that_holds_something_else_afterwards_is_no_success(
    restore: Run, etcd: Member, tmp_path: Path, filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = filled.etcd.hold
    wrong = iter([True])

    def hold(pairs: Any, revision: int) -> None:
        right({**pairs, b"/registry/x": b"?"} if next(wrong, False) else pairs, revision)

    monkeypatch.setattr(filled.etcd, "hold", hold)
    result = restore()
    assert result["outcome"] == "rolled_back"
    assert "the store holds 4 keys" in result["msg"]
    assert held(etcd, tmp_path) == LATER


@pytest.mark.parametrize("step", range(1, 6))
def test_g48_a_run_that_was_cut_off_anywhere_is_finished_by_the_next(
    restore: Run, world: World, etcd: Member, tmp_path: Path, step: int
) -> None:
    world.cut_before = step
    with pytest.raises(Cut):
        restore()
    world.cut_before = 0
    wanted = PAIRS
    if step > 4:  # it serves already: what is written now is not to be filled over
        wanted = {**PAIRS, b"/registry/later": b"1"}
        etcd.hold(wanted, etcd.before + 1)
    result = restore()
    assert not result.get("failed"), result["msg"]
    assert held(etcd, tmp_path) == wanted
    assert world.workloads[0].annotations == {}
    assert world.workloads[0].replicas == 1


def test_g48_the_next_run_keeps_the_first_safety_snapshot(
    restore: Run, world: World, tmp_path: Path
) -> None:
    world.cut_before = 3
    with pytest.raises(Cut):
        restore()
    world.cut_before = 0
    restore()
    assert snapshots(tmp_path) == 2


def test_g48_a_safety_snapshot_that_was_cut_off_is_swept(restore: Run, tmp_path: Path) -> None:
    (manifest,) = (tmp_path / "target").rglob("manifest.json")
    half = manifest.parent.with_name("20260101T000000Z-0badcafe")
    half.mkdir()
    (half / "data").write_bytes(b"half")
    assert not restore().get("failed")
    assert not half.exists()
    assert snapshots(tmp_path) == 2


def test_latest_is_never_what_an_earlier_restore_was_to_get_rid_of(
    restore: Run, etcd: Member, tmp_path: Path, filled: Filled
) -> None:
    restore()
    again = restore()
    assert again["snapshot"]["id"] == filled.taken
    assert held(etcd, tmp_path) == PAIRS


def test_g34_nothing_is_saved_of_a_store_that_may_be_half_filled(
    restore: Run, world: World
) -> None:
    world.cut_before = 3
    with pytest.raises(Cut):
        restore()
    world.cut_before = 0
    result = restore(run_snapshot)
    assert result["outcome"] == "refused"
    assert "is being restored" in result["msg"]


def test_g27_other_certificates_are_replaced_by_those_of_the_snapshot(
    restore: Run, world: World
) -> None:
    world.objects[CERTS] = {"data": {"ca.key": "b3RoZXI=", "extra": "eA=="}}
    assert not restore().get("failed")
    assert world.objects[CERTS] == {"data": {"ca.key": "c2VjcmV0LWtleQ=="}}
    assert "the certificates are put back" in world.log


def test_g24_a_held_vcluster_is_left_alone(restore: Run, world: World) -> None:
    world.holder = "somebody"
    assert restore()["outcome"] == "locked"
    assert world.log == []


def test_g61_sqlite_gets_data_that_is_raised_already(
    restore: Run,
    world: World,
    filled: Filled,
    volume: Volume,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """And what it holds then is read from the volume before the control plane starts."""
    sent: list[Refill] = []

    def fill(spec: Any, observation: Any, work: Refill) -> None:
        world.change("the volume is filled")
        sent.append(work)
        fill_volume(volume, work)

    monkeypatch.setattr(filling, "refill", fill)
    deploy(world, {})
    taken = restore(run_snapshot, store=volume)
    assert not taken.get("failed"), taken["msg"]
    volume.hold(LATER, 52)
    world.log.clear()
    result = restore(store=volume, snapshot=taken["snapshot"]["id"])
    assert not result.get("failed"), result["msg"]
    (work,) = sent
    assert work.raise_by == 0
    content = volume.path.read_bytes()
    assert (work.size, work.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    with volume.path.open("rb") as file:
        found = sqlite_file.inspect(file)
    assert found.revision == 52 + LEDGE
    assert found.contents.keys == 2
    assert world.log == [
        "scale tenant-a to 0",
        "the volume is filled",
        "annotate",
        "scale tenant-a to 1",
        "unmark",
    ]


def test_g28_the_safety_copy_of_a_busy_one_may_stop_it_a_moment_earlier(
    restore: Run, world: World, filled: Filled, volume: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "refill", lambda _spec, _seen, work: fill_volume(volume, work))
    deploy(world, {})
    taken = restore(run_snapshot, store=volume)
    volume.busy = True
    world.log.clear()
    result = restore(store=volume, snapshot=taken["snapshot"]["id"])
    assert not result.get("failed"), result["msg"]
    copied = ["scale tenant-a to 0", "scale tenant-a to 1", "unmark"]
    assert world.log == [
        *copied,
        "scale tenant-a to 0",
        "annotate",
        "scale tenant-a to 1",
        "unmark",
    ]
