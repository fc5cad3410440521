# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A hop that is not proved goes back by what is safe: the snapshot, or the values where the newer version never ran."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import Cut, FakeHelm, FakeHost, World
from restores import LATER, Filled, Run, held, snapshots
from saved import ETCD, Member

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    FleetError,
    HelmError,
    Locked,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    RESTORE_NOTES,
    Release,
    Workload,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.control_plane import (
    run_control_plane,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.taking import (
    COPYING,
    Taking,
)

OLD, NEW = "0.35.3", "0.36.1"


@pytest.fixture
def site(restore: Run, world: World) -> Run:
    """Bring a vCluster with the old chart, which was proved, to what is asked for."""
    world.releases.clear()
    world.deploy("tenant-a", OLD, ETCD)

    def run_it(**more: Any) -> dict[str, Any]:
        return restore(run_control_plane, **{"version": NEW, **more})

    adopted = run_it(version=OLD)
    assert adopted["outcome"] == "adopted", adopted["msg"]
    world.log.clear()
    return run_it


@pytest.fixture
def broken(site: Run, world: World) -> None:
    """What the hop brings answers no request."""
    world.broken_when = site(check=True)["plan"]["steps"][2]["values"]
    world.log.clear()


def running(world: World) -> tuple[Any, Any]:
    """The chart, and what the workload carries."""
    assert world.newest
    return world.newest.chart_version, world.workloads[0].annotations


def test_a_hop_has_a_snapshot_of_its_own(site: Run, world: World, tmp_path: Path) -> None:
    before = snapshots(tmp_path)
    result = site()
    assert result["steps"] == ["prove", "snapshot", "chart_hop"], result["msg"]
    assert snapshots(tmp_path) == before + 1
    assert site()["outcome"] == "unchanged"


def test_g25_what_is_not_proved_goes_back_by_the_snapshot(
    site: Run, world: World, broken: None, etcd: Member, filled: Filled, tmp_path: Path
) -> None:
    before = snapshots(tmp_path)
    result = site()
    assert (result["outcome"], result["failed"]) == ("rolled_back", True), result["msg"]
    assert "api_ready" in result["msg"]
    assert "back with snapshot" in result["msg"] and "it is kept in snapshot" in result["msg"]
    assert running(world) == (OLD, {})
    assert world.workloads[0].replicas == 1
    assert held(etcd, tmp_path) == LATER
    assert world.log.index("the store is filled") < world.log.index("helm rolls back to 1")
    assert snapshots(tmp_path) == before + 2, "the way back, and what was there before it"
    world.broken_when = None
    assert site()["steps"] == ["prove", "snapshot", "chart_hop"]


def test_g25_what_never_ran_goes_back_by_values(
    site: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its image never came: the store is as it was, and nothing that was written meanwhile is lost."""
    deploy = World.deploy

    def deployed(self: World, name: str, version: str, values: Any) -> None:
        deploy(self, name, version, values)
        self.never_ready = "ImagePullBackOff" if version == NEW else ""
        if self.never_ready:
            (plane, *others) = self.workloads
            self.workloads = (_unready(plane), *others)

    monkeypatch.setattr(World, "deploy", deployed)
    result = site()
    assert result["outcome"] == "rolled_back", result["msg"]
    assert "cannot pull image" in result["msg"]
    assert "The values of revision 1 are back" in result["msg"]
    assert "the store is filled" not in world.log
    assert running(world) == (OLD, {})


def _unready(plane: Workload) -> Workload:
    return replace(plane, ready=0, updated=0)


def test_g25_the_servers_of_the_store_go_back_before_it_is_filled(
    site: Run, world: World, etcd: Member, filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """etcd 3.5 reads nothing that 3.6 wrote; the chart is at its new line then, which was proved."""
    etcd.version = "3.5.25"
    world.releases.clear()
    world.deploy("tenant-a", "0.28.2", ETCD)
    assert site(version="0.28.2")["outcome"] == "adopted"
    (hop,) = [
        step
        for step in site(version="0.29.3", check=True)["plan"]["steps"]
        if step["kind"] == "etcd_hop"
    ]
    world.broken_when = hop["values"]
    images: list[str] = []
    fill = Filled.__call__

    def looked(self: Filled, *args: Any) -> None:
        images.append(world.workloads[1].images["etcd"])
        fill(self, *args)

    monkeypatch.setattr(Filled, "__call__", looked)
    result = site(version="0.29.3")
    assert result["outcome"] == "rolled_back", result["msg"]
    assert result["steps"] == ["prove", "snapshot", "chart_hop", "snapshot"]
    assert images == ["etcd:3.5.25-0"]
    assert world.workloads[1].images["etcd"] == "etcd:3.5.25-0"
    assert running(world) == ("0.29.3", {})


def test_g25_a_hop_whose_snapshot_could_not_be_opened_is_refused(
    site: Run, world: World, tmp_path: Path
) -> None:
    result = site(snapshots={"identity": None})
    assert result["outcome"] == "refused"
    assert "the snapshot before a hop is encrypted and no key is given" in result["msg"]
    assert world.log == []
    assert site(snapshots={"identity": None}, rollback="never")["outcome"] == "done"


def test_a_way_back_whose_snapshot_is_gone_touches_nothing(
    site: Run,
    world: World,
    broken: None,
    etcd: Member,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    note = FakeHost.note_snapshot

    def gone(host: FakeHost, spec: Spec, revision: int, snapshot: str) -> None:
        note(host, spec, revision, snapshot)
        shutil.rmtree(next((tmp_path / "target").rglob(snapshot)))

    monkeypatch.setattr(FakeHost, "note_snapshot", gone)
    result = site()
    assert result["outcome"] == "failed"
    assert "Going back to revision 1 failed too" in result["msg"]
    assert "The snapshot of revision 1" in result["msg"]
    assert running(world) == (NEW, {})
    assert held(etcd, tmp_path) == LATER


@pytest.fixture
def anew(site: Run, world: World) -> Callable[[], None]:
    """Takes the world back to the old version, proved."""

    def begin() -> None:
        broken_when, world.broken_when, world.cut_before = world.broken_when, None, 0
        world.releases.clear()
        world.workloads = ()
        world.deploy("tenant-a", OLD, ETCD)
        assert site(version=OLD)["outcome"] == "adopted"
        world.log.clear()
        world.broken_when = broken_when

    return begin


def cut_at(site: Run, world: World, number: int) -> None:
    """A run that is killed before so many changes."""
    world.cut_before = number
    with pytest.raises(Cut):
        site()
    world.cut_before = 0


def test_g48_cut_off_anywhere_in_a_hop_the_next_run_finishes_it(
    site: Run, world: World, anew: Callable[[], None]
) -> None:
    site()
    changes = list(world.log)
    for number in range(1, len(changes) + 1):
        anew()
        cut_at(site, world, number)
        result = site()
        assert not result["failed"], (changes[number - 1], result["msg"])
        assert running(world) == (NEW, {}), changes[number - 1]
        assert site()["outcome"] == "unchanged", changes[number - 1]


def test_g25_g48_cut_off_anywhere_in_a_hop_that_does_not_work_the_next_run_goes_back(
    site: Run, world: World, broken: None, anew: Callable[[], None], etcd: Member, tmp_path: Path
) -> None:
    site()
    changes = list(world.log)
    begun = changes.index("scale tenant-a to 0")
    for number in range(1, begun + 1):
        anew()
        cut_at(site, world, number)
        result = site()
        assert result["outcome"] == "rolled_back", (changes[number - 1], result["msg"])
        assert "back with snapshot" in result["msg"], changes[number - 1]
        assert running(world) == (OLD, {}), changes[number - 1]
        assert held(etcd, tmp_path) == LATER, changes[number - 1]


def test_g25_a_hop_that_crashes_and_was_cut_off_goes_back_too(
    site: Run, world: World, anew: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its pods never become ready again; they have started, so nobody knows what they wrote."""
    asked = World.asked

    def rendered(self: World, name: str, version: str, values: Any) -> tuple[Workload, ...]:
        self.never_ready = "CrashLoopBackOff" if version == NEW else ""
        plane, *others = asked(self, name, version, values)
        return (_unready(plane) if version == NEW else plane, *others)

    monkeypatch.setattr(World, "asked", rendered)
    site()
    for cut in ("helm changes the objects", "helm finishes its record"):
        anew()
        site()
        number = world.log.index(cut) + 1
        anew()
        cut_at(site, world, number + 1)
        result = site()
        assert result["outcome"] == "rolled_back", result["msg"]
        assert "back with snapshot" in result["msg"]


def test_g48_cut_off_on_the_way_back_the_restore_of_that_snapshot_goes_on(
    site: Run,
    restore: Run,
    world: World,
    broken: None,
    anew: Callable[[], None],
    etcd: Member,
    tmp_path: Path,
) -> None:
    site()
    changes = list(world.log)
    first = changes.index("scale tenant-a to 0")
    for number in range(first + 2, len(changes)):
        anew()
        cut_at(site, world, number)
        refused = site()
        assert refused["failed"], (number, refused)
        taken = refused["msg"].rpartition("fleetops_snapshot=")[2].split()[0]
        result = restore(snapshot=taken)
        assert result["outcome"] == "done", (number, result["msg"])
        assert "is lost to the tenant, it is kept in snapshot" in result["msg"], number
        found = [json.loads(p.read_text()) for p in (tmp_path / "target").rglob("manifest.json")]
        kept = {m["contents"]["digest"] for m in found if m["safety_of"] == taken}
        assert len(kept) == 1, "what was there before, and nothing half-filled"
        assert running(world) == (OLD, {}), number
        assert held(etcd, tmp_path) == LATER, number


def test_g48_a_control_plane_that_was_stopped_for_the_snapshot_is_started_first(
    site: Run, world: World
) -> None:
    plane, *others = world.workloads
    stopped = replace(plane, replicas=0, ready=0, annotations={COPYING: "true"})
    world.workloads = (stopped, *others)
    result = site()
    assert result["steps"] == ["prove", "snapshot", "chart_hop"], result["msg"]
    assert world.log[:1] == ["scale tenant-a to 1"]
    assert COPYING not in running(world)[1]


def keeping(monkeypatch: pytest.MonkeyPatch, *errors: FleetError) -> None:
    """What was written since cannot be saved: once for each of these."""
    take, left = Taking.take, list(errors)

    def taken(self: Taking) -> Any:
        if self.safety_of and left:
            raise left.pop(0)
        return take(self)

    monkeypatch.setattr(Taking, "take", taken)


def test_g24_g25_a_lost_lock_ends_the_way_back_before_anything_is_lost(
    site: Run,
    restore: Run,
    world: World,
    broken: None,
    etcd: Member,
    filled: Filled,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keeping(monkeypatch, Locked("The Lease was lost."))
    result = site()
    assert result["outcome"] == "failed", result["msg"]
    assert "The Lease was lost" in result["msg"]
    assert "the store is filled" not in world.log
    noted = json.loads(running(world)[1][RESTORE_NOTES])
    assert (noted["kept"], noted["back"]) == ("", "1")
    gone_on = restore(snapshot=noted["snapshot"])
    assert "it is kept in snapshot" in gone_on["msg"]
    assert held(etcd, tmp_path) == LATER


def test_g25_a_copy_that_fails_once_is_tried_again(
    site: Run, world: World, broken: None, filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeping(monkeypatch, FleetError("connection reset"))
    assert "it is kept in snapshot" in site()["msg"]
    assert world.newest and world.newest.chart_version == OLD


def test_g25_a_store_that_gives_none_goes_back_all_the_same(
    site: Run, world: World, broken: None, filled: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeping(monkeypatch, *[FleetError("no member answers")] * 2)
    result = site()
    assert result["outcome"] == "rolled_back"
    assert "it could not be saved: no member answers" in result["msg"]


def test_g23_a_hop_that_helm_refuses_twice_goes_back_and_stands_before_no_other(
    site: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade = FakeHelm.upgrade

    def refused(self: FakeHelm, name: str, namespace: str, chart: Any, *more: Any) -> None:
        if chart.version != "0.36.0":
            upgrade(self, name, namespace, chart, *more)
            return
        world.change("helm is refused")
        values: Any = more[0]
        asked = world.asked(name, chart.version, values)
        number = len(world.releases) + 1
        world.releases.append(
            Release(number, "failed", chart_version="0.36.0", values=values, workloads=asked)
        )
        raise HelmError("helm upgrade failed: exceeded quota")

    monkeypatch.setattr(FakeHelm, "upgrade", refused)
    first = site(version="0.36.0")
    assert (first["outcome"], first["failed"]) == ("failed", True)
    second = site(version="0.36.0")
    assert second["outcome"] == "rolled_back", second["msg"]
    assert "exceeded quota" in second["msg"]
    assert running(world) == (OLD, {})
    assert site()["steps"] == ["prove", "snapshot", "chart_hop"]
