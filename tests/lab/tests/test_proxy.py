# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fault proxy: real TLS through it, and each of its modes."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lab.command import LabError
from lab.pki import Authority
from lab.proxy import Mode, Proxy, set_mode

LOOPBACK = "127.0.0.1"


class Hello(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


class Running:
    """A proxy in a thread before a TLS server, and a way to ask through it."""

    def __init__(self, directory: Path) -> None:
        authority = Authority.create(directory, "test-ca")
        pair = authority.issue("server", "server", hosts=[LOOPBACK])
        self.server = ThreadingHTTPServer((LOOPBACK, 0), Hello)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(pair.certificate, pair.key)
        self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.control = directory / "control"
        upstream = (LOOPBACK, self.server.server_address[1])
        self.proxy = Proxy((LOOPBACK, 0), upstream, pair.certificate, pair.key)
        self.tls = ssl.create_default_context(cafile=str(authority.certificate))
        self.loop = asyncio.new_event_loop()
        self.ready = asyncio.Event()
        self.serving = self.loop.create_task(self.proxy.serve(self.control, self.ready))
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        asyncio.run_coroutine_threadsafe(self.ready.wait(), self.loop).result(10)

    def _run(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            self.loop.run_until_complete(self.serving)

    def connect(self, timeout: float = 5) -> http.client.HTTPSConnection:
        host, port = self.proxy.listen
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=self.tls)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.serving.cancel)
        self.thread.join(10)
        assert not self.thread.is_alive()
        self.server.shutdown()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    proxy = Running(tmp_path)
    yield proxy
    proxy.stop()


def ask(
    connection: http.client.HTTPConnection, method: str = "GET", body: str = ""
) -> tuple[int, bytes]:
    connection.request(method, "/version", body)
    answer = connection.getresponse()
    return answer.status, answer.read()


def test_passes_tls_through_and_delays_when_told(running: Running) -> None:
    connection = running.connect()
    began = time.monotonic()
    assert ask(connection) == (200, b"hello")
    quick = time.monotonic() - began
    assert set_mode(running.control, ["slow", "150"]) == "slow 150"
    began = time.monotonic()
    assert ask(running.connect()) == (200, b"hello")
    slow = time.monotonic() - began
    assert slow > 0.5 > quick  # handshake and request, both ways


def test_cut_ends_what_is_open_and_refuses_what_comes(running: Running) -> None:
    connection = running.connect()
    ask(connection)
    set_mode(running.control, ["cut"])
    with pytest.raises((OSError, http.client.HTTPException)):
        ask(connection)
    connection.auto_open = 0
    with pytest.raises(OSError):
        ask(running.connect())
    set_mode(running.control, ["ok"])
    assert ask(running.connect())[0] == 200


def test_hold_says_nothing(running: Running) -> None:
    set_mode(running.control, ["hold"])
    with pytest.raises(TimeoutError):
        ask(running.connect(timeout=0.5))


def test_error_answers_as_an_api_server_does(running: Running) -> None:
    open_before = running.connect()
    ask(open_before)
    assert set_mode(running.control, ["error", "429", "7"]) == "error 429 7"
    connection = running.connect()
    connection.request("POST", "/api/v1/namespaces", "x" * 100_000)
    answer = connection.getresponse()
    status = json.loads(answer.read())
    assert (answer.status, answer.getheader("Retry-After")) == (429, "7")
    assert (status["kind"], status["code"], status["reason"]) == ("Status", 429, "TooManyRequests")
    set_mode(running.control, ["error", "503"])
    assert ask(running.connect())[0] == 503


@pytest.mark.parametrize("words", ["", "slow", "slow x", "error 200", "error", "ok 3", "off"])
def test_other_modes_are_refused(words: str) -> None:
    with pytest.raises(LabError, match="must be ok, cut, hold, slow"):
        Mode.parse(words.split())


def test_a_wrong_mode_changes_nothing(running: Running) -> None:
    with pytest.raises(LabError, match="proxy mode 'of'"):
        set_mode(running.control, ["of"])
    assert set_mode(running.control, ["show"]) == "ok"


def test_a_proxy_that_does_not_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="does not answer"):
        set_mode(tmp_path / "none", ["ok"])
