# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A command in a container, over a websocket to the host's API server.

Protocol `v4.channel.k8s.io` of the pod's exec sub-resource: binary messages, the first byte is the channel. It cannot
tell a command that its input has ended.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from .._core.errors import FleetError, Unreachable
from .channels import open_channel
from .kubeconfig import Connection
from .libraries import websocket

PROTOCOL = "v4.channel.k8s.io"
INPUT, OUTPUT, COMPLAINTS, STATUS = range(4)
SILENCE = 60.0  # seconds that a command may take to say, or to take, something
LONGEST = 2000  # bytes of its complaints that are kept


class Process:
    """See the port of that name.

    Args:
        channel: An open websocket.
        what: What messages call it.
    """

    def __init__(self, channel: Any, what: str) -> None:
        self._channel = channel
        self._what = what
        self._complaints = b""
        self._status: dict[str, Any] | None = None

    def write(self, data: bytes) -> None:
        """See Process."""
        try:
            self._heed()
            self._channel.sock.settimeout(SILENCE)
            self._channel.send_binary(bytes([INPUT]) + data)
        except (OSError, websocket.WebSocketException) as error:
            raise self._broken(error) from error

    def output(self) -> Iterator[bytes]:
        """See Process. What a status says counts when the connection is at its end: its channels have no order."""
        self._channel.sock.settimeout(SILENCE)
        try:
            while (message := self._receive()) is not None:
                if message:
                    yield message
        except (OSError, websocket.WebSocketException) as error:
            if self._status is None:
                raise self._broken(error) from error
        if (self._status or {}).get("status") != "Success":
            raise self._failed()

    def _heed(self) -> None:
        """Raise when the command ended already; what it says meanwhile is none of its output."""
        self._channel.sock.setblocking(False)
        try:
            while self._receive() is not None:
                pass
        except (ssl.SSLWantReadError, BlockingIOError):
            if self._status is None:
                return
        raise self._failed()

    def _receive(self) -> bytes | None:
        """What came on the channel of the output, empty for others; None at the end."""
        code, message = self._channel.recv_data()
        if code == websocket.ABNF.OPCODE_CLOSE:
            return None
        if code != websocket.ABNF.OPCODE_BINARY or len(message) < 2:
            return b""
        channel, content = message[0], bytes(message[1:])
        if channel == OUTPUT:
            return content
        if channel == COMPLAINTS:
            self._complaints = (self._complaints + content)[-LONGEST:]
        elif channel == STATUS:
            self._status = json.loads(content)
        return b""

    def _failed(self) -> FleetError:
        if self._status is None:
            return self._broken("it ended early")
        said = self._complaints.decode(errors="replace") or self._status.get("message", "")
        return FleetError(f"{self._what} failed: {' '.join(said.split()) or 'no reason given'}.")

    def _broken(self, why: object) -> Unreachable:
        return Unreachable(f"{self._what}: the connection broke: {why}.", "Run again.")


@contextmanager
def executed(
    connection: Connection, namespace: str, pod: str, command: Sequence[str]
) -> Iterator[Process]:
    """A command in the only container of a pod; it loses its connection with the context.

    Raises:
        ApiError: The server refuses: no such pod (404), not permitted (403: `create` on `pods/exec`).
        Unreachable: The server does not answer.
    """
    flags = [(name, "true") for name in ("stdin", "stdout", "stderr")]
    query = urlencode([*flags, *(("command", part) for part in command)])
    what = f"A command in pod {namespace}/{pod}"
    channel = open_channel(
        connection, f"/api/v1/namespaces/{namespace}/pods/{pod}/exec?{query}", PROTOCOL, what
    )
    try:
        yield Process(channel, what)
    finally:
        channel.shutdown()
