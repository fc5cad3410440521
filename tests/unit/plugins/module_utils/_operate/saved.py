# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A vCluster on an etcd of one member, or on SQLite, for the tests of snapshots and restores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bolt_pages import etcd_snapshot
from fakes import FakeApi, FakeHost, FakeReach, TenantApi, World
from kine_rows import Kine

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import sqlite_file
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.seal import fresh_pair
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.workloads import paused
from ansible_collections.fleetops.vcluster.plugins.module_utils._core import etcd, ports
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    Unreachable,
    Unsettled,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Observation
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import Json
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.targets import Targets

ETCD = {"controlPlane": {"backingStore": {"etcd": {"deploy": {"enabled": True}}}}}
PAIRS = {b"/registry/a": b"1", b"/registry/b": b"2", b"compact_rev_key": b"7"}
CERTS = "/api/v1/namespaces/vcluster-tenant-a/secrets/tenant-a-certs"
PAIR = fresh_pair()


@dataclass
class Member:
    """One etcd member that streams a database.

    Attributes:
        before: Its revision, as it says before it streams.
        keys: How many it says it has at a revision; None when that was compacted.
        ends: What ends its stream in the middle.
        leader: Id of the leader it knows; "0" without a quorum.
    """

    stream: bytes = etcd_snapshot(PAIRS, 40)
    before: int = 40
    keys: int | None = len(PAIRS)
    ends: Exception | None = None
    leader: str = "1"
    version: str = "3.6.8"
    asked: list[int] = field(default_factory=list)

    def hold(self, pairs: Mapping[bytes, bytes], revision: int) -> None:
        """From now on it holds these, with a quorum."""
        self.leader = "1"
        self.stream, self.before, self.keys = etcd_snapshot(pairs, revision), revision, len(pairs)

    def status(self) -> etcd.MemberStatus:
        return etcd.MemberStatus(
            "1", self.version, self.leader, 1 << 20, 2 << 30, self.before, 1, False, ()
        )

    def count(self, revision: int = 0, prefix: bytes = b"") -> tuple[int, int] | None:
        self.asked.append(revision)
        keys = self.keys if revision else len(PAIRS)
        return None if keys is None else (self.before, keys)

    def snapshot(self) -> Iterator[bytes]:
        half = len(self.stream) // 2
        yield self.stream[:half]
        if self.ends:
            raise self.ends
        yield self.stream[half:]

    def members(self) -> tuple[etcd.Member, ...]:
        return (etcd.Member("1", "tenant-a-etcd-0", False, ()),)

    def hash(self, revision: int) -> tuple[int, int]:
        return (1, 1)


@dataclass
class Volume:
    """The SQLite database of a control plane.

    Attributes:
        path: Where it lies.
        before: The revision that the tenant's API tells.
        busy: It cannot be copied while the control plane runs.
    """

    world: World
    path: Path
    before: int = 40
    busy: bool = False
    ends: Exception | None = None

    def hold(self, pairs: Mapping[bytes, bytes], revision: int) -> None:
        """From now on it holds these."""
        self.path.unlink(missing_ok=True)
        kine = Kine(self.path)
        for key, value in pairs.items():
            kine.put(key.decode(), value)
        kine.fill_gap(revision)
        kine.database.execute("PRAGMA journal_mode = DELETE")
        kine.close()
        self.before = revision

    def snapshot(self) -> Iterator[bytes]:
        if self.busy and self.world.workloads[0].replicas:
            raise Unsettled("SQLite cannot be copied while it runs.", "Set allow_outage.")
        if self.ends:
            raise self.ends
        yield self.path.read_bytes()

    def count(self, revision: int) -> int:
        with self.path.open("rb") as file:
            return sqlite_file.inspect(file).contents.keys


class Reach(FakeReach):
    def __init__(self, world: World, store: Member | Volume) -> None:
        super().__init__(world)
        self.store = store

    @contextmanager
    def member(self, pod: str) -> Iterator[Member]:
        if pod != "tenant-a-etcd-0":
            raise Unreachable(f"{pod} does not answer")
        assert isinstance(self.store, Member)
        yield self.store

    @contextmanager
    def database(self) -> Iterator[Volume]:
        assert isinstance(self.store, Volume)
        yield self.store

    @contextmanager
    def replica(self, pod: str) -> Iterator[TenantApi]:
        revision = self.store.before

        class Replica(TenantApi):
            def get(self, path: str, params: Any = None) -> Json:
                found = super().get(path, params)
                if path == "/api/v1/namespaces":
                    return {**found, "metadata": {"resourceVersion": str(revision)}}
                return found

        yield Replica(self.world, pod)


class Api(FakeApi):
    """With workloads that can be scaled and marked, and Secrets that can be changed."""

    def merge(self, path: str, body: Json) -> Json:
        name = path.rsplit("/", 1)[1]
        if "/secrets/" in path:
            self.world.change("the certificates are put back")
            data = {**self.world.objects[path]["data"], **body["data"]}
            kept = {key: value for key, value in data.items() if value is not None}
            self.world.objects[path] = {"data": kept}
            return {}
        replicas = body.get("spec", {}).get("replicas")
        annotations = body.get("metadata", {}).get("annotations", {})
        marks = "annotate" if any(annotations.values()) else "unmark"
        self.world.change(marks if replicas is None else f"scale {name} to {replicas}")
        template = body.get("spec", {}).get("template", {}).get("spec", {})
        images = {c["name"]: c["image"] for c in template.get("containers", ())}
        self.world.workloads = tuple(
            _patched(replace(w, images={**w.images, **images}), replicas, annotations)
            if w.name == name
            else w
            for w in self.world.workloads
        )
        return {}

    def find(self, path: str) -> Json | None:
        """With the workloads by their names."""
        found = (
            raw
            for raw in self.get("/statefulsets")["items"]
            if path.endswith(f"/statefulsets/{raw['metadata']['name']}")
        )
        return next(found, None) or super().find(path)


def _patched(item: Any, replicas: int | None, annotations: Mapping[str, str | None]) -> Any:
    merged = {**item.annotations, **annotations}
    kept = {key: value for key, value in merged.items() if value is not None}
    count = item.replicas if replicas is None else replicas
    return replace(item, annotations=kept, replicas=count, ready=count, updated=count, total=count)


class Host(FakeHost):
    """A host cluster with one vCluster."""

    def __init__(self, world: World, store: Member | Volume) -> None:
        super().__init__(world)
        self.store = store
        self.api = Api(world, self.name, "vcluster-tenant-a")

    def reach(self, spec: Any) -> Reach:
        return Reach(self.world, self.store)

    def observe(self, spec: Any) -> Observation:
        return replace(super().observe(spec), paused=paused(self.world.workloads))


def deploy(world: World, values: Mapping[str, Any] = ETCD) -> None:
    """Install it."""
    world.deploy("tenant-a", "0.36.1", values)
    world.objects[CERTS] = {"data": {"ca.key": "c2VjcmV0LWtleQ=="}}


class Fixed(Targets):
    """One target, whatever is asked for."""

    def __init__(self, target: ports.Target) -> None:
        super().__init__()
        self._target = target

    def of(self, spec: Spec, api: Callable[[], ports.Api]) -> ports.Target:
        return self._target
