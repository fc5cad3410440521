# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From one store to another: whatever fails, and wherever a run is cut off, one of them has everything and decides."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes import NOW, Cut, World, workload
from restores import Run, fill_volume, held
from saved import PAIR, PAIRS, Api, Host, Member, Reach, Volume, deploy

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import sqlite_file
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.unpacked import live
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Workload
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
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.refill import Refill
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.registry import store_in

LATER = {**PAIRS, b"/registry/c": b"3"}


class Both(Reach):
    """Ways to an etcd and to a volume."""

    def __init__(self, world: World, etcd: Member, volume: Volume) -> None:
        super().__init__(world, etcd)
        self.volume = volume

    @contextmanager
    def database(self) -> Iterator[Volume]:
        yield self.volume

    def workload(self, kind: str, name: str) -> Workload | None:
        return next((found for found in self.world.workloads if found.name == name), None)


class Counting(Api):
    """Counts how often a workload was changed, and has the claim of a volume."""

    volume: Volume

    def list(self, path: str, *arguments: Any, **more: Any) -> Iterator[Any]:
        if not path.endswith("/persistentvolumeclaims"):
            yield from super().list(path, *arguments, **more)
        elif self.volume.path.exists():
            yield {"metadata": {"name": "data-tenant-a-0"}}

    def delete(self, path: str) -> None:
        if path.endswith("/persistentvolumeclaims/data-tenant-a-0"):
            self.world.change("the claim is deleted")
            self.volume.path.unlink()

    def merge(self, path: str, body: Any) -> Any:
        if "/persistentvolumeclaims/" in path:
            return {}
        if "replicas" in body.get("spec", {}):
            self.world.workloads = tuple(
                replace(w, generation=w.generation + 1, observed_generation=w.generation + 1)
                for w in self.world.workloads
            )
        return super().merge(path, body)


class TwoStores(Host):
    """A host cluster where both are at hand."""

    def __init__(self, world: World, etcd: Member, volume: Volume) -> None:
        super().__init__(world, etcd)
        self.volume = volume
        self.api = Counting(world, self.name, "vcluster-tenant-a")
        self.api.volume = volume

    def observe(self, spec: Any) -> Any:
        """The claim is there as soon as it was filled."""
        found = super().observe(spec)
        there = [claim for claim in found.claims if claim.name == "data-tenant-a-0"]
        return replace(found, claims=tuple(there if self.volume.path.exists() else ()))

    def reach(self, spec: Any) -> Both:
        assert isinstance(self.store, Member)
        return Both(self.world, self.store, self.volume)


class Stores:
    """Both, and what becomes of them."""

    def __init__(self, world: World, etcd: Member, volume: Volume, folder: Path) -> None:
        self.world, self.etcd, self.volume, self.folder = world, etcd, volume, folder
        self.meanwhile: Callable[[], None] = lambda: None
        self.alter = False

    def __call__(self, spec: Any, observation: Any, work: Refill) -> None:
        """In the place of the real refill."""
        plane = self.world.workloads[0]
        assert plane.replicas == 0, "nobody writes meanwhile"
        kind = store_in(observation.release.values).type
        self.world.change(f"{kind} is filled")
        self.meanwhile()
        if kind == "sqlite":
            if self.alter:
                work = replace(work, content=self._altered(work))
            fill_volume(self.volume, work)
        else:
            pairs = dict(work.items())
            self.etcd.hold(pairs, max(self.etcd.before, work.revision) + 1)
            work.compare()

    def made(self, _spec: Any, _host: Any, _seen: Any, store: Any, *_more: Any) -> None:
        """In the place of the real one."""
        if store.type == "etcd_deployed":
            self.world.change("members beside")
            members = workload("etcd", "StatefulSet", "tenant-a-etcd", 1, {"etcd": "etcd:3.6.8-0"})
            self.world.workloads = (*self.world.workloads, members)

    def raised(self, namespace: str, name: str, _etcd: Any, revision: int, _work: Any) -> None:
        """In the place of the real one."""
        assert (namespace, name) == ("vcluster-tenant-a", "tenant-a-etcd")
        self.etcd.before = max(self.etcd.before, revision)

    def _altered(self, work: Refill) -> Any:
        @contextmanager
        def content() -> Iterator[Any]:
            path = self.folder / "altered.db"
            with work.content() as file:
                path.write_bytes(file.read())
            import sqlite3

            with sqlite3.connect(path) as database:
                database.execute("UPDATE kine SET value = 'x' WHERE name = '/registry/a'")
            database.close()
            with path.open("rb") as file:
                yield file

        return content

    def in_volume(self) -> dict[bytes, bytes]:
        with self.volume.path.open("rb") as file:
            return {key: value for key, value in live("sqlite", file) if key.startswith(b"/")}

    def in_etcd(self) -> dict[bytes, bytes]:
        return {k: v for k, v in held(self.etcd, self.folder).items() if k.startswith(b"/")}


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


def type_of(world: World) -> str:
    assert world.newest
    return store_in(world.newest.values or {}).type


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


def test_g48_wherever_a_run_is_cut_off_the_next_one_finishes_with_all_that_was_written(
    site: Run, world: World, stores: Stores
) -> None:
    result = site()
    changes = len(world.log)
    assert result["outcome"] == "done"
    assert changes > 8


@pytest.mark.parametrize("number", range(1, 22))
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


def test_g25_what_is_not_proved_goes_back_with_all_that_was_written_since(
    site: Run, world: World, stores: Stores
) -> None:
    world.broken_when = site(check=True)["plan"]["steps"][1]["values"]
    world.log.clear()
    # A tenant writes there before the proof fails.
    finish = World.deploy

    def deployed(self: World, name: str, version: str, values: Any) -> None:
        finish(self, name, version, values)
        if type_of(self) == "sqlite":
            stores.volume.hold({**LATER, b"/registry/new": b"n"}, 5_000)

    World.deploy = deployed  # type: ignore[method-assign]
    try:
        result = site()
    finally:
        World.deploy = finish  # type: ignore[method-assign]
    assert (result["outcome"], result["failed"]) == ("rolled_back", True), result["msg"]
    assert "It runs on etcd_deployed again, with all that was written since" in result["msg"]
    assert stores.in_etcd() == {**lasting(LATER), b"/registry/new": b"n"}
    assert stores.etcd.before > 5_000, "above all that a client has seen"
    assert type_of(world) == "etcd_deployed"
    world.broken_when = None
    assert site()["outcome"] == "done", "what it left there is no obstacle"


def test_g25_where_it_gives_no_copy_the_source_is_back_with_what_it_held(
    site: Run, world: World, stores: Stores
) -> None:
    world.broken_when = site(check=True)["plan"]["steps"][1]["values"]
    world.log.clear()
    finish = World.deploy

    def deployed(self: World, name: str, version: str, values: Any) -> None:
        finish(self, name, version, values)
        stores.volume.ends = FleetError("It is damaged.") if type_of(self) == "sqlite" else None

    World.deploy = deployed  # type: ignore[method-assign]
    try:
        result = site()
    finally:
        World.deploy = finish  # type: ignore[method-assign]
    assert result["outcome"] == "rolled_back", result["msg"]
    assert "what was written since is lost to the tenant" in result["msg"]
    assert stores.in_etcd() == lasting(LATER)
    assert type_of(world) == "etcd_deployed"
