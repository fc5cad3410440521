# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the connection pools: TLS, proxies, and what a failed connection is called."""

from __future__ import annotations

import http.server
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.kubeconfig import (
    Connection,
    tls_context,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.transport import (
    HostTransport,
    Silent,
)
from lab.pki import Authority


class Answering(http.server.BaseHTTPRequestHandler):
    """Answers with the path; as a proxy it joins CONNECT to the server itself."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.create(tmp_path_factory.mktemp("ca"), "ca")


@pytest.fixture(scope="module")
def secure(authority: Authority) -> Iterator[int]:
    """Port of a TLS server whose certificate is for the name `inside` alone."""
    pair = authority.issue("server", "server", hosts=["inside"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def get(connection: Connection, path: str = "/x", timeout: float = 5) -> Any:
    transport = HostTransport(lambda: connection)
    return transport.send("GET", path, {}, None, (timeout, timeout), False)


def connection(
    port: int, tls: ssl.SSLContext | None, name: str | None = None, **more: Any
) -> Connection:
    server = f"https://127.0.0.1:{port}{more.get('path', '')}"
    return Connection(server, tls, name, more.get("proxy"), lambda: None, "")


def trusting(authority: Authority) -> ssl.SSLContext:
    return tls_context(authority.certificate.read_bytes())


def test_the_server_name_of_the_kubeconfig_is_what_is_verified(
    secure: int, authority: Authority
) -> None:
    assert get(connection(secure, trusting(authority), "inside")).data == b"/x"
    with pytest.raises(Silent, match="not trusted") as caught:
        get(connection(secure, trusting(authority)))
    assert caught.value.certain


def test_a_foreign_authority_is_not_trusted(secure: int, tmp_path: Path) -> None:
    other = Authority.create(tmp_path, "other")
    with pytest.raises(Silent, match="not trusted") as caught:
        get(connection(secure, trusting(other), "inside"))
    assert caught.value.certain


def test_a_path_in_the_servers_address_is_kept(secure: int, authority: Authority) -> None:
    through = connection(secure, trusting(authority), "inside", path="/k8s/clusters/c-1")
    assert get(through, "/version").data == b"/k8s/clusters/c-1/version"


def test_a_proxy_is_asked_to_connect(secure: int, authority: Authority) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    seen: list[bytes] = []

    def serve() -> None:
        near, _address = listener.accept()
        seen.append(near.recv(4096))
        far = socket.create_connection(("127.0.0.1", secure))
        near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        threading.Thread(target=copy, args=(near, far), daemon=True).start()
        copy(far, near)

    threading.Thread(target=serve, daemon=True).start()
    proxy = f"http://127.0.0.1:{listener.getsockname()[1]}"
    answer = get(connection(secure, trusting(authority), "inside", proxy=proxy))
    assert answer.data == b"/x"
    assert seen[0].startswith(f"CONNECT 127.0.0.1:{secure} ".encode())
    listener.close()


def copy(source: socket.socket, target: socket.socket) -> None:
    while content := source.recv(65536):
        target.sendall(content)


def test_silences_are_named() -> None:
    with pytest.raises(Silent) as refused:
        get(connection(9, tls_context(None)))
    assert (refused.value.reason, refused.value.certain) == ("connection refused", False)
    unknown = Connection("https://nowhere.invalid", tls_context(None), None, None, lambda: None, "")
    with pytest.raises(Silent, match="its name cannot be resolved"):
        get(unknown)


def test_a_server_that_never_answers(authority: Authority) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(Silent, match="no answer in time"):
            get(connection(port, trusting(authority)), timeout=0.3)
