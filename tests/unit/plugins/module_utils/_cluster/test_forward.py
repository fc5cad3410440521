# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the port-forward, against a websocket server that speaks as the kubelet does."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

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
MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Kubelet:
    """Names the port on both channels, then echoes data in capitals; `fail` makes it complain.

    Args:
        tls: Of the server; none: it speaks in clear.
        greeting: What the pod says first: it comes together with the answer to the handshake.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, greeting: bytes = b"") -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        if tls:
            self._listener = tls.wrap_socket(self._listener, server_side=True)
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        self.greeting = frame(b"\0" + greeting) if greeting else b""
        self.head = b""
        self.refusal = b""
        self.ended = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        connection, _address = self._listener.accept()
        with connection, connection.makefile("rb") as stream:
            self.head = b"".join(iter(stream.readline, b"\r\n"))
            if self.refusal:
                connection.sendall(self.refusal)
                return
            names = frame(b"\0" + PORT) + frame(b"\1" + PORT)
            connection.sendall(self._accept() + names + self.greeting)
            while message := unmask(stream):
                if message == b"\0fail":
                    connection.sendall(frame(b"\1dial: connect: connection refused"))
                else:
                    connection.sendall(frame(message.upper()))
        self.ended.set()

    def _accept(self) -> bytes:
        lines = dict(
            line.lower().split(b": ", 1) if b": " in line else (line, b"")
            for line in self.head.splitlines()
        )
        key = next(
            line.split(b": ", 1)[1]
            for line in self.head.splitlines()
            if line.lower().startswith(b"sec-websocket-key")
        )
        assert lines[b"sec-websocket-protocol"] == b"v4.channel.k8s.io"
        proof = base64.b64encode(hashlib.sha1(key + MAGIC).digest())
        return (
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Protocol: v4.channel.k8s.io\r\nSec-WebSocket-Accept: "
            + proof
            + b"\r\n\r\n"
        )


def frame(content: bytes) -> bytes:
    """A binary message from the server."""
    size = len(content)
    head = bytes([size]) if size < 126 else b"\x7e" + struct.pack("!H", size)
    return b"\x82" + head + content


def unmask(stream: object) -> bytes:
    """The content of a binary message from the client; empty at the end."""
    head = stream.read(2)  # type: ignore[attr-defined]
    if len(head) < 2 or head[0] & 0xF == 8:
        return b""
    size = head[1] & 0x7F
    if size == 126:
        size = struct.unpack("!H", stream.read(2))[0]  # type: ignore[attr-defined]
    mask = stream.read(4)  # type: ignore[attr-defined]
    content = stream.read(size)  # type: ignore[attr-defined]
    return bytes(byte ^ mask[place % 4] for place, byte in enumerate(content))


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
