# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The watch goes on where it was, lists again where it has to, and tells what it never heard of."""

from __future__ import annotations

import json
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from lab.ledger import Target
from lab.watch import Watch

PATIENCE = 5.0


class Server:
    """An API server with the objects 1 to 9, each at the version of its number; a watch ends after two events.

    :ivar hidden: It says nothing of this one.
    :ivar oldest: A watch from before this version is answered with GONE.
    :ivar asked: The versions that watches began at.
    """

    def __init__(self) -> None:
        self.hidden = 0
        self.oldest = 0
        self.as_event = False
        self.listed = 2
        self.asked: list[int] = []

    def list(self) -> dict[str, Any]:
        items = [item(number) for number in range(1, self.listed + 1)]
        return {"items": items, "metadata": {"resourceVersion": str(self.listed)}}

    def watch(self, version: int) -> tuple[int, list[dict[str, Any]]]:
        self.asked.append(version)
        if version < self.oldest:
            self.listed = self.oldest
            gone = {"type": "ERROR", "object": {"kind": "Status", "code": 410}}
            return (200, [gone]) if self.as_event else (410, [])
        numbers = [number for number in range(version + 1, 10) if number != self.hidden][:2]
        return 200, [{"type": "ADDED", "object": item(number)} for number in numbers]


def item(number: int) -> dict[str, Any]:
    return {"metadata": {"resourceVersion": str(number)}, "data": {"number": str(number)}}


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def watching(server: Server) -> Iterator[Callable[[], Watch]]:
    """Starts a watch of it; it ends with the test."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
            if "watch" not in query:
                return self._answer(200, [server.list()])
            return self._answer(*server.watch(int(query["resourceVersion"][0])))

        def _answer(self, status: int, documents: list[dict[str, Any]]) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write("".join(f"{json.dumps(it)}\n" for it in documents).encode())

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    watch = Watch(Target("127.0.0.1", listener.server_address[1], None, {}), "default", "run")
    follower = threading.Thread(target=watch.follow)

    def started() -> Watch:
        follower.start()
        return watch

    yield started
    watch.stop()
    follower.join()
    listener.shutdown()


def test_it_goes_on_from_the_last_version_that_it_saw(
    server: Server, watching: Callable[[], Watch]
) -> None:
    watch = watching()
    assert watch.missed(range(1, 10), PATIENCE) == set()
    assert server.asked[:4] == [2, 4, 6, 8]
    assert watch.listed == 0


@pytest.mark.parametrize("as_event", [False, True])
def test_where_the_version_is_gone_it_lists_again(
    server: Server, watching: Callable[[], Watch], as_event: bool
) -> None:
    server.oldest, server.as_event = 5, as_event
    watch = watching()
    assert watch.missed(range(1, 10), PATIENCE) == set()
    assert watch.listed == 1


def test_what_it_never_heard_of_is_told(server: Server, watching: Callable[[], Watch]) -> None:
    server.hidden = 6
    watch = watching()
    assert watch.missed([5, 7], PATIENCE) == set()
    assert watch.missed([5, 6, 7], 0.2) == {6}
