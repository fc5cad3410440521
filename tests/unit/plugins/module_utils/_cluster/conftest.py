# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A scripted HTTP server for the exact exchanges, and a real API server with etcd on loopback (marker `apiserver`)."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from places import Place, bucket_place, claim_place, directory_place
from programs import Programs, free_port, listening
from s3_service import Service

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import (
    bucket as bucket_module,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.api import KubernetesApi
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.kubeconfig import (
    Connection,
    load,
    tls_context,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.retry import Patience
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.transport import (
    HostTransport,
    Silent,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access
from lab.chart import package
from lab.parts import build
from lab.pki import Authority, kubeconfig, signing_key
from lab.s3 import S3Server

QUICK = Patience(busy=2.0, silent=0.5, first=0.01, longest=0.05, connect=2.0, read=5.0)


@dataclass
class Request:
    """What a client sent."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class Answer:
    """What it gets."""

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


class Scripted:
    """A server that gives prepared answers in order (the last one again and again) and keeps what was asked."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answers: list[Answer | Callable[[Request], Answer]] = [Answer()]
        self.date = ""  # what the Date header says instead of the time
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _next(self, request: Request) -> Answer:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer(request) if callable(answer) else answer

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        script = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                parts = urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                content = self.rfile.read(length)
                request = Request(
                    self.command,
                    parts.path,
                    dict(parse_qsl(parts.query)),
                    {key.lower(): value for key, value in self.headers.items()},
                    json.loads(content) if content else None,
                )
                self._reply(script._next(request))

            def _reply(self, answer: Answer) -> None:
                body = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
                self.send_response(answer.status)
                for key, value in answer.headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

            def date_time_string(self, timestamp: float | None = None) -> str:
                return script.date or super().date_time_string(timestamp)

            def log_message(self, *_args: Any) -> None:
                pass

        return Handler


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    server = Scripted()
    yield server
    server.close()


@pytest.fixture
def api(scripted: Scripted) -> KubernetesApi:
    """An Api on the scripted server that does not wait long."""
    connection = Connection(scripted.url, None, None, None, lambda: "Bearer abc", "the test")
    return KubernetesApi("Host cluster test", HostTransport(lambda: connection), QUICK)


@dataclass(frozen=True)
class ApiServer:
    """A running API server."""

    kubeconfig: Path
    url: str
    authority: Authority

    def connect(self) -> KubernetesApi:
        access = Access(kubeconfig=str(self.kubeconfig))
        return KubernetesApi("Host cluster test", HostTransport(lambda: load(access)), QUICK)


@dataclass(frozen=True)
class EtcdMember:
    """A running etcd with mutual TLS."""

    endpoint: str
    authority: Authority
    certificate: Path
    key: Path


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    started = Programs(tmp_path_factory.mktemp("logs"))
    try:
        yield started
    finally:
        started.end()


@pytest.fixture(scope="session")
def etcd_member(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> EtcdMember:
    """One etcd member that takes client certificates only."""
    folder = tmp_path_factory.mktemp("etcd")
    authority = Authority.create(folder, "etcd-ca")
    server = authority.issue("server", "etcd", hosts=["localhost", "127.0.0.1"])
    client = authority.issue("client", "root")
    port, peer = free_port(), free_port()
    url = f"https://127.0.0.1:{port}"
    command = [
        str(build(["etcd"])["etcd"]),
        "--name=m0",
        f"--data-dir={folder / 'data'}",
        f"--listen-client-urls={url}",
        f"--advertise-client-urls={url}",
        f"--listen-peer-urls=http://127.0.0.1:{peer}",
        f"--initial-advertise-peer-urls=http://127.0.0.1:{peer}",
        f"--initial-cluster=m0=http://127.0.0.1:{peer}",
        f"--cert-file={server.certificate}",
        f"--key-file={server.key}",
        f"--trusted-ca-file={authority.certificate}",
        "--client-cert-auth",
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]
    programs.start("etcd", command)
    programs.wait_for("etcd", lambda: listening(port))
    return EtcdMember(url, authority, client.certificate, client.key)


@pytest.fixture(scope="session")
def api_server(
    programs: Programs, etcd_member: EtcdMember, tmp_path_factory: pytest.TempPathFactory
) -> ApiServer:
    """A kube-apiserver with RBAC and nothing behind it: objects are stored, nobody acts on them."""
    folder = tmp_path_factory.mktemp("apiserver")
    authority = Authority.create(folder, "host-ca")
    serving = authority.issue("serving", "kube-apiserver", hosts=["localhost", "127.0.0.1"])
    admin = authority.issue("admin", "admin", groups=["system:masters"])
    tokens = signing_key(folder, "tokens")
    port = free_port()
    command = [
        str(build(["kube-apiserver"])["kube-apiserver"]),
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",
        f"--secure-port={port}",
        f"--cert-dir={folder}",
        f"--etcd-servers={etcd_member.endpoint}",
        f"--etcd-cafile={etcd_member.authority.certificate}",
        f"--etcd-certfile={etcd_member.certificate}",
        f"--etcd-keyfile={etcd_member.key}",
        "--service-cluster-ip-range=10.96.0.0/24",
        f"--client-ca-file={authority.certificate}",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={tokens.certificate}",
        f"--service-account-signing-key-file={tokens.key}",
        "--authorization-mode=RBAC",
        "--enable-priority-and-fairness=false",
        "--disable-admission-plugins=ServiceAccount",
        "--profiling=false",
    ]
    programs.start("kube-apiserver", command)
    url = f"https://127.0.0.1:{port}"
    path = kubeconfig(folder / "kubeconfig", url, "hc", authority, admin)
    server = ApiServer(path, url, authority)
    programs.wait_for("kube-apiserver", lambda: _ready(server))
    return server


@pytest.fixture(scope="session")
def tools() -> dict[str, Path]:
    """Paths of helm3, helm4 and kubectl; for the session, because each test has a cache folder of its own."""
    return build(["helm3", "helm4", "kubectl"])


@pytest.fixture(scope="session")
def chart_file() -> Path:
    """The lab's chart of the newest line."""
    return package("0.36.1")


@pytest.fixture
def real_api(api_server: ApiServer) -> KubernetesApi:
    return api_server.connect()


@pytest.fixture
def namespace(real_api: KubernetesApi, request: pytest.FixtureRequest) -> str:
    """A namespace of the test's own."""
    name = f"t-{abs(hash(request.node.nodeid)) % 10**10}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    real_api.create("/api/v1/namespaces", body)
    return name


def _ready(server: ApiServer) -> bool:
    port = urlsplit(server.url).port
    if not port or not listening(port):
        return False
    connection = Connection(
        server.url,
        tls_context(server.authority.certificate.read_bytes()),
        None,
        None,
        lambda: None,
        "",
    )
    transport = HostTransport(lambda: connection)
    try:
        return transport.send("GET", "/readyz", {}, None, (1.0, 5.0), False).status == 200
    except Silent:
        return False


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    server = S3Server(tmp_path_factory.mktemp("s3"))
    yield server
    server.close()


@pytest.fixture
def bucket(s3_server: S3Server) -> Place:
    return bucket_place(s3_server)


@pytest.fixture(params=["directory", "bucket", "claim"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Each kind of target, empty."""
    if request.param == "directory":
        return directory_place(tmp_path / "target")
    if request.param == "claim":
        return claim_place(tmp_path / "claim")
    return bucket_place(request.getfixturevalue("s3_server"))


@pytest.fixture
def hasty_s3(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Buckets take small parts and give up soon, and no credentials are around."""
    monkeypatch.setattr(bucket_module, "PART", 5 << 20)  # the least that services take
    monkeypatch.setattr(bucket_module, "ATTEMPTS", 2)
    monkeypatch.setattr(bucket_module, "CONNECT", 2)
    monkeypatch.setattr(
        bucket_module, "READ", 20
    )  # the service takes seconds when the machine is busy
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def service() -> Iterator[Service]:
    started = Service()
    yield started
    started.close()
