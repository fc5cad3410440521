# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What there is of an etcd of our own, and the ways to its members."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from .._cluster.losses import losses
from .._cluster.workloads import workload_of
from .._core.at_once import at_once
from .._core.autoscaling import OURS
from .._core.backend_etcd import CLIENT_PORT, DATA, EtcdSpec, SeenEtcd
from .._core.errors import FleetError
from .._core.etcd import Etcd, MemberStatus
from .._core.marks import OWNER
from .._core.place import Place, Site
from .._core.ports import Api, Backend, Json, Reach
from .._core.tls import CERTIFICATE, CLIENT, KEY, TRUST
from .._plan.backend_objects import objects, path_of
from .._stores.etcd_seats import Seats, listed
from .._stores.source import NOBODY
from .pods import Live, pod

# Objects before and after, by kind and name; None for one that is not there.
Differences: TypeAlias = "dict[str, tuple[Json | None, Json]]"

# What the API server writes into an object by itself.
_ITS_OWN = ("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid")


@dataclass(frozen=True)
class EtcdSite:
    """An etcd of our own where it runs.

    Attributes:
        api: Of its host cluster.
        reach: Ways into its namespace.
    """

    etcd: EtcdSpec
    api: Api
    reach: Reach

    @property
    def place(self) -> Site:
        """It, for those who wait for pods."""
        return Site(self.etcd.title, self.etcd.namespace, self.etcd.name)

    @property
    def seats(self) -> Seats:
        """The places of its members."""
        return Seats(self.etcd.namespace, self.etcd.name)

    @property
    def selector(self) -> str:
        """The label selector of its pods."""
        return ",".join(f"{key}={value}" for key, value in self.etcd.selector.items())

    def path(self, collection: str, name: str = "") -> str:
        """A path in its namespace, such as of `/api/v1/.../pods`."""
        group = "/apis/apps/v1" if collection == "statefulsets" else "/api/v1"
        path = f"{group}/namespaces/{self.etcd.namespace}/{collection}"
        return f"{path}/{name}" if name else path

    def member(self, pod: str) -> AbstractContextManager[Etcd]:
        """See Dial: with the client certificate that the vCluster has too."""
        backend = Backend(self.etcd.namespace, pod, CLIENT_PORT)
        secret = f"{self.etcd.name}-{CLIENT}"
        return self.reach.external(self.etcd.endpoint, secret, (TRUST, CERTIFICATE, KEY), backend)

    def look(self, api: Api, _place: Place) -> Live:
        """Its StatefulSet and pods, as `pods.look` has those of a vCluster."""
        query = {"labelSelector": self.selector}
        found = self.api.find(self.path("statefulsets", self.etcd.name))
        listed = api.get(self.path("pods"), query)
        pods = sorted(
            (pod(raw, "etcd") for raw in listed.get("items", ())), key=lambda item: item.name
        )
        version = listed["metadata"]["resourceVersion"]
        workloads = (_workload(found),) if found else ()
        return Live(workloads, tuple(pods), version, (), self.selector, "etcd")

    def observe(self, wanted: Sequence[Json]) -> SeenEtcd:
        """What there is.

        Args:
            wanted: The objects other than those `objects` makes.
        """
        raw = self.api.find(self.path("statefulsets", self.etcd.name))
        claims = dict(self._claims())
        if raw is None:
            return replace(self._objects(wanted), claims=claims)
        workload, template = _workload(raw), raw["spec"]["volumeClaimTemplates"][0]["spec"]
        state = self.api.find(self.path("configmaps", f"{self.etcd.name}-members")) or {}
        begun = (state.get("data") or {}).get("ETCD_INITIAL_CLUSTER_STATE") == "new"
        seen = replace(
            self._objects(wanted),
            workload=workload,
            begun=begun,
            size=template["resources"]["requests"]["storage"],
            storage_class=template.get("storageClassName"),
            claims=claims,
        )
        if begun:
            return seen
        names = list(map(self.seats.pod, range(workload.replicas)))
        lost = {} if workload.settled else losses(self.api, self.etcd.namespace, self.selector)
        members = listed(self.seats, workload.replicas, self.member)
        voters = members.voters or range(workload.replicas)
        return replace(seen, members=members, lost=lost, quorum=self._quorum(names, len(voters)))

    def statuses(self, names: Sequence[str]) -> Mapping[str, MemberStatus]:
        """Of those that answer, by pod."""
        found = at_once({name: name for name in names}, self._status)
        return {name: status for name, status in found.items() if status is not None}

    def asked(self, count: int, *, begins: bool, trust: str, seen: SeenEtcd) -> list[Json]:
        """The objects, with the claims of a StatefulSet that is there."""
        claim = {"size": seen.size, "storage_class": seen.storage_class} if seen.workload else None
        return objects(self.etcd, count, begins=begins, trust=trust, claim=claim)

    def differs(self, wanted: Sequence[Json]) -> Differences:
        """Objects that would become others, as they are and as they would be, by kind and name."""
        found: Differences = {}
        for item in wanted:
            now = self.api.find(path_of(item))
            then = self.api.apply(path_of(item), item, check=True)
            if now is None or plain(now) != plain(then):
                found[title_of(item)] = (now, then)
        return found

    def _status(self, name: str) -> MemberStatus | None:
        try:
            with self.member(name) as etcd:
                return etcd.status()
        except FleetError:
            return None

    def _quorum(self, names: Sequence[str], voters: int) -> bool:
        led = [
            status
            for status in self.statuses(names).values()
            if status.leader not in NOBODY and not status.learner
        ]
        return len(led) > voters // 2

    def _claims(self) -> Iterator[tuple[str, str]]:
        for item in self.api.list(self.path("persistentvolumeclaims"), metadata_only=True):
            name = item["metadata"]["name"]
            prefix, _dash, number = name.rpartition("-")
            if prefix == f"{DATA}-{self.etcd.name}" and number.isdecimal():
                yield name, _owner(item)

    def _objects(self, wanted: Sequence[Json]) -> SeenEtcd:
        """Whose the objects are that are there."""
        owners, strangers = {}, []
        named = [*wanted, *objects(self.etcd, self.etcd.members, begins=False, trust="")]
        for item in named:
            found = self.api.find(path_of(item))
            if found is None:
                continue
            labels = found["metadata"].get("labels") or {}
            if OURS.items() <= labels.items():
                owners[title_of(item)] = _owner(found)
            else:
                strangers.append(title_of(item))
        return SeenEtcd(owners=owners, strangers=tuple(strangers))


def title_of(item: Json) -> str:
    """Kind and name of an object."""
    return f"{item['kind']} {item['metadata']['name']}"


def plain(item: Json | None) -> Any:
    """An object without what the API server writes into it by itself."""
    if item is None:
        return {}
    metadata = {key: value for key, value in item["metadata"].items() if key not in _ITS_OWN}
    return {**{key: item[key] for key in item if key != "status"}, "metadata": metadata}


def _owner(item: Json) -> str:
    return str((item["metadata"].get("annotations") or {}).get(OWNER, ""))


def _workload(raw: Json) -> Any:
    return replace(workload_of(raw, "StatefulSet"), component="etcd")
