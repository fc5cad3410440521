# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filling the members of an etcd: the pods that do it, in which order, and what a failure leaves."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    ApiError,
    FleetError,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import Json
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.refill import (
    LEDGE,
    Member,
    Refill,
    refill_members,
)

NAMESPACE = "vcluster-a"
STATEFULSET = f"/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets/a-etcd"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
CLAIMS = f"/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims"
SUM = hashlib.sha256(b"database").hexdigest()


def stateful_set(*more: str) -> Json:
    """As 0.36.1 renders it, shortened."""
    peers = ",".join(f"a-etcd-{n}=https://a-etcd-{n}.a-etcd-headless:2380" for n in range(3))
    command = [
        "etcd",
        "--data-dir=/var/lib/etcd",
        "--initial-advertise-peer-urls=https://$(NAME).a-etcd-headless:2380",
        f"--initial-cluster={peers}",
        "--initial-cluster-token=a",
        "--name=$(NAME)",
        *more,
    ]
    etcd = {
        "name": "etcd",
        "image": "etcd:3.6.8-0",
        "command": command,
        "securityContext": {"runAsUser": 1000},
        "volumeMounts": [
            {"name": "data", "mountPath": "/var/lib/etcd"},
            {"name": "certs", "mountPath": "/run/config/pki"},
        ],
    }
    labels = {"app": "vcluster-etcd", "release": "a"}
    return {
        "metadata": {"name": "a-etcd", "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": labels},
            "template": {
                "spec": {
                    "containers": [etcd],
                    "tolerations": [{"key": "x"}],
                    "securityContext": {"fsGroup": 12},
                }
            },
            "volumeClaimTemplates": [
                {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
            ],
        },
    }


class FakeApi:
    """A namespace whose pods run as far as they are let."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.objects: dict[str, Json] = {STATEFULSET: stateful_set()}
        self.sent: dict[str, bytes] = {}
        self.ends = "Succeeded"
        self.refuses: Exception | None = None
        self.dials = self.deaf = 0

    def get(self, path: str, params: Any = None) -> Json:
        if path not in self.objects:
            raise ApiError(404, f"{path} not found")
        return self.objects[path]

    def find(self, path: str) -> Json | None:
        return self.objects.get(path)

    def list(self, path: str, params: Mapping[str, str]) -> Iterator[Json]:
        assert params == {"labelSelector": "app=vcluster-etcd,release=a"}
        return iter(())

    def text(self, path: str, params: Mapping[str, str]) -> str:
        if params["container"] != "restore":
            raise ApiError(400, "is waiting to start")
        return "data-dir not empty\n"

    def merge(self, path: str, body: Json) -> Json:
        self.log.append(f"scale {body['spec']['replicas']}")
        return {}

    def create(self, path: str, body: Json) -> Json:
        target = f"{path}/{body['metadata']['name']}"
        if target in self.objects:
            raise ApiError(409, "exists")
        self.log.append(f"create {body['metadata']['name']}")
        running = {"initContainerStatuses": [{"name": "receive", "state": {"running": {}}}]}
        self.objects[target] = {**body, "status": running}
        return body

    def delete(self, path: str) -> None:
        if self.objects.pop(path, None):
            self.log.append(f"delete {path.rsplit('/', 1)[1]}")

    @contextmanager
    def forward(self, namespace: str, pod: str, port: int) -> Iterator[FakeSocket]:
        assert namespace == NAMESPACE
        if self.refuses:
            raise self.refuses
        self.dials += 1
        socket = FakeSocket(listens=self.dials > self.deaf)
        yield socket
        if not socket.taken:
            return
        self.sent[pod] = socket.taken
        self.objects[f"{PODS}/{pod}"]["status"] = {"phase": self.ends}


@dataclass
class FakeSocket:
    """The pod's end of a port-forward; nothing listens at first."""

    listens: bool
    taken: bytes = b""

    def settimeout(self, seconds: float) -> None:
        assert seconds

    def recv(self, size: int) -> bytes:
        return b"ready\n" if self.listens else b""

    def sendall(self, piece: bytes) -> None:
        self.taken += piece


def until(what: str, holds: Callable[[], bool]) -> None:
    if what.endswith("have all of it"):
        return  # the fake pod goes on once the forward is closed
    assert any(holds() for _try in range(5)), what


@contextmanager
def content() -> Iterator[IO[bytes]]:
    yield io.BytesIO(b"database")


def work(api: Any) -> Refill:
    reach: Any = None
    return Refill(
        api=api,
        reach=reach,
        pods=list,
        way="etcd",
        items=lambda: iter(()),
        content=content,
        size=8,
        sha256=SUM,
        revision=0,
        raise_by=LEDGE,
        compare=lambda: None,
        changes=lambda: iter(()),
        shell_image="vcluster:0.36.1",
        until=until,
        say=lambda _text: None,
    )


def test_every_member_is_filled_while_all_are_stopped() -> None:
    api = FakeApi()
    refill_members(NAMESPACE, "a-etcd", 3, work(api), LEDGE)
    assert api.log[0] == "scale 0"
    assert api.log[-1] == "scale 3"
    assert api.sent == {f"a-etcd-{n}-restore": b"database" for n in range(3)}
    assert [path for path in api.objects if path.startswith(PODS)] == [], "no pod is left"


