# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A way to a server on loopback that ends in the middle."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress

CHUNK = 1 << 14
TO_SERVER, TO_CLIENT = "to the server", "to the client"


class Cutter:
    """Passes connections on until `after` bytes have gone in one direction; ends that connection then.

    Args:
        port: Of the server.
        direction: TO_SERVER or TO_CLIENT.
        after: Bytes, of all connections together.
        for_good: Whether nobody is let in from then on.
        reset: Whether it ends with a reset, or as if all had been said.

    Attributes:
        cuts: How often.
    """

    def __init__(
        self, port: int, direction: str, after: int, *, for_good: bool, reset: bool = True
    ) -> None:
        self._upstream, self._direction, self._left = port, direction, after
        self._for_good, self._reset = for_good, reset
        self.cuts = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _address = self._listener.accept()
                if self.cuts and self._for_good:
                    _reset(client)
                    continue
                server = socket.create_connection(("127.0.0.1", self._upstream))
                for source, sink, direction in (
                    (client, server, TO_SERVER),
                    (server, client, TO_CLIENT),
                ):
                    threading.Thread(
                        target=self._pass_on, args=(source, sink, direction), daemon=True
                    ).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, direction: str) -> None:
        with suppress(OSError):
            while data := source.recv(CHUNK):
                if direction == self._direction and not self.cuts:
                    self._left -= len(data)
                    if self._left < 0:
                        self.cuts += 1
                        return self._end(source, sink)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        return None

    def _end(self, *ends: socket.socket) -> None:
        for connection in ends:
            if self._reset:
                _reset(connection)
            else:
                connection.shutdown(socket.SHUT_RDWR)


def _reset(connection: socket.socket) -> None:
    """Close it so that the other end sees an error, not an end."""
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RD)  # wakes the thread that reads from it
    connection.close()
