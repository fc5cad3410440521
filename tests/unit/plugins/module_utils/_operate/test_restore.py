# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A restore: nothing is touched before the snapshot is known to be good, and what fails is undone."""

from __future__ import annotations

import hashlib
import itertools
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes import NOW, Cut, World
from saved import CERTS, PAIR, PAIRS, Api, Host, Member, Volume, deploy

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import (
    etcd_file,
    key_archive,
    sqlite_file,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.seal import fresh_pair
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.unpacked import live
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate import plane, restoring
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import answer
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.plane import Plane
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.restore import run_restore
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.snapshot import (
    run_snapshot,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.snapshot_info import (
    run_snapshot_info,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.refill import LEDGE, Refill

LATER = {**PAIRS, b"/registry/c": b"3"}
RESTORING = "loft.sh/restoring"
Run = Callable[..., dict[str, Any]]


@pytest.fixture
def etcd() -> Member:
    return Member()


@pytest.fixture
def volume(world: World, tmp_path: Path) -> Volume:
    made = Volume(world, tmp_path / "state.db")
    made.hold(PAIRS, 40)
    return made


class Filled:
    """What the store was filled with; `fails` says what goes wrong on the way, one after the other."""

    def __init__(self, world: World, etcd: Member, folder: Path) -> None:
        self.world, self.etcd, self.folder = world, etcd, folder
        self.taken = ""
        self.raised: list[int] = []
        self.fails: list[Exception | None] = []

    def __call__(self, spec: Any, observation: Any, work: Refill) -> None:
        plane = self.world.workloads[0]
        assert (plane.replicas, plane.annotations[RESTORING]) == (0, "true")
        self.world.change("the store is filled")
        failure = self.fails.pop(0) if self.fails else None
        if failure:
            raise failure
        with work.content() as content:
            path = self.folder / "filled"
            path.write_bytes(content.read())
        with path.open("rb") as file:
            found = etcd_file.inspect(file)
            file.seek(0)
            pairs = dict(live("etcd", file))
        self.raised.append(work.raise_by)
        self.etcd.hold(pairs, found.revision + work.raise_by)
        work.compare()
        self.changes = list(work.changes())


@pytest.fixture
def filled(world: World, etcd: Member, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Filled:
    made = Filled(world, etcd, tmp_path)
    monkeypatch.setattr(restoring, "refill", made)
    monkeypatch.setattr(plane, "PAUSE", 0.0)
    return made


@pytest.fixture
def run(
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


def held(etcd: Member, tmp_path: Path) -> dict[bytes, bytes]:
    path = tmp_path / "held"
    path.write_bytes(etcd.stream)
    with path.open("rb") as file:
        return dict(live("etcd", file))


def snapshots(tmp_path: Path) -> int:
    return len(list((tmp_path / "target").rglob("manifest.json")))


def moved_from(tmp_path: Path, cluster: str) -> None:
    """The snapshots are those of a vCluster of the same name on another host cluster."""
    target = tmp_path / "target"
    (ours,) = target.iterdir()
    for path in ours.rglob("manifest.json"):
        path.write_text(json.dumps({**json.loads(path.read_text()), "cluster": cluster}))
    ours.rename(target / cluster)


def test_a_snapshot_of_another_one_takes_its_place(
    run: Run, world: World, etcd: Member, tmp_path: Path, filled: Filled
) -> None:
    moved_from(tmp_path, "hc9")
    own = {"ca.key": "b3du", "etcd-ca.key": "ZXRjZA==", "apiserver.crt": "bGVhZg=="}
    world.objects[CERTS] = {"data": own}
    result = run(snapshots={"from": {"cluster": "hc9"}})
    assert not result.get("failed"), result["msg"]
    assert held(etcd, tmp_path) == PAIRS
    # The authority of the tenant is the other one's; what it signed is signed again by the syncer.
    assert world.objects[CERTS]["data"] == {"ca.key": "c2VjcmV0LWtleQ==", "etcd-ca.key": "ZXRjZA=="}
    # The safety snapshot is this vCluster's own.
    safety = [
        path for path in (tmp_path / "target").rglob("manifest.json") if "hc9" not in str(path)
    ]
    assert len(safety) == 1


def test_g27_values_of_the_snapshot_are_told_and_not_forced(run: Run, world: World) -> None:
    live = dict(world.releases[-1].values or {})
    world.releases[-1] = replace(world.releases[-1], values={**live, "sync": {"new": True}})
    result = run()
    assert result["other_values"] == ["/sync/new"]
    assert "stay as they are: /sync/new" in result["msg"]
    assert world.releases[-1].values == {**live, "sync": {"new": True}}


def test_without_from_there_is_no_such_snapshot(run: Run, world: World, tmp_path: Path) -> None:
    moved_from(tmp_path, "hc9")
    result = run()
    assert result["failed"] and "no snapshot" in result["msg"]
    assert world.log == []


def test_g28_a_failed_restore_of_another_one_is_undone_with_its_own_certificates(
    run: Run, world: World, etcd: Member, tmp_path: Path, filled: Filled
) -> None:
    moved_from(tmp_path, "hc9")
    own = {"ca.key": "b3du", "etcd-ca.key": "ZXRjZA==", "apiserver.crt": "bGVhZg=="}
    world.objects[CERTS] = {"data": own}
    filled.fails = [FleetError("the pod failed")]
    result = run(snapshots={"from": {"cluster": "hc9"}})
    assert result["outcome"] == "rolled_back"
    assert world.objects[CERTS]["data"] == own
    assert held(etcd, tmp_path) == LATER


def test_what_was_there_at_the_snapshot_is_there_again(
    run: Run, world: World, etcd: Member, tmp_path: Path, filled: Filled
) -> None:
    result = run()
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
    run: Run, etcd: Member, filled: Filled
) -> None:
    run()
    assert filled.raised == [12 + LEDGE]
    assert etcd.before > 52


def test_check_mode_counts_what_would_be_lost(run: Run, world: World, tmp_path: Path) -> None:
    result = run(check=True)
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
    run: Run, world: World, change: dict[str, Any], words: str
) -> None:
    result = run(**change)
    assert result["failed"]
    assert words in result["msg"]
    assert world.log == []


@pytest.mark.parametrize("part", ["data", "private"])
@pytest.mark.parametrize("cut", [1, 40])
def test_a_damaged_archive_touches_nothing(
    run: Run, world: World, tmp_path: Path, part: str, cut: int
) -> None:
    (path,) = (tmp_path / "target").rglob(part)
    path.write_bytes(path.read_bytes()[:-cut])
    result = run()
    assert result["failed"]
    assert "cut off" in result["msg"] or "damaged" in result["msg"]
    assert world.log == []


def test_g28_without_a_safety_snapshot_nothing_is_touched_unless_asked_for(
    run: Run, world: World, etcd: Member, tmp_path: Path
) -> None:
    etcd.ends = FleetError("the member is gone.")
    result = run()
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
    run: Run, world: World, etcd: Member, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_proof(world, monkeypatch, 1)
    result = run()
    assert (result["failed"], result["outcome"]) == (True, "rolled_back")
    assert "dns: no answer" in result["msg"]
    assert held(etcd, tmp_path) == LATER
    assert world.workloads[0].annotations == {}
    assert etcd.before > 40 + LEDGE, "clients have seen the restored revisions"


def test_g28_a_store_that_cannot_be_filled_gets_back_what_it_had(
    run: Run, world: World, etcd: Member, tmp_path: Path, filled: Filled
) -> None:
    filled.fails = [FleetError("Pod tenant-a-etcd-0-restore failed: no room.")]
    result = run()
    assert result["outcome"] == "rolled_back"
    assert "no room" in result["msg"]
    assert held(etcd, tmp_path) == LATER


def test_replicas_that_do_not_stop_are_no_traceless_end(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = iter([True] * 3)
    monkeypatch.setattr(Plane, "_running", lambda _self: next(running, False))
    result = run()
    assert not result.get("failed"), result["msg"]
    monkeypatch.setattr(Plane, "_running", lambda _self: True)
    stuck = run()
    assert stuck["outcome"] == "failed"
    assert "waited 1 s for the replicas to stop" in stuck["msg"]
    assert world.workloads[0].annotations[RESTORING] == "true"


def test_when_going_back_fails_too_both_reasons_are_told_and_it_stays_marked(
    run: Run, world: World, filled: Filled
) -> None:
    filled.fails = [FleetError("first reason."), FleetError("second reason.")]
    result = run()
    assert result["outcome"] == "failed"
    assert "first reason" in result["msg"]
    assert "second reason" in result["msg"]
    assert world.workloads[0].annotations[RESTORING] == "true"


def test_a_store_that_holds_something_else_afterwards_is_no_success(
    run: Run, etcd: Member, tmp_path: Path, filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = filled.etcd.hold
    wrong = iter([True])

    def hold(pairs: Any, revision: int) -> None:
        right({**pairs, b"/registry/x": b"?"} if next(wrong, False) else pairs, revision)

    monkeypatch.setattr(filled.etcd, "hold", hold)
    result = run()
    assert result["outcome"] == "rolled_back"
    assert "the store holds 4 keys" in result["msg"]
    assert held(etcd, tmp_path) == LATER


@pytest.mark.parametrize("step", range(1, 6))
def test_g48_a_run_that_was_cut_off_anywhere_is_finished_by_the_next(
    run: Run, world: World, etcd: Member, tmp_path: Path, step: int
) -> None:
    world.cut_before = step
    with pytest.raises(Cut):
        run()
    world.cut_before = 0
    wanted = PAIRS
    if step > 4:  # it serves already: what is written now is not to be filled over
        wanted = {**PAIRS, b"/registry/later": b"1"}
        etcd.hold(wanted, etcd.before + 1)
    result = run()
    assert not result.get("failed"), result["msg"]
    assert held(etcd, tmp_path) == wanted
    assert world.workloads[0].annotations == {}
    assert world.workloads[0].replicas == 1


def test_g48_the_next_run_keeps_the_first_safety_snapshot(
    run: Run, world: World, tmp_path: Path
) -> None:
    world.cut_before = 3
    with pytest.raises(Cut):
        run()
    world.cut_before = 0
    run()
    assert snapshots(tmp_path) == 2


def test_latest_is_never_what_an_earlier_restore_was_to_get_rid_of(
    run: Run, etcd: Member, tmp_path: Path, filled: Filled
) -> None:
    run()
    again = run()
    assert again["snapshot"]["id"] == filled.taken
    assert held(etcd, tmp_path) == PAIRS


def test_g34_nothing_is_saved_of_a_store_that_may_be_half_filled(run: Run, world: World) -> None:
    world.cut_before = 3
    with pytest.raises(Cut):
        run()
    world.cut_before = 0
    result = run(run_snapshot)
    assert result["outcome"] == "refused"
    assert "is being restored" in result["msg"]


def test_g27_other_certificates_are_replaced_by_those_of_the_snapshot(
    run: Run, world: World
) -> None:
    world.objects[CERTS] = {"data": {"ca.key": "b3RoZXI=", "extra": "eA=="}}
    assert not run().get("failed")
    assert world.objects[CERTS] == {"data": {"ca.key": "c2VjcmV0LWtleQ=="}}
    assert "the certificates are put back" in world.log


def test_g24_a_held_vcluster_is_left_alone(run: Run, world: World) -> None:
    world.holder = "somebody"
    assert run()["outcome"] == "locked"
    assert world.log == []


def fill_volume(volume: Volume, work: Refill) -> None:
    with work.content() as content:
        volume.path.write_bytes(content.read())
    work.compare()
    assert list(work.changes()) == [], "they are in the data already"


def test_g61_sqlite_gets_data_that_is_raised_already(
    run: Run,
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

    monkeypatch.setattr(restoring, "refill", fill)
    deploy(world, {})
    taken = run(run_snapshot, store=volume)
    assert not taken.get("failed"), taken["msg"]
    volume.hold(LATER, 52)
    world.log.clear()
    result = run(store=volume, snapshot=taken["snapshot"]["id"])
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


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """What `vcluster snapshot` wrote of PAIRS."""
    path = tmp_path / "tenant-a.tar.gz"
    release = key_archive.Release(
        "tenant-a", "vcluster-tenant-a", "vcluster", "0.36.1", {"sync": {"old": True}}
    )
    with path.open("wb") as file:
        key_archive.write(file, PAIRS.items(), release)
    return path


def of_archive(archive: Path, **names: str) -> dict[str, Any]:
    return {"snapshots": {"from": {"archive": str(archive), **names}}}


def test_an_archive_of_the_vendor_goes_into_an_etcd_by_its_keys(
    run: Run,
    world: World,
    etcd: Member,
    filled: Filled,
    archive: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fill(spec: Any, observation: Any, work: Refill) -> None:
        world.change("the store is filled")
        etcd.hold(dict(work.items()), 60)
        work.compare()

    monkeypatch.setattr(restoring, "refill", fill)
    certificates = world.objects[CERTS]
    result = run(**of_archive(archive))
    assert not result.get("failed"), result["msg"]
    assert held(etcd, tmp_path) == PAIRS
    assert world.objects[CERTS] is certificates, "an archive has none"
    assert snapshots(tmp_path) == 2, "one of what was there before"
    assert result["snapshot"]["id"] == "tenant-a.tar.gz"
    assert "/sync/old" in result["other_values"]


def test_g61_an_archive_in_sqlite_is_above_all_that_clients_have_seen(
    run: Run, world: World, volume: Volume, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restoring, "refill", lambda _spec, _seen, work: fill_volume(volume, work))
    deploy(world, {})
    volume.hold(LATER, 5200)
    result = run(store=volume, **of_archive(archive))
    assert not result.get("failed"), result["msg"]
    with volume.path.open("rb") as file:
        assert sqlite_file.inspect(file).revision == 5200 + LEDGE
        found = {key: value for key, value, _lease in sqlite_file.live(file)}
    assert found == {key: value for key, value in PAIRS.items() if key != b"compact_rev_key"}


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({"name": "other"}, "is of vCluster vcluster-tenant-a/tenant-a, and not of"),
        ({"namespace": "elsewhere"}, "is of vCluster vcluster-tenant-a/tenant-a, and not of"),
    ],
)
def test_an_archive_of_another_vcluster_touches_nothing(
    run: Run, world: World, archive: Path, names: dict[str, str], words: str
) -> None:
    result = run(**of_archive(archive, **names))
    assert result["failed"]
    assert words in result["msg"]
    assert world.log == []


@pytest.mark.parametrize("content", [None, b"", b"no archive"])
def test_an_archive_that_cannot_be_read_touches_nothing(
    run: Run, world: World, archive: Path, content: bytes | None
) -> None:
    archive.unlink()
    if content is not None:
        archive.write_bytes(content)
    result = run(**of_archive(archive))
    assert result["failed"]
    assert "cannot be read" in result["msg"] or "is damaged" in result["msg"]
    assert world.log == []


def test_an_archive_that_does_not_say_whose_it_is_needs_a_name(
    run: Run, world: World, archive: Path, filled: Filled
) -> None:
    with tarfile.open(archive, "w:gz") as file:
        file.addfile(tarfile.TarInfo("/registry/a"))
    assert "is of vCluster unknown" in run(**of_archive(archive))["msg"]
    assert world.log == []
    named = run(check=True, **of_archive(archive, name="tenant-a"))
    assert named["outcome"] == "planned"


def test_an_archive_without_keys_empties_nobody(run: Run, world: World, archive: Path) -> None:
    with tarfile.open(archive, "w:gz"):
        pass
    result = run(**of_archive(archive, name="tenant-a"))
    assert result["failed"]
    assert "holds no keys" in result["msg"]
    assert world.log == []


def test_an_archive_is_the_only_snapshot_there_is(run: Run, archive: Path, filled: Filled) -> None:
    result = run(snapshot=filled.taken, **of_archive(archive))
    assert result["failed"]
    assert f"snapshot {filled.taken} is asked for" in result["msg"]
    listed = run(run_snapshot_info, **of_archive(archive))["snapshots"]
    assert [found["id"] for found in listed] == ["tenant-a.tar.gz"]


def test_g28_the_safety_copy_of_a_busy_one_may_stop_it_a_moment_earlier(
    run: Run, world: World, filled: Filled, volume: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restoring, "refill", lambda _spec, _seen, work: fill_volume(volume, work))
    deploy(world, {})
    taken = run(run_snapshot, store=volume)
    volume.busy = True
    world.log.clear()
    result = run(store=volume, snapshot=taken["snapshot"]["id"])
    assert not result.get("failed"), result["msg"]
    copied = ["scale tenant-a to 0", "scale tenant-a to 1", "unmark"]
    assert world.log == [
        *copied,
        "scale tenant-a to 0",
        "annotate",
        "scale tenant-a to 1",
        "unmark",
    ]
