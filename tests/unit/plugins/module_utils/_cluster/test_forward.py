# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the port-forward, against a websocket server that speaks as the kubelet does."""

from __future__ import annotations

import json
import socket
import ssl
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from websocket_server import WebSocketServer, frame, unmask

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.forward import (
    forward,
    open_forward,
    reason,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.kubeconfig import (
    Connection,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    ApiError,
    Unreachable,
)
from lab.pki import Authority

PORT = struct.pack("<H", 8443)


class Kubelet(WebSocketServer):
    """Names the port on both channels, then echoes data in capitals; `fail` makes it complain.

    Args:
        greeting: What the pod says first: it comes together with the answer to the handshake.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, greeting: bytes = b"") -> None:
        super().__init__(tls)
        names = frame(b"\0" + PORT) + frame(b"\1" + PORT)
        self.greeting = names + (frame(b"\0" + greeting) if greeting else b"")

    def talk(self, connection: socket.socket, stream: IO[bytes]) -> None:
        while message := unmask(stream):
            if message == b"\0fail":
                connection.sendall(frame(b"\1dial: connect: connection refused"))
            else:
                connection.sendall(frame(message.upper()))


@pytest.fixture
def kubelet() -> Iterator[Kubelet]:
    server = Kubelet()
    yield server
    server.close()


def connection(kubelet: Kubelet) -> Connection:
    return Connection(kubelet.url, None, None, None, lambda: "Bearer abc", "")


def receive(stream: socket.socket, count: int) -> bytes:
    stream.settimeout(5)
    content = b""
    while len(content) < count:
        piece = stream.recv(count - len(content))
        if not piece:
            break
        content += piece
    return content


def test_what_the_pod_says_first_is_not_waited_for_in_vain(tmp_path: Path) -> None:
    """It may lie in the TLS layer already when the handshake ends, where select sees nothing of it."""
    authority = Authority.create(tmp_path, "ca")
    pair = authority.issue("server", "server", hosts=["127.0.0.1"])
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(pair.certificate, pair.key)
    server = Kubelet(tls, b"ready\n")
    trust = ssl.create_default_context(cafile=str(authority.certificate))
    try:
        found = Connection(server.url, trust, None, None, lambda: "Bearer abc", "")
        with forward(found, "x", "a-0", 9731) as stream:
            assert receive(stream, 6) == b"ready\n"
    finally:
        server.close()


def test_bytes_go_both_ways_without_the_protocols_own(kubelet: Kubelet) -> None:
    with forward(connection(kubelet), "x", "a-0", 8443) as stream:
        stream.sendall(b"hello")
        assert receive(stream, 5) == b"HELLO"
        large = b"z" * 300_000
        stream.sendall(large)
        assert receive(stream, len(large)) == large.upper()
    assert kubelet.ended.wait(5), "the connection is closed with the socket"
    request = kubelet.head.splitlines()
    assert request[0] == b"GET /api/v1/namespaces/x/pods/a-0/portforward?ports=8443 HTTP/1.1"
    assert b"Authorization: Bearer abc" in request


def test_a_complaint_ends_the_stream_and_is_kept(kubelet: Kubelet) -> None:
    opened = open_forward(connection(kubelet), "x", "a-0", 8443)
    opened.socket.sendall(b"fail")
    assert receive(opened.socket, 1) == b""
    assert opened.error == "nothing listens on that port of the pod"
    opened.close()


def test_a_complaint_is_what_the_error_says(kubelet: Kubelet) -> None:
    with (
        pytest.raises(Unreachable, match=r"x/a-0, port 8443: nothing listens"),
        forward(connection(kubelet), "x", "a-0", 8443) as stream,
    ):
        stream.sendall(b"fail")
        receive(stream, 1)
        raise ConnectionResetError


def test_a_refusal_is_an_api_error(kubelet: Kubelet) -> None:
    body = json.dumps({"message": 'pods "a-0" not found'}).encode()
    kubelet.refusal = (
        b"HTTP/1.1 404 Not Found\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body
    )
    with pytest.raises(ApiError, match='refused: 404 pods "a-0" not found') as caught:
        open_forward(connection(kubelet), "x", "a-0", 8443)
    assert caught.value.status == 404


def test_nobody_there() -> None:
    nowhere = Connection("http://127.0.0.1:9", None, None, None, lambda: None, "")
    with pytest.raises(Unreachable, match="Port-forward to x/a-0, port 8443 failed"):
        open_forward(nowhere, "x", "a-0", 8443)


def test_other_complaints_are_shortened() -> None:
    assert reason("a\n b") == "a b"
    assert len(reason("long " * 100)) == 300
