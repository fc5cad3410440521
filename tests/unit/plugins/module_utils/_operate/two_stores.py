# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A vCluster with two stores at hand: an etcd and a volume, one of which it runs on."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from fakes import World, workload
from restores import fill_volume, held
from saved import Api, Host, Member, Reach, Volume

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.unpacked import live
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Workload
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.refill import Refill
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.registry import store_in


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


def type_of(world: World) -> str:
    """The store that its newest revision names."""
    assert world.newest
    return store_in(world.newest.values or {}).type
