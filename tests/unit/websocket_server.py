# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A websocket server of one connection, as a host cluster's API server is one for the sub-resources of pods."""

from __future__ import annotations

import base64
import hashlib
import socket
import ssl
import struct
import threading
from typing import IO

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class WebSocketServer:
    """Takes a handshake and then does what `talk` says.

    Args:
        tls: Of the server; none: it speaks in clear.

    Attributes:
        head: Of the request.
        refusal: The answer, where it is not to accept.
        ended: Set when the conversation is at its end.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        if tls:
            self._listener = tls.wrap_socket(self._listener, server_side=True)
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        self.head = b""
        self.refusal = b""
        self.greeting = b""
        self.ended = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def talk(self, connection: socket.socket, stream: IO[bytes]) -> None:
        """What follows the handshake."""
        raise NotImplementedError

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        connection, _address = self._listener.accept()
        with connection, connection.makefile("rb") as stream:
            self.head = b"".join(iter(stream.readline, b"\r\n"))
            if self.refusal:
                connection.sendall(self.refusal)
                return
            connection.sendall(self._accept() + self.greeting)
            self.talk(connection, stream)
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


def unmask(stream: IO[bytes]) -> bytes:
    """The content of a binary message from the client; empty at the end."""
    head = stream.read(2)
    if len(head) < 2 or head[0] & 0xF == 8:
        return b""
    size = head[1] & 0x7F
    if size == 126:
        size = struct.unpack("!H", stream.read(2))[0]
    mask = stream.read(4)
    content = stream.read(size)
    return bytes(byte ^ mask[place % 4] for place, byte in enumerate(content))
