# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Port-forward: a socket to a port of a pod, over a websocket to the host's API server.

Protocol `v4.channel.k8s.io` of the pod's portforward sub-resource: binary messages, the first byte is the channel
(0 data, 1 error); the first message of each channel carries the port number as two bytes.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .._core.errors import Unreachable
from .channels import SECONDS, open_channel
from .kubeconfig import Connection
from .libraries import websocket

PROTOCOL = "v4.channel.k8s.io"
DATA, ERROR = 0, 1
PIECE = 32768


class Forward:
    """One forwarded connection; `socket` is ours, a thread carries bytes between it and the websocket.

    Attributes:
        socket: A stream to the pod's port.
        error: What the kubelet complained about, for example that nothing listens; empty while all is well.
    """

    def __init__(self, channel: Any) -> None:
        self.socket, self._far = socket.socketpair()
        self.error = ""
        self._channel = channel
        self._named: set[int] = set()
        self._thread = threading.Thread(target=self._carry, daemon=True, name="port-forward")
        self._thread.start()

    def close(self) -> None:
        """End the forward; the thread ends with it."""
        self.socket.close()
        self._thread.join(timeout=SECONDS)

    def _carry(self) -> None:
        try:
            # What came with the end of the handshake may lie in the TLS layer, where select sees nothing of it.
            goes_on = self._receive()
            while goes_on:
                goes_on = self._step()
        except (OSError, websocket.WebSocketException) as error:
            self.error = self.error or f"the port-forward broke: {error}"
        finally:
            self._far.close()
            self._channel.shutdown()

    def _step(self) -> bool:
        readable, _unused, _unused = select.select([self._channel.sock, self._far], [], [])
        if self._far in readable:
            data = self._far.recv(PIECE)
            if not data:
                return False
            self._channel.sock.settimeout(SECONDS)
            self._channel.send_binary(bytes([DATA]) + data)
        return self._receive()

    def _receive(self) -> bool:
        """Take what the websocket holds, without blocking: TLS may have data of its own and no message yet."""
        self._channel.sock.setblocking(False)
        while True:
            try:
                code, message = self._channel.recv_data()
            except (ssl.SSLWantReadError, BlockingIOError):
                return True
            if code == websocket.ABNF.OPCODE_CLOSE:
                return False
            if code == websocket.ABNF.OPCODE_BINARY and message and not self._deliver(message):
                return False

    def _deliver(self, message: bytes) -> bool:
        channel, content = message[0], message[1:]
        if channel not in self._named:
            self._named.add(channel)
            content = content[2:]
        if not content:
            return True
        if channel == ERROR:
            self.error = reason(content.decode(errors="replace"))
            return False
        self._far.sendall(content)
        return True


def open_forward(connection: Connection, namespace: str, pod: str, port: int) -> Forward:
    """Dial a port of a pod.

    Raises:
        ApiError: The server refuses: no such pod (404), not permitted (403: `create` on `pods/portforward`).
        Unreachable: The server does not answer.
    """
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/portforward?ports={port}"
    what = f"Port-forward to {namespace}/{pod}, port {port}"
    channel = open_channel(connection, path, PROTOCOL, what)
    return Forward(channel)


@contextmanager
def forward(connection: Connection, namespace: str, pod: str, port: int) -> Iterator[socket.socket]:
    """A socket to a port of a pod; see open_forward."""
    opened = open_forward(connection, namespace, pod, port)
    try:
        yield opened.socket
    except OSError as error:
        if opened.error:
            raise Unreachable(
                f"Port-forward to {namespace}/{pod}, port {port}: {opened.error}."
            ) from error
        raise
    finally:
        opened.close()


def reason(text: str) -> str:
    """The kubelet's complaint in short; it wraps the cause in ids of sandboxes and network namespaces."""
    if "connection refused" in text:
        return "nothing listens on that port of the pod"
    return " ".join(text.split())[:300]
