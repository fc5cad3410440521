# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From one store to another: whatever fails, and wherever a run is cut off, one of them has everything and decides."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fakes import NOW, Cut, World
from restores import LATER, Run
from saved import PAIR, Api, Member, Volume, deploy
from two_stores import Both, Stores, TwoStores, type_of

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import sqlite_file
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate import (
    filling,
    migrating,
    moved,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.control_plane import (
    run_control_plane,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import answer
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.inventory import spec_from
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores import etcd_deployed


@pytest.fixture
def stores(
    world: World, etcd: Member, volume: Volume, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Stores:
    made = Stores(world, etcd, volume, tmp_path)
    volume.path.unlink()
    etcd.hold(LATER, 52)
    monkeypatch.setattr(filling, "refill", made)
    monkeypatch.setattr(etcd_deployed, "raise_by_file", made.raised)
    monkeypatch.setattr(migrating, "make_servers", made.made)
    moments = itertools.count()
    monkeypatch.setattr(Api, "now", property(lambda _self: NOW + timedelta(seconds=next(moments))))
    return made


@pytest.fixture
def site(world: World, etcd: Member, volume: Volume, stores: Stores, tmp_path: Path) -> Run:
    """Bring a vCluster that runs on etcd, and was proved, to what is asked for: SQLite."""
    deploy(world)

    def run_it(check: bool = False, **more: Any) -> dict[str, Any]:
        said: list[str] = []
        context = Context(
            check=check,
            connect=lambda _access, _warn: TwoStores(world, etcd, volume),
            progress=said.append,
        )
        arguments = {
            "name": "tenant-a",
            "version": "0.36.1",
            "kubeconfig": "/k/hc1",
            "snapshots": {
                "directory": str(tmp_path / "target"),
                "recipients": [PAIR.recipient],
                "identity": PAIR.identity,
            },
            "proof": "read",
            "timeouts": {"proof": 1, "rollout": 1},
            "store": {"type": "sqlite"},
            "allow": ["migrate"],
            **more,
        }
        return {**answer(run_control_plane, arguments, context), "said": said}

    adopted = run_it(store={"type": "etcd_deployed"}, allow=[])
    assert adopted["outcome"] == "adopted", adopted["msg"]
    world.log.clear()
    return run_it


def lasting(pairs: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    return {key: value for key, value in pairs.items() if key.startswith(b"/")}


def test_g03_g61_everything_is_there_before_helm_knows_of_it(
    site: Run, world: World, stores: Stores
) -> None:
    result = site()
    assert result["outcome"] == "done", result["msg"]
    assert result["steps"] == ["prove", "store_migration"]
    assert stores.in_volume() == lasting(LATER)
    log = world.log
    assert log.index("scale tenant-a to 0") < log.index("sqlite is filled")
    assert log.index("sqlite is filled") < log.index("note switching")
    assert log.index("note switching") < log.index("helm writes its record")
    assert log.index("helm finishes its record") < log.index("note done")
    with stores.volume.path.open("rb") as file:
        assert sqlite_file.inspect(file).revision > 52
    assert type_of(world) == "sqlite"
    assert world.workloads[0].annotations == {}
    assert site()["outcome"] == "unchanged"


def test_it_says_in_check_mode_what_it_would_do(site: Run, world: World) -> None:
    result = site(check=True)
    assert (result["changed"], result["outcome"]) == (True, "planned")
    assert world.log == []


BOUNDARIES = 22


def test_g48_no_boundary_is_left_out(site: Run, world: World) -> None:
    result = site()
    changes = len(world.log)
    assert result["outcome"] == "done"
    assert 8 < changes < BOUNDARIES


@pytest.mark.parametrize("number", range(1, BOUNDARIES))
def test_g48_one_store_has_everything_at_every_boundary(
    site: Run, world: World, stores: Stores, number: int
) -> None:
    world.cut_before = number
    try:
        site()
    except Cut:
        pass
    else:
        assert len(world.log) < number
        return
    world.cut_before = 0
    world.log.clear()
    noted = world.migration
    if noted and noted.phase == "switching" and type_of(world) != "sqlite":
        # Its snapshot was taken with nobody writing, so it has everything that ever was.
        assert stores.in_volume() == lasting(LATER)
    else:
        kept = stores.in_volume() if type_of(world) == "sqlite" else stores.in_etcd()
        assert kept == lasting(LATER)
    result = site()
    assert result["outcome"] in ("done", "unchanged"), result["msg"]
    assert type_of(world) == "sqlite"
    assert stores.in_volume() == lasting(LATER)
    assert (world.workloads[0].replicas, world.workloads[0].annotations) == (1, {})


def test_a_control_plane_that_somebody_starts_meanwhile_is_found(
    site: Run, world: World, stores: Stores
) -> None:
    def start() -> None:
        plane, *others = world.workloads
        count = plane.generation + 2
        again = replace(plane, generation=count, observed_generation=count)
        world.workloads = (again, *others)

    stores.meanwhile = start
    result = site()
    assert (result["outcome"], result["failed"]) == ("failed", True)
    assert "somebody started its control plane while etcd_deployed was copied" in result["msg"]
    assert "It runs on etcd_deployed, as before." in result["msg"]
    assert type_of(world) == "etcd_deployed"
    assert (world.workloads[0].replicas, world.workloads[0].annotations) == (1, {})


def test_a_source_that_still_takes_writes_is_found(site: Run, world: World, stores: Stores) -> None:
    stores.meanwhile = lambda: stores.etcd.hold({**LATER, b"/registry/d": b"4"}, 53)
    result = site()
    assert "although its control plane does not run" in result["msg"], result["msg"]
    assert type_of(world) == "etcd_deployed"
    stores.meanwhile = lambda: None
    assert site()["outcome"] == "done"
    assert stores.in_volume() == {**lasting(LATER), b"/registry/d": b"4"}


def test_a_source_that_only_counts_on_is_no_other_one(site: Run, stores: Stores) -> None:
    """Leases end by themselves, and each end is a revision."""
    stores.meanwhile = lambda: stores.etcd.hold(LATER, 60)
    assert site()["outcome"] == "done"


def test_a_key_that_was_altered_on_the_way_is_found(
    site: Run, world: World, stores: Stores
) -> None:
    stores.alter = True
    result = site()
    assert result["failed"], result["msg"]
    assert "and the snapshot 3, or others" in result["msg"]
    assert type_of(world) == "etcd_deployed"
    assert stores.in_etcd() == lasting(LATER)
    stores.alter = False
    assert site()["outcome"] == "done"


def test_a_target_that_cannot_be_filled_leaves_the_source_as_it_was(
    site: Run, world: World, stores: Stores
) -> None:
    def full() -> None:
        raise FleetError("No space is left on it.", "Give it more.")

    stores.meanwhile = full
    result = site()
    assert "No space is left on it. It runs on etcd_deployed, as before." in result["msg"]
    assert world.workloads[0].replicas == 1


@pytest.mark.parametrize("number", range(8, 40))
def test_g48_a_way_back_that_is_cut_off_loses_nothing_either(
    site: Run, world: World, stores: Stores, number: int
) -> None:
    world.broken_when = site(check=True)["plan"]["steps"][1]["values"]
    world.log.clear()
    world.cut_before = number
    try:
        site()
    except Cut:
        pass
    else:
        assert len(world.log) < number
        return
    world.cut_before, world.broken_when = 0, None
    result = site()
    if result["outcome"] == "refused":
        assert "on its way from sqlite to etcd_deployed" in result["msg"]
        result = site(store={"type": "etcd_deployed"})
    assert result["outcome"] in ("done", "unchanged", "adopted"), result["msg"]
    kept = stores.in_volume() if type_of(world) == "sqlite" else stores.in_etcd()
    assert kept == lasting(LATER)
    assert (world.workloads[0].replicas, world.workloads[0].annotations) == (1, {})


def test_a_store_that_gives_no_copy_is_given_up_by_consent(
    site: Run, world: World, stores: Stores
) -> None:
    assert site()["outcome"] == "done"
    stores.volume.hold({**LATER, b"/registry/new": b"n"}, 9_000)
    stores.volume.ends = FleetError("It is damaged.")
    back: dict[str, Any] = {"store": {"type": "etcd_deployed"}, "view": "store"}
    result = site(**back)
    assert "It is damaged." in result["msg"], result["msg"]
    assert type_of(world) == "sqlite"
    result = site(**back, consent=["tenant-a"])
    assert result["outcome"] == "done", result["msg"]
    assert any("what was written since is lost to the tenant" in line for line in result["said"])
    assert stores.in_etcd() == lasting(LATER)
    assert stores.etcd.before > 9_000


def test_claims_that_were_left_stay_where_no_snapshot_has_what_they_hold(
    site: Run, world: World, stores: Stores, tmp_path: Path
) -> None:
    assert site()["outcome"] == "done"
    assert site(store={"type": "etcd_deployed"})["outcome"] == "done"
    kept = stores.volume.path.read_bytes()
    world.log.clear()
    noted = world.migration
    assert noted
    for manifest in (tmp_path / "target").rglob(f"*{noted.snapshot}*"):
        shutil.rmtree(manifest) if manifest.is_dir() else manifest.unlink()
    result = site()
    assert "claims data-tenant-a-0 hold what was left in sqlite" in result["msg"], result["msg"]
    assert "It runs on etcd_deployed as before, and was not stopped." in result["msg"]
    assert stores.volume.path.read_bytes() == kept
    stores.volume.path.unlink()
    assert site()["outcome"] == "done", "whoever deleted them by hand needs nothing of it"


def test_where_it_does_give_one_nothing_is_given_up(site: Run, stores: Stores) -> None:
    assert site()["outcome"] == "done"
    stores.volume.hold({**LATER, b"/registry/new": b"n"}, 9_000)
    back: dict[str, Any] = {"store": {"type": "etcd_deployed"}, "view": "store"}
    assert site(**back, consent=["tenant-a"])["outcome"] == "done"
    assert stores.in_etcd() == {**lasting(LATER), b"/registry/new": b"n"}


@pytest.mark.parametrize("uid", ["same", "another"])
def test_g03_a_tenant_that_came_up_empty_is_told(
    world: World, etcd: Member, volume: Volume, uid: str
) -> None:
    deploy(world)
    host = TwoStores(world, etcd, volume)
    told = iter(["same", uid])

    class Named(Both):
        @contextmanager
        def replica(self, pod: str) -> Iterator[Any]:
            class Told:
                def get(self, path: str) -> Any:
                    assert (pod, path) == ("tenant-a-0", "/api/v1/namespaces/kube-system")
                    return {"metadata": {"uid": next(told)}}

            yield Told()

    host.reach = lambda _spec: Named(world, etcd, volume)  # type: ignore[method-assign]
    spec: Any = spec_from({"name": "tenant-a"})
    expected = pytest.raises(FleetError, match="the new store was not filled")
    with nullcontext() if uid == "same" else expected, moved.same_tenant(spec, host):
        pass


@contextmanager
def at_each_revision(
    on_sqlite: Callable[[], object], otherwise: Callable[[], object]
) -> Iterator[None]:
    """Something happens whenever a new revision is there, by the store that it names."""
    finish = World.deploy

    def deployed(self: World, name: str, version: str, values: Any) -> None:
        finish(self, name, version, values)
        (on_sqlite if type_of(self) == "sqlite" else otherwise)()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(World, "deploy", deployed)
        yield


def damaged(stores: Stores, now: bool) -> None:
    stores.volume.ends = FleetError("It is damaged.") if now else None


def test_g25_what_is_not_proved_goes_back_with_all_that_was_written_since(
    site: Run, world: World, stores: Stores
) -> None:
    world.broken_when = site(check=True)["plan"]["steps"][1]["values"]
    world.log.clear()
    # A tenant writes there before the proof fails.
    with at_each_revision(
        lambda: stores.volume.hold({**LATER, b"/registry/new": b"n"}, 5_000), lambda: None
    ):
        result = site()
    assert (result["outcome"], result["failed"]) == ("rolled_back", True), result["msg"]
    assert "It runs on etcd_deployed again, with all that was written since" in result["msg"]
    assert stores.in_etcd() == {**lasting(LATER), b"/registry/new": b"n"}
    assert stores.etcd.before > 5_000, "above all that a client has seen"
    assert type_of(world) == "etcd_deployed"
    world.broken_when = None
    assert site()["outcome"] == "done", "what it left there is no obstacle"


def test_a_way_back_that_does_not_come_up_names_the_snapshot_of_what_was_left(
    site: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_arguments: Any) -> None:
        raise FleetError("Not rolled out.", "See its pod.")

    world.broken_when = site(check=True)["plan"]["steps"][1]["values"]
    monkeypatch.setattr(moved, "rollout", never)
    result = site()
    said = result["msg"]
    assert "Going back to revision 1 failed too: Not rolled out. See its pod. Snapshot 2" in said
    assert said.endswith("has what etcd_deployed held when it was left.")


def test_g25_where_it_gives_no_copy_the_source_is_back_with_what_it_held(
    site: Run, world: World, stores: Stores
) -> None:
    world.broken_when = site(check=True)["plan"]["steps"][1]["values"]
    world.log.clear()
    with at_each_revision(partial(damaged, stores, True), partial(damaged, stores, False)):
        result = site()
    assert result["outcome"] == "rolled_back", result["msg"]
    assert "what was written since is lost to the tenant" in result["msg"]
    assert stores.in_etcd() == lasting(LATER)
    assert type_of(world) == "etcd_deployed"