def test_a_pod_that_does_not_listen_yet_is_asked_again() -> None:
    api = FakeApi()
    api.deaf = 2
    refill_members(NAMESPACE, "a-etcd", 1, work(api), LEDGE)
    assert api.sent["a-etcd-0-restore"] == b"database"
    assert api.dials == 3


def test_a_quota_that_is_full_does_not_hinder_a_claim_that_is_there() -> None:
    class Full(FakeApi):
        def create(self, path: str, body: Json) -> Json:
            if path == CLAIMS:
                raise ApiError(403, "exceeded quota")
            return super().create(path, body)

    api = Full()
    api.objects[f"{CLAIMS}/data-a-etcd-0"] = {}
    refill_members(NAMESPACE, "a-etcd", 1, work(api), LEDGE)
    assert "create a-etcd-0-restore" in api.log


def test_a_claim_that_is_gone_is_made_and_one_that_is_there_stays() -> None:
    api = FakeApi()
    api.objects[f"{CLAIMS}/data-a-etcd-1"] = {"kept": True}
    refill_members(NAMESPACE, "a-etcd", 3, work(api), LEDGE)
    made = [line for line in api.log if line.startswith("create data-")]
    assert sorted(made) == ["create data-a-etcd-0", "create data-a-etcd-2"]
    claim = api.objects[f"{CLAIMS}/data-a-etcd-0"]
    assert claim["metadata"]["labels"] == {"app": "vcluster-etcd", "release": "a"}
    assert claim["spec"] == {"accessModes": ["ReadWriteOnce"]}


def test_a_pod_of_a_run_that_was_cut_off_is_replaced() -> None:
    api = FakeApi()
    api.objects[f"{PODS}/a-etcd-0-restore"] = {"status": {"phase": "Failed"}}
    refill_members(NAMESPACE, "a-etcd", 1, work(api), LEDGE)
    assert api.sent == {"a-etcd-0-restore": b"database"}


@pytest.mark.parametrize("fault", ["pod", "connection"])
def test_members_stay_stopped_when_one_cannot_be_filled(fault: str) -> None:
    api = FakeApi()
    if fault == "pod":
        api.ends = "Failed"
    else:
        api.refuses = OSError("the port-forward broke: reset")
    with pytest.raises(FleetError, match=r"restore: data-dir not empty|port-forward broke"):
        refill_members(NAMESPACE, "a-etcd", 3, work(api), LEDGE)
    assert "scale 3" not in api.log
    assert [path for path in api.objects if path.startswith(PODS)] == []


def test_g61_the_pod_raises_the_revision_and_keeps_the_old_data_to_the_last() -> None:
    pod = Member(stateful_set(), 1, 3, work(FakeApi()), LEDGE).pod()
    receive, restore = pod["spec"]["initContainers"]
    (settle,) = pod["spec"]["containers"]
    assert restore["image"] == "etcd:3.6.8-0"
    for flag in (
        f"--bump-revision={LEDGE}",
        "--mark-compacted",
        "--name=a-etcd-1",
        "--data-dir=/var/lib/etcd/restored",
        "--initial-advertise-peer-urls=https://a-etcd-1.a-etcd-headless:2380",
        "--initial-cluster-token=a",
    ):
        assert flag in restore["command"]
    assert "member" not in receive["command"][-1], "the old data is not touched before"
    assert "-ge 8 ]" in receive["command"][-1], "it goes on when all is there"
    assert "-s 127.0.0.1" in receive["command"][-1], "nobody else in the cluster may send"
    assert settle["command"][-1].startswith("rm -rf /var/lib/etcd/member && mv ")
    assert {container["image"] for container in (receive, settle)} == {"vcluster:0.36.1"}


def test_the_pod_runs_where_and_as_whom_the_member_does() -> None:
    pod = Member(stateful_set(), 0, 3, work(FakeApi()), LEDGE).pod()
    assert pod["spec"]["tolerations"] == [{"key": "x"}]
    assert pod["spec"]["securityContext"] == {"fsGroup": 12}
    assert pod["spec"]["initContainers"][0]["securityContext"] == {"runAsUser": 1000}
    assert pod["metadata"]["labels"]["app"] != "vcluster-etcd", "the StatefulSet must not adopt it"
    assert pod["spec"]["automountServiceAccountToken"] is False


def test_the_last_of_several_flags_counts() -> None:
    found = stateful_set("--initial-cluster=a-etcd-0=https://own:2380")
    pod = Member(found, 0, 1, work(FakeApi()), LEDGE).pod()
    restore = pod["spec"]["initContainers"][1]["command"]
    assert "--initial-cluster=a-etcd-0=https://own:2380" in restore


def test_a_store_without_volumes_is_refused() -> None:
    found = stateful_set()
    found["spec"]["volumeClaimTemplates"] = None
    with pytest.raises(FleetError, match="no volume claims"):
        Member(found, 0, 1, work(FakeApi()), LEDGE).pod()
