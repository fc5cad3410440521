# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the ways into a vCluster: real TLS to a real API server and etcd, only the port-forward is replaced."""

from __future__ import annotations

import base64
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import tenant
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.api import KubernetesApi
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.kubeconfig import load
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.tenant import Ways
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    FleetError,
    Unreachable,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import Backend
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access

pytestmark = pytest.mark.apiserver


class Direct:
    """A forward that dials loopback."""

    def __init__(self, port: int, error: str = "") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.error = error
        self.closed = False

    def close(self) -> None:
        self.socket.close()
        self.closed = True


class Forwards:
    """Stands for open_forward: pod:port of the vCluster to a port of this machine."""

    def __init__(self) -> None:
        self.ports: dict[tuple[str, int], int] = {}
        self.opened: list[Direct] = []
        self.error = ""

    def __call__(self, _connection: Any, _namespace: str, pod: str, port: int) -> Direct:
        self.opened.append(Direct(self.ports[pod, port], self.error))
        return self.opened[-1]


@pytest.fixture
def forwards(monkeypatch: pytest.MonkeyPatch) -> Forwards:
    replaced = Forwards()
    monkeypatch.setattr(tenant, "open_forward", replaced)
    return replaced


@pytest.fixture
def ways(real_api: KubernetesApi, api_server: Any, namespace: str) -> Ways:
    connection = load(Access(kubeconfig=str(api_server.kubeconfig)))
    return Ways(real_api, connection, namespace, "a", 60)


def store(api: KubernetesApi, namespace: str, name: str, data: dict[str, bytes]) -> None:
    encoded = {key: base64.b64encode(value).decode() for key, value in data.items()}
    api.create(
        f"/api/v1/namespaces/{namespace}/secrets", {"metadata": {"name": name}, "data": encoded}
    )


def plane_secret(kubeconfig: Path) -> dict[str, bytes]:
    document = yaml.safe_load(kubeconfig.read_text())
    user, cluster = document["users"][0]["user"], document["clusters"][0]["cluster"]
    return {
        "certificate-authority": base64.b64decode(cluster["certificate-authority-data"]),
        "client-certificate": base64.b64decode(user["client-certificate-data"]),
        "client-key": base64.b64decode(user["client-key-data"]),
    }


def etcd_secret(member: Any) -> dict[str, bytes]:
    return {
        "etcd-ca.crt": member.authority.certificate.read_bytes(),
        "apiserver-etcd-client.crt": member.certificate.read_bytes(),
        "apiserver-etcd-client.key": member.key.read_bytes(),
    }


def port_of(url: str) -> int:
    return urlsplit(url).port or 0


def test_a_replica_is_asked_with_the_tenants_certificate(
    ways: Ways, forwards: Forwards, real_api: KubernetesApi, api_server: Any, namespace: str
) -> None:
    store(real_api, namespace, "vc-a", plane_secret(api_server.kubeconfig))
    forwards.ports["a-0", 8443] = port_of(api_server.url)
    with ways.replica("a-0") as replica:
        assert replica.certificate == {}
        assert replica.get("/version")["minor"] == "36"
        assert ("DNS", "localhost") in replica.certificate["subjectAltName"]
        assert replica.text("/readyz") == "ok"
        assert replica.find("/api/v1/namespaces/default") is not None
    assert len(forwards.opened) == 1, "one connection serves all questions"
    assert forwards.opened[0].closed


def test_a_replica_with_a_foreign_certificate_is_not_trusted(
    ways: Ways,
    forwards: Forwards,
    real_api: KubernetesApi,
    api_server: Any,
    etcd_member: Any,
    namespace: str,
) -> None:
    data = plane_secret(api_server.kubeconfig)
    data["certificate-authority"] = etcd_member.authority.certificate.read_bytes()
    store(real_api, namespace, "vc-a", data)
    forwards.ports["a-0", 8443] = port_of(api_server.url)
    with ways.replica("a-0") as replica, pytest.raises(Unreachable, match="not trusted"):
        replica.get("/version")


def test_what_the_port_forward_complained_about_is_said(
    ways: Ways,
    forwards: Forwards,
    real_api: KubernetesApi,
    api_server: Any,
    etcd_member: Any,
    namespace: str,
) -> None:
    data = plane_secret(api_server.kubeconfig)
    data["certificate-authority"] = etcd_member.authority.certificate.read_bytes()
    store(real_api, namespace, "vc-a", data)
    forwards.ports["a-0", 8443] = port_of(api_server.url)
    forwards.error = "nothing listens on that port of the pod"
    with ways.replica("a-0") as replica, pytest.raises(Unreachable, match="nothing listens"):
        replica.get("/version")


def test_a_missing_secret_is_named(ways: Ways, namespace: str) -> None:
    with (
        pytest.raises(FleetError, match=f"Secret {namespace}/vc-a does not exist"),
        ways.replica("a-0"),
    ):
        pass


def test_an_incomplete_secret_is_named(ways: Ways, real_api: KubernetesApi, namespace: str) -> None:
    store(real_api, namespace, "vc-a", {"client-key": b""})
    with (
        pytest.raises(FleetError, match="lacks certificate-authority, client-certificate"),
        ways.replica("a-0"),
    ):
        pass


