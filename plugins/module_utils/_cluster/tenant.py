# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ways into one vCluster (see the port `Reach`): through the host's API server, TLS verified end to end."""

from __future__ import annotations

import base64
import os
import socket
import ssl
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from .._core.databases import Database, SqlDatabase
from .._core.errors import FleetError, Unreachable
from .._core.etcd import Etcd
from .._core.observation import Workload
from .._core.ports import Api, Backend, Replica
from .._core.service_names import split
from .api import KubernetesApi
from .dns import resolve
from .etcd import EtcdGateway
from .forward import Forward, open_forward
from .kubeconfig import Connection, tls_context
from .retry import Patience
from .services import pods_behind
from .sql import KineTable
from .sql_servers import credentials_of
from .sqlite_copy import SqliteCopy
from .transport import ForwardTransport, HostTransport
from .workloads import workload_of

API_PORT = 8443
ETCD_PORT = 2379
# The certificates of the plane and of the members are valid for it (seen on 0.36.1).
SERVER_NAME = "localhost"
# A check asks again by itself; one question must not take long.
PATIENCE = Patience(busy=2.0, silent=10.0, read=15.0)


class TenantReplica(KubernetesApi):
    """The tenant's API at one pod (see the port `Replica`)."""

    def __init__(self, title: str, transport: ForwardTransport) -> None:
        super().__init__(title, transport, PATIENCE)
        self._forwarded = transport

    @property
    def certificate(self) -> Mapping[str, Any]:
        """See Replica."""
        return self._forwarded.certificate


