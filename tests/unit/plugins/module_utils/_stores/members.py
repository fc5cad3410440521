# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Members of an etcd on paper, and ways to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import Unreachable
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.etcd import (
    Member,
    MemberStatus,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.marks import OWNER
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Workload
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import Backend, Reach
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import (
    Access,
    Spec,
    StoreSpec,
)

ETCD = {"controlPlane": {"backingStore": {"etcd": {"deploy": {"enabled": True}}}}}


def etcd_of(members: int) -> dict[str, Any]:
    """User values of a vCluster with so many members."""
    deploy = {"enabled": True, "statefulSet": {"highAvailability": {"replicas": members}}}
    return {"controlPlane": {"backingStore": {"etcd": {"deploy": deploy}}}}


OPTIONS: dict[str, dict[str, Any]] = {
    "sqlite": {"size": "8Gi"},
    "etcd_deployed": {"members": 3, "size": "8Gi", "storage_class": "fast"},
    "etcd_embedded": {"size": "8Gi", "storage_class": "fast"},
    "etcd_external": {"endpoint": "etcd.example.net:2379", "tls": {"secret": "client"}},
    "postgresql": {},
    "mysql": {"via": "kine"},
}


def spec(store: StoreSpec | None = None) -> Spec:
    """A vCluster with this store."""
    return Spec("tenant", "tenant", "vcluster-tenant", "hc1", Access(), store=store)


# Pods of a deployed etcd of three; each member is named after its pod.
NAMES = ("tenant-etcd-0", "tenant-etcd-1", "tenant-etcd-2")


def healthy() -> dict[str, FakeMember]:
    """Three members that agree on everything."""
    members = tuple(Member(str(index), name, False, ()) for index, name in enumerate(NAMES, 1))
    return {
        name: FakeMember(
            members,
            MemberStatus(str(index), "3.6.8", "1", 20 << 20, 2 << 30, 500, 900, False, ()),
            {500: (77, 400)},
        )
        for index, name in enumerate(NAMES, 1)
    }


@dataclass(frozen=True)
class FakeMember:
    """A member that answers; see the port Etcd."""

    known: tuple[Member, ...]
    said: MemberStatus
    hashed: Mapping[int, tuple[int, int]]
    counting: Callable[[int], tuple[int, int] | None] = lambda revision: (revision or 500, 338)

    def members(self) -> tuple[Member, ...]:
        return self.known

    def status(self) -> MemberStatus:
        return self.said

    def hash(self, revision: int) -> tuple[int, int]:
        return self.hashed[revision]

    def count(self, revision: int = 0, prefix: bytes = b"") -> tuple[int, int] | None:
        return self.counting(revision)

    def snapshot(self) -> Iterator[bytes]:
        yield from (b"data", b"base")


class FakeReach:
    """Members by pod name or endpoint; one that is missing does not answer."""

    def __init__(self, members: Mapping[str, FakeMember], *behind: str) -> None:
        self.alive = members
        self.owned: set[str] = set()  # StatefulSets of this collection
        self._behind = behind

    def workload(self, kind: str, name: str) -> Workload | None:
        assert (kind, bool(name)) == ("StatefulSet", True)  # without a name it is a list
        annotations = {OWNER: "vcluster-tenant/tenant"} if name in self.owned else {}
        return Workload("", kind, name, 3, 3, 3, 3, 1, 1, {}, "", annotations)

    def behind(self, endpoint: str) -> list[Backend]:
        return [Backend("ns", pod, 2379) for pod in self._behind]

    @contextmanager
    def member(self, pod: str) -> Iterator[FakeMember]:
        if pod not in self.alive:
            raise Unreachable(f"{pod} does not answer.")
        yield self.alive[pod]

    @contextmanager
    def external(
        self, endpoint: str, secret: str, keys: tuple[str, ...], backend: Backend | None = None
    ) -> Iterator[FakeMember]:
        assert (secret, keys) == ("client", ("ca.crt", "tls.crt", "tls.key"))
        with self.member(backend.pod if backend else endpoint) as member:
            yield member


def reach(members: Mapping[str, FakeMember], *behind: str) -> Reach:
    """Ways to these members, by pod name or endpoint; some are pods behind the endpoint."""
    return cast("Reach", FakeReach(members, *behind))