def test_a_member_answers_through_its_json_gateway(
    ways: Ways, forwards: Forwards, real_api: KubernetesApi, etcd_member: Any, namespace: str
) -> None:
    store(real_api, namespace, "a-certs", etcd_secret(etcd_member))
    forwards.ports["a-etcd-0", 2379] = port_of(etcd_member.endpoint)
    with ways.member("a-etcd-0") as member:
        check_member(member)


def test_a_member_writes_and_deletes_keys_at_once(
    ways: Ways, forwards: Forwards, real_api: KubernetesApi, etcd_member: Any, namespace: str
) -> None:
    store(real_api, namespace, "a-certs", etcd_secret(etcd_member))
    forwards.ports["a-etcd-0", 2379] = port_of(etcd_member.endpoint)
    with ways.member("a-etcd-0") as member:
        before = member.count()
        member.write([(b"/here\xff/1", b"\x00one"), (b"/here/2", b"two"), (b"/here/3", b"")])
        between = member.count()
        member.write([(b"/here\xff/1", None), (b"/here/2", b"other")])
        assert (between[1] - before[1], member.count()[1] - before[1]) == (3, 2)

        def one_revision() -> bool:
            """For all of it."""
            now = member.count()[0]
            member.write([(b"/here/2", b"again"), (b"/here/3", None)])
            return bool(member.count()[0] == now + 1)

        # The API server on the same etcd writes for itself now and then.
        assert any(one_revision() for _attempt in range(5))
        member.write([(b"/here/2", None), (b"/here/3", None)])


def test_an_external_etcd_is_dialled_from_here(
    ways: Ways, real_api: KubernetesApi, etcd_member: Any, namespace: str
) -> None:
    store(real_api, namespace, "etcd-tls", etcd_secret(etcd_member))
    keys = ("etcd-ca.crt", "apiserver-etcd-client.crt", "apiserver-etcd-client.key")
    with ways.external(etcd_member.endpoint.removeprefix("https://"), "etcd-tls", keys) as member:
        check_member(member)


def test_an_external_etcd_behind_a_service_is_reached_through_its_pods(
    ways: Ways, forwards: Forwards, real_api: KubernetesApi, etcd_member: Any, namespace: str
) -> None:
    """Its certificate has to carry the name that the pods of the control plane dial."""
    store(real_api, namespace, "etcd-tls", etcd_secret(etcd_member))
    for name in ("localhost", "elsewhere"):
        body = {"selector": {"app": "outside"}, "ports": [{"port": 2379, "targetPort": 23790}]}
        metadata = {"name": name}
        real_api.create(
            f"/api/v1/namespaces/{namespace}/services", {"metadata": metadata, "spec": body}
        )
    metadata = {"name": "m0", "labels": {"app": "outside"}}
    containers = [{"name": "etcd", "image": "etcd:1"}]
    real_api.create(
        f"/api/v1/namespaces/{namespace}/pods",
        {"metadata": metadata, "spec": {"containers": containers}},
    )
    forwards.ports["m0", 23790] = port_of(etcd_member.endpoint)
    keys = ("etcd-ca.crt", "apiserver-etcd-client.crt", "apiserver-etcd-client.key")
    (backend,) = ways.behind("localhost:2379")
    assert backend == Backend(namespace, "m0", 23790)
    with ways.external("localhost:2379", "etcd-tls", keys, backend) as member:
        check_member(member)
    with (
        pytest.raises(Unreachable, match="elsewhere"),
        ways.external("elsewhere:2379", "etcd-tls", keys, backend) as member,
    ):
        member.status()
    assert ways.behind("etcd.example.net:2379") == ()


def check_member(member: Any) -> None:
    (only,) = member.members()
    status = member.status()
    assert (only.name, only.learner) == ("m0", False)
    assert only.peer_urls[0].startswith("http://127.0.0.1:")
    assert (status.id, status.leader) == (only.id, only.id)
    assert status.version.startswith("3.")
    assert status.db_size > 0
    assert status.quota > status.db_size
    assert status.raft_index > 0
    assert (status.alarms, status.learner) == ((), False)
    assert member.hash(status.revision) == member.hash(status.revision)
    assert member.hash(status.revision)[0] > 0


class Metrics(BaseHTTPRequestHandler):
    """The plain page of a member."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"etcd_server_has_leader 1\n" * 5000)

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


def test_a_member_tells_its_metrics_in_the_clear(ways: Ways, forwards: Forwards) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Metrics) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        forwards.ports["a-etcd-0", 2381] = server.server_port
        text = ways.metrics(Backend("vcluster-a", "a-etcd-0", 2381))
        server.shutdown()
    assert text.count("\n") == 5000
    assert forwards.opened[-1].closed


def test_a_member_that_does_not_is_named(ways: Ways, forwards: Forwards) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        forwards.ports["a-etcd-0", 2381] = listener.getsockname()[1]
        forwards.error = "nothing listens on that port of the pod"
        threading.Thread(target=lambda: listener.accept()[0].close(), daemon=True).start()
        with pytest.raises(
            Unreachable, match=r"a-etcd-0 does not tell its metrics: nothing listens"
        ):
            ways.metrics(Backend("vcluster-a", "a-etcd-0", 2381))
