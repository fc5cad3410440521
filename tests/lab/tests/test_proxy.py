# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proxy: real TLS through it, and each of its modes."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from lab.command import LabError
from lab.counter import Head, kind_of
from lab.pki import Authority
from lab.proxy import Mode, Proxy, set_mode

LOOPBACK = "127.0.0.1"


class Hello(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[tuple[str, str, bytes]]] = []  # user, groups, body of each request

    def do_GET(self) -> None:
        self._note()
        if "watch" in self.path:
            self._stream()
            return
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    do_POST = do_GET

    def _note(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        groups = ",".join(self.headers.get_all("Impersonate-Group", []))
        self.seen.append((self.headers.get("Impersonate-User", ""), groups, body))

    def _stream(self) -> None:
        """Two chunks, as a watch sends its events."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in (b"one\n", b"two\n", b""):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))

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
        files = (pair.certificate, pair.key)
        self.proxy = Proxy((LOOPBACK, 0), upstream, files, authority.certificate, files)
        self.tls = ssl.create_default_context(cafile=str(authority.certificate))
        user = authority.issue("user", "anna", groups=["team", "night"])
        self.user_tls = ssl.create_default_context(cafile=str(authority.certificate))
        self.user_tls.load_cert_chain(user.certificate, user.key)
        self.loop = asyncio.new_event_loop()
        self.ready = asyncio.Event()
        self.serving = self.loop.create_task(self.proxy.serve(self.control, self.ready))
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        asyncio.run_coroutine_threadsafe(self.ready.wait(), self.loop).result(10)

    def _run(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            self.loop.run_until_complete(self.serving)

    def connect(
        self, timeout: float = 5, tls: ssl.SSLContext | None = None
    ) -> http.client.HTTPSConnection:
        host, port = self.proxy.listen
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=tls or self.tls)

    def counts(self) -> dict[str, dict[str, int]]:
        counts: dict[str, dict[str, int]] = json.loads(set_mode(self.control, ["counts"]))
        return counts

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
    connection: http.client.HTTPConnection, method: str = "GET", body: str = "", path: str = ""
) -> tuple[int, bytes]:
    connection.request(method, path or "/version", body)
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


SECRETS = "/api/v1/namespaces/one/secrets"


def test_count_tells_requests_and_bytes_by_kind_and_whose_they_are(running: Running) -> None:
    assert set_mode(running.control, ["count"]) == "count"
    Hello.seen.clear()
    connection = running.connect(tls=running.user_tls)
    assert ask(connection, path=SECRETS) == (200, b"hello")
    assert ask(connection, path=f"{SECRETS}?limit=1&continue=x") == (200, b"hello")
    assert ask(connection, "POST", "x" * 100_000, path=SECRETS) == (200, b"hello")
    assert ask(connection, path="/api/v1/pods?watch=1") == (200, b"one\ntwo\n")
    counts = running.counts()
    expected = {"list secrets": 1, "page secrets": 1, "create secrets": 1, "watch pods": 1}
    assert counts["requests"] == expected
    assert counts["namespaces"] == {"one": 3}
    head = 100  # the test server's, at least
    assert head < counts["bytes"]["list secrets"] == counts["bytes"]["create secrets"] < 3 * head
    assert {(user, groups) for user, groups, _ in Hello.seen} == {("anna", "team,night")}
    assert Hello.seen[2][2] == b"x" * 100_000

    ask(running.connect())
    assert Hello.seen[-1][:2] == ("", ""), "who shows no certificate is nobody"
    set_mode(running.control, ["ok"])
    assert running.counts()["requests"] == {**expected, "get /version": 1}
    set_mode(running.control, ["count"])
    assert running.counts()["requests"] == {}, "each counting begins at zero"


@pytest.mark.parametrize(
    ("line", "kind", "namespace"),
    [
        ("GET /version", "get /version", ""),
        ("GET /api/v1/secrets?limit=500", "list secrets", ""),
        ("GET /api/v1/secrets?limit=500&continue=x", "page secrets", ""),
        ("GET /api/v1/namespaces", "list namespaces", ""),
        ("GET /api/v1/namespaces/a", "get namespaces", ""),
        ("GET /api/v1/namespaces/a/secrets/s", "get secrets", "a"),
        ("GET /apis/apps/v1/namespaces/a/statefulsets", "list statefulsets", "a"),
        ("GET /apis/apps/v1/statefulsets?watch=1", "watch statefulsets", ""),
        (
            "PATCH /apis/apps/v1/namespaces/a/statefulsets/s/status",
            "patch statefulsets/status",
            "a",
        ),
        ("POST /api/v1/namespaces/a/pods/p/portforward", "create pods/portforward", "a"),
        ("DELETE /api/v1/namespaces/a/secrets/s", "delete secrets", "a"),
    ],
)
def test_what_a_request_asks_for(line: str, kind: str, namespace: str) -> None:
    words = (*line.split(" "), "HTTP/1.1")
    assert kind_of(Head(b"", words, {})) == (kind, namespace)


def test_lists_of_metadata_are_a_kind_of_their_own() -> None:
    accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    head = Head(b"", ("GET", "/api/v1/secrets", "HTTP/1.1"), {"accept": accept})
    assert kind_of(head) == ("list secrets metadata", "")


@pytest.mark.parametrize("words", ["", "slow", "slow x", "error 200", "error", "ok 3", "off"])
def test_other_modes_are_refused(words: str) -> None:
    with pytest.raises(LabError, match="must be ok, cut, hold, count, slow"):
        Mode.parse(words.split())


def test_a_wrong_mode_changes_nothing(running: Running) -> None:
    with pytest.raises(LabError, match="proxy mode 'of'"):
        set_mode(running.control, ["of"])
    assert set_mode(running.control, ["show"]) == "ok"


def test_connections_are_sent_elsewhere_when_told(running: Running) -> None:
    connection = running.connect()
    ask(connection)
    home = running.proxy.upstream
    with socket.socket() as nobody:
        nobody.bind((LOOPBACK, 0))  # and does not listen
        set_mode(running.control, ["upstream", f"{LOOPBACK}:{nobody.getsockname()[1]}"])
        with pytest.raises((OSError, http.client.HTTPException)):
            ask(connection)
        with pytest.raises(OSError):
            ask(running.connect())
    set_mode(running.control, ["upstream", f"{home[0]}:{home[1]}"])
    assert ask(running.connect()) == (200, b"hello")
    with pytest.raises(LabError, match="must be upstream HOST:PORT"):
        set_mode(running.control, ["upstream", "somewhere"])


def test_a_proxy_that_does_not_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="does not answer"):
        set_mode(tmp_path / "none", ["ok"])