class Ways:
    """Ways into one vCluster.

    Args:
        api: API of the host cluster.
        connection: The same host cluster's Connection, for port-forwards.
        namespace: Namespace of the vCluster.
        name: Its name.
        seconds: How long a pod of ours may take.
    """

    def __init__(
        self, api: Api, connection: Connection, namespace: str, name: str, seconds: float
    ) -> None:
        self._api = api
        self._connection = connection
        self._namespace = namespace
        self._name = name
        self._seconds = seconds

    @contextmanager
    def replica(self, pod: str) -> Iterator[Replica]:
        """See Reach. Authenticates with the client certificate of Secret `vc-NAME`."""
        backend = Backend(self._namespace, pod, API_PORT)
        with self._through(backend, self._plane_tls) as transport:
            yield TenantReplica(f"Replica {self._namespace}/{pod}", transport)

    @contextmanager
    def member(self, pod: str) -> Iterator[Etcd]:
        """See Reach. Authenticates with the API server's etcd client certificate of Secret `NAME-certs`."""
        backend = Backend(self._namespace, pod, ETCD_PORT)
        with self._through(backend, self._etcd_tls) as transport:
            title = f"etcd member {self._namespace}/{pod}"
            yield EtcdGateway(KubernetesApi(title, transport, PATIENCE))

    def behind(self, endpoint: str) -> tuple[Backend, ...]:
        """See Reach."""
        return pods_behind(self._api, endpoint, self._namespace)

    def metrics(self, backend: Backend) -> str:
        """See Reach."""
        opened = open_forward(self._connection, backend.namespace, backend.pod, backend.port)
        try:
            opened.socket.settimeout(PATIENCE.read)
            connection = HTTPConnection(SERVER_NAME)
            connection.sock = opened.socket
            connection.request("GET", "/metrics")
            answer = connection.getresponse()
            return answer.read().decode(errors="replace")
        except (OSError, HTTPException) as error:
            raise Unreachable(
                f"Pod {backend.namespace}/{backend.pod} does not tell its metrics: {opened.error or error}."
            ) from error
        finally:
            opened.close()

    @contextmanager
    def external(
        self, endpoint: str, secret: str, keys: tuple[str, str, str], backend: Backend | None = None
    ) -> Iterator[Etcd]:
        """See Reach. `endpoint` is `host:port`, with or without https://."""
        tls = self._tls(secret, keys)
        if backend is not None:
            with self._through(backend, tls, split(endpoint)[0]) as forwarded:
                title = f"etcd member {backend.namespace}/{backend.pod}"
                yield EtcdGateway(KubernetesApi(title, forwarded, PATIENCE))
            return
        server = endpoint if "://" in endpoint else f"https://{endpoint}"
        connection = Connection(server, tls, None, None, lambda: None, server)
        transport = HostTransport(lambda: connection)
        yield EtcdGateway(KubernetesApi(f"etcd {endpoint}", transport, PATIENCE))

    @contextmanager
    def database(self) -> Iterator[Database]:
        """See Reach."""
        with tempfile.TemporaryDirectory(prefix="fleetops-") as folder:
            yield SqliteCopy(self._api, self._namespace, self._name, Path(folder), self._seconds)

    @contextmanager
    def sql(self, secret: str) -> Iterator[SqlDatabase]:
        """See Reach."""
        where = f"{self._namespace}/{secret}"
        found = self._secret(secret)
        if found is None:
            raise FleetError(f"Secret {where} does not exist.", "Run fleetops.vcluster.backends.")
        content = {key: base64.b64decode(value).decode() for key, value in found.items()}
        yield KineTable(credentials_of(content, where))

    def workload(self, kind: str, name: str) -> Workload | None:
        """See Reach."""
        path = f"/apis/apps/v1/namespaces/{self._namespace}/{kind.lower()}s/{name}"
        found = self._api.find(path)
        return workload_of(found, kind) if found else None

    def resolve(self, name: str) -> tuple[str, ...]:
        """See Reach."""
        return resolve(self._api, self._namespace, self._name, name)

    @contextmanager
    def _through(
        self, backend: Backend, tls: ssl.SSLContext, server_name: str = SERVER_NAME
    ) -> Iterator[ForwardTransport]:
        opened: list[Forward] = []

        def dial() -> socket.socket:
            place = (backend.namespace, backend.pod, backend.port)
            opened.append(open_forward(self._connection, *place))
            return opened[-1].socket

        def explain() -> str:
            return opened[-1].error if opened else ""

        transport = ForwardTransport(dial, tls, server_name, explain)
        try:
            yield transport
        finally:
            transport.close()
            for forward in opened:
                forward.close()

    @cached_property
    def _plane_tls(self) -> ssl.SSLContext:
        keys = ("certificate-authority", "client-certificate", "client-key")
        return self._tls(f"vc-{self._name}", keys)

    @cached_property
    def _etcd_tls(self) -> ssl.SSLContext:
        keys = ("etcd-ca.crt", "apiserver-etcd-client.crt", "apiserver-etcd-client.key")
        return self._tls(f"{self._name}-certs", keys)

    def _tls(self, secret: str, keys: tuple[str, str, str]) -> ssl.SSLContext:
        found = self._secret(secret)
        data = found or {}
        missing = [key for key in keys if key not in data]
        if missing:
            what = "does not exist" if found is None else f"lacks {', '.join(missing)}"
            raise FleetError(
                f"Secret {self._namespace}/{secret} {what}.",
                "The control plane writes it when it starts: look at its pods and their logs.",
            )
        authority, certificate, key = (base64.b64decode(data[key]) for key in keys)
        return client_tls(authority, certificate, key)

    def _secret(self, name: str) -> dict[str, str] | None:
        """What a Secret of the namespace holds, in base64; None where there is none."""
        found = self._api.find(f"/api/v1/namespaces/{self._namespace}/secrets/{name}")
        return None if found is None else found.get("data") or {}


def client_tls(authority: bytes, certificate: bytes, key: bytes) -> ssl.SSLContext:
    """A verified client context from PEM texts; Python reads a client key from a file only, so there is one for a
    moment (0600)."""
    with tempfile.TemporaryDirectory(prefix="fleetops-") as folder:
        path = Path(folder) / "client.pem"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(certificate + b"\n" + key)
        return tls_context(authority, str(path))
