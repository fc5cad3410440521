# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host cluster in memory that runs the StatefulSet of an etcd: pods, claims, and members that keep their rules."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from world import Cut

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import Unreachable
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.etcd import (
    Member,
    MemberStatus,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import (
    Backend,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.backend_etcd import (
    run_backend_etcd,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import answer

PODS = "/pods"


class Cluster:
    """The API, and what controllers make of it at once.

    Attributes:
        changes: Method and name of each change.
        cut_before: Number of the change at which the run is killed.
    """

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.objects: dict[str, dict[str, Any]] = {}
        self.changes: list[str] = []
        self.cut_before = 0
        self.etcd = Etcd(self)
        self._count = 0
        self._going: set[str] = set()
        self._held: set[str] = set()

    # The API.

    def find(self, path: str) -> Any:
        return copy.deepcopy(self.objects.get(path))

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        if path.endswith(PODS):
            return {"items": self._below(path), "metadata": {"resourceVersion": "1"}}
        return self.find(path) or {"items": []}

    def list(self, path: str, *_more: Any, **_options: Any) -> Iterator[Any]:
        return iter(self._below(path))

    def text(self, path: str, _params: Any = None) -> str:
        return self.etcd.trouble(path.removesuffix("/log").rpartition("/")[2])

    def watch(self, *_arguments: Any) -> Iterator[Any]:
        return iter(())

    def create(self, path: str, body: Any) -> Any:
        return self._put("create", f"{path}/{body['metadata']['name']}", body)

    def replace(self, path: str, body: Any) -> Any:
        return self._put("replace", path, body)

    def apply(self, path: str, body: Any, *, check: bool = False) -> Any:
        if check:
            return self._written(path, body)
        if self._written(path, body) == self.objects.get(path):
            return body
        return self._put("apply", path, body)

    def merge(self, path: str, body: Any) -> Any:
        found = self.find(path)
        found["spec"].update(body["spec"])
        if "/persistentvolumeclaims/" in path:
            self._change("merge", path)
            capacity = {"storage": body["spec"]["resources"]["requests"]["storage"]}
            self.objects[path] = {**found, "status": {"capacity": capacity}}
            return self.find(path)
        return self._put("merge", path, found)

    def delete(self, path: str, *, orphan: bool = False) -> None:
        """A claim stays as long as its pod."""
        self._change("delete", path)
        name = path.rpartition("/")[2]
        if name.removeprefix("data-") in self.etcd.running and name.startswith("data-"):
            self._going.add(path)
            return
        if self.objects.pop(path, None) and PODS in path:
            self._held.discard(name)
            self._ended(name)
        self._react()

    # What goes on behind it.

    def hold(self, pod: str) -> None:
        """A pod is not ready until it is made anew."""
        self._held.add(pod)
        self._react()

    def lose(self, pod: str) -> None:
        """The volume of a member is empty."""
        self.etcd.data.discard(pod)
        self._react()

    def _below(self, path: str) -> list[Any]:
        return [copy.deepcopy(found) for key, found in self.objects.items() if _in(key, path)]

    def _written(self, path: str, body: Any) -> Any:
        before = self.objects.get(path, {})
        uid = before.get("metadata", {}).get("uid", f"uid-{self._count}")
        written = {**copy.deepcopy(body), "status": before.get("status", {})}
        written["metadata"] = {**written["metadata"], "uid": uid, "resourceVersion": "1"}
        return written

    def _put(self, verb: str, path: str, body: Any) -> Any:
        self._change(verb, path)
        self._count += 1
        self.objects[path] = self._written(path, body)
        self._react()
        return self.find(path)

    def _change(self, verb: str, path: str) -> None:
        self.changes.append(f"{verb} {path.rpartition('/')[2]}")
        if len(self.changes) == self.cut_before:
            raise Cut

    def _ended(self, pod: str) -> None:
        self.etcd.running = [name for name in self.etcd.running if name != pod]
        for claim in [path for path in self._going if path.endswith(f"/data-{pod}")]:
            self._going.remove(claim)
            del self.objects[claim]
            self.etcd.data.discard(pod)

    def _react(self) -> None:
        for path, item in list(self.objects.items()):
            if "/statefulsets/" in path:
                self._run(path, item)

    def _run(self, path: str, item: Any) -> None:
        """The controllers and kubelets: claims, pods, members."""
        name, namespace = item["metadata"]["name"], item["metadata"]["namespace"]
        wanted = [f"{name}-{number}" for number in range(item["spec"]["replicas"])]
        for pod in [
            key for key in self.objects if _in(key, f"/api/v1/namespaces/{namespace}/pods")
        ]:
            if pod.rpartition("/")[2] not in wanted:
                del self.objects[pod]
                self._ended(pod.rpartition("/")[2])
        claim = item["spec"]["volumeClaimTemplates"][0]
        for pod in wanted:
            place = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims/data-{pod}"
            metadata = {**claim["metadata"], "name": f"data-{pod}", "uid": f"c-{len(self.changes)}"}
            self.objects.setdefault(place, {"metadata": metadata, "spec": claim["spec"]})
        settings = self.objects[f"/api/v1/namespaces/{namespace}/configmaps/{name}-members"]["data"]
        self.etcd.start(
            wanted, settings, item["spec"]["template"]["spec"]["containers"][0]["image"]
        )
        for pod in wanted:
            well = not self.etcd.trouble(pod) and pod not in self._held
            found = _pod(pod, item, ready=well)
            self.objects[f"/api/v1/namespaces/{namespace}/pods/{pod}"] = found
        ready = sum(not self.etcd.trouble(pod) and pod not in self._held for pod in wanted)
        item["status"] = {
            "readyReplicas": ready,
            "updatedReplicas": len(wanted),
            "replicas": len(wanted),
        }


class Etcd:
    """Members by pod; one that joins is a learner until it is promoted."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.members: dict[str, Member] = {}
        self.data: set[str] = set()
        self.running: list[str] = []
        self.silent: set[str] = set()
        self.leader = ""
        self._ids = 0

    def start(self, pods: list[str], settings: Mapping[str, str], _image: str) -> None:
        peers = dict(peer.split("=") for peer in settings["ETCD_INITIAL_CLUSTER"].split(","))
        self.running = pods
        for pod in pods:
            if pod in self.data:
                continue
            if settings["ETCD_INITIAL_CLUSTER_STATE"] == "new":
                self.add(peers[pod], pod, learner=False)
                self.data.add(pod)
            elif (asked := self.members.get(pod)) and not asked.name:
                assert len(peers) == len(self.members), "member count is unequal"
                self.members[pod] = replace(asked, name=pod)
                self.data.add(pod)

    def trouble(self, pod: str) -> str:
        """What its log says of why it cannot run; empty where it does."""
        if pod not in self.data:
            return "member has already been bootstrapped"
        if pod not in self.members:
            return "the member has been permanently removed from the cluster"
        return ""

    def add(self, url: str, name: str, *, learner: bool) -> Member:
        self._ids += 1
        pod = url.removeprefix("https://").partition(".")[0]
        self.members[pod] = Member(str(self._ids), name, learner, (url,))
        return self.members[pod]


class Gateway:
    """One member; see the port Etcd."""

    def __init__(self, etcd: Etcd, pod: str, cluster: Cluster) -> None:
        self._etcd, self._pod, self._cluster = etcd, pod, cluster

    def members(self) -> tuple[Member, ...]:
        return tuple(self._etcd.members.values())

    def status(self) -> MemberStatus:
        own = self._etcd.members[self._pod]
        votes = [m for pod, m in self._etcd.members.items() if not m.learner and self._up(pod)]
        quorum = 2 * len(votes) > sum(not m.learner for m in self._etcd.members.values())
        first = self._etcd.members.get(self._etcd.leader)
        leader = (first if first in votes else votes[0]).id if quorum else "0"  # type: ignore[union-attr]
        return MemberStatus(own.id, "3.6.8", leader, 1, 2, 5, 5, own.learner, ())

    def hash(self, _revision: int) -> tuple[int, int]:
        return (7, 1)

    def add_learner(self, url: str) -> Member:
        self._cluster._change("etcd", "etcd/add")
        return self._etcd.add(url, "", learner=True)

    def promote(self, member: str) -> bool:
        pod = self._pod_of(member)
        if pod not in self._etcd.data:
            return False
        self._cluster._change("etcd", "etcd/promote")
        self._etcd.members[pod] = replace(self._etcd.members[pod], learner=False)
        return True

    def remove(self, member: str) -> None:
        self._cluster._change("etcd", "etcd/remove")
        del self._etcd.members[self._pod_of(member)]
        self._cluster._react()

    def move_leader(self, member: str) -> None:
        self._etcd.leader = self._pod_of(member)

    def _pod_of(self, member: str) -> str:
        return next(pod for pod, found in self._etcd.members.items() if found.id == member)

    def _up(self, pod: str) -> bool:
        return pod in self._etcd.running and pod not in self._etcd.silent


class Host:
    """See the port HostCluster."""

    def __init__(self, cluster: Cluster) -> None:
        self.api = cluster
        self.locked: list[str] = []

    def reach(self, _spec: Any) -> Host:
        return self

    def check(self) -> None:
        """See Lock."""

    @contextmanager
    def lock(self, spec: Any) -> Iterator[Host]:
        self.locked.append(f"{spec.namespace}/{spec.name}")
        yield self

    @contextmanager
    def external(
        self, endpoint: str, secret: str, _keys: tuple[str, ...], backend: Backend
    ) -> Iterator[Gateway]:
        etcd = self.api.etcd
        if f"/api/v1/namespaces/{backend.namespace}/secrets/{secret}" not in self.api.objects:
            raise Unreachable(f"Secret {secret} does not exist.")
        if backend.pod not in etcd.data or backend.pod not in etcd.running:
            raise Unreachable(f"{backend.pod} does not answer.")
        if backend.pod in etcd.silent or backend.pod not in etcd.members:
            raise Unreachable(f"{backend.pod} is silent.")
        yield Gateway(etcd, backend.pod, self.api)


def _in(path: str, collection: str) -> bool:
    return path.startswith(f"{collection}/") and "/" not in path[len(collection) + 1 :]


def _pod(name: str, item: Any, *, ready: bool) -> dict[str, Any]:
    status = {"type": "Ready", "status": str(ready)}
    containers = [{"ready": ready, "restartCount": int(not ready), "state": {}}]
    return {
        "metadata": {"name": name, "uid": name, "labels": item["spec"]["selector"]["matchLabels"]},
        "spec": {},
        "status": {"phase": "Running", "conditions": [status], "containerStatuses": containers},
    }


def run(
    cluster: Cluster,
    check: bool = False,
    diff: bool = False,
    arguments: dict[str, Any] | None = None,
    **etcd: Any,
) -> dict[str, Any]:
    context = Context(check=check, diff=diff, connect=lambda _access, _warn: Host(cluster))  # type: ignore[arg-type,return-value]
    timeouts = {"rollout": 1, "proof": 1}
    given = {"name": "t", "timeouts": timeouts, "etcd": etcd, **(arguments or {})}
    return answer(run_backend_etcd, given, context)


def voters(cluster: Cluster) -> list[str]:
    members = cluster.etcd.members
    return sorted(name for name, member in members.items() if not member.learner)


def names(count: int) -> list[str]:
    return [f"t-store-{number}" for number in range(count)]


def as_asked(cluster: Cluster, count: int, **etcd: Any) -> None:
    """Members, pods and claims agree, and another run changes nothing."""
    assert voters(cluster) == cluster.etcd.running == names(count)
    found = (key.rpartition("/")[2] for key in cluster.objects if "claims/" in key)
    assert sorted(found) == [f"data-{name}" for name in names(count)]
    changes = len(cluster.changes)
    for check in (True, False):
        again = run(cluster, check=check, members=count, **etcd)
        assert (again["changed"], again["steps"]) == (False, []), again
    assert len(cluster.changes) == changes
