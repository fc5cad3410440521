# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of commands in containers, against a websocket server that speaks as the kubelet does."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator, Sequence
from typing import IO

import pytest
from websocket_server import WebSocketServer, frame, unmask

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import process
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.kubeconfig import (
    Connection,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.process import executed
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    ApiError,
    FleetError,
    Unreachable,
)

SUCCESS = b"\3" + json.dumps({"status": "Success"}).encode()
FAILURE = b"\3" + json.dumps({"status": "Failure", "message": "exit code 1"}).encode()
CLOSE = b"\x88\x00"


class Shell(WebSocketServer):
    """Says what it is told to, after it was given some input.

    Attributes:
        says: Messages, each with its channel.
        waits: Messages of input that it takes before.
        closes: It ends the connection as the protocol wants it.
        given: The input.
    """

    says: Sequence[bytes] = ()
    waits = 0
    closes = True

    def __init__(self) -> None:
        self.given: list[bytes] = []
        super().__init__()

    def talk(self, connection: socket.socket, stream: IO[bytes]) -> None:
        for channel in b"\1\2\3":  # a kubelet begins with these
            connection.sendall(frame(bytes([channel])))
        for _message in range(self.waits):
            self.given.append(unmask(stream))
        connection.sendall(b"".join(map(frame, self.says)) + (CLOSE if self.closes else b""))
        if self.closes:
            unmask(stream)


@pytest.fixture
def shell() -> Iterator[Shell]:
    server = Shell()
    yield server
    server.close()


def connection(shell: Shell) -> Connection:
    return Connection(shell.url, None, None, None, lambda: "Bearer abc", "")


def said(shell: Shell) -> bytes:
    with executed(connection(shell), "x", "a", ["cat", "a b"]) as command:
        return b"".join(command.output())


def test_the_output_is_what_came_on_its_channel(shell: Shell) -> None:
    shell.says = (b"\1one ", b"\2careful", b"\1two", SUCCESS)
    assert said(shell) == b"one two"
    line, *headers = shell.head.splitlines()
    assert line == (
        b"GET /api/v1/namespaces/x/pods/a/exec?stdin=true&stdout=true&stderr=true"
        b"&command=cat&command=a+b HTTP/1.1"
    )
    assert b"Authorization: Bearer abc" in headers


def test_output_after_the_status_is_output(shell: Shell) -> None:
    shell.says = (b"\1one ", SUCCESS, b"\1two")
    assert said(shell) == b"one two"


def test_a_connection_that_is_cut_after_the_status_lost_nothing_but_its_end(shell: Shell) -> None:
    shell.says, shell.closes = (b"\1one", SUCCESS), False
    assert said(shell) == b"one"


def test_a_command_that_fails_says_why(shell: Shell) -> None:
    shell.says = (b"\1half", b"\2cat: no such\n", b"\2 file\n", FAILURE)
    with pytest.raises(FleetError, match=r"pod x/a failed: cat: no such file\."):
        said(shell)


def test_one_that_says_nothing_fails_with_the_status(shell: Shell) -> None:
    shell.says = (FAILURE,)
    with pytest.raises(FleetError, match=r"pod x/a failed: exit code 1\."):
        said(shell)


@pytest.mark.parametrize("closes", [True, False])
def test_output_that_breaks_off_is_never_whole(shell: Shell, closes: bool) -> None:
    shell.says, shell.closes = (b"\1half",), closes
    with pytest.raises(Unreachable, match="pod x/a: the connection broke"):
        said(shell)


def test_silence_has_an_end(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "SILENCE", 0.2)
    shell.waits = 1
    with pytest.raises(Unreachable, match="timed out"):
        said(shell)


def test_input_arrives_as_it_was_given(shell: Shell) -> None:
    shell.waits, shell.says = 2, (SUCCESS,)
    with executed(connection(shell), "x", "a", ["cat"]) as command:
        command.write(b"one")
        command.write(b"z" * 300)
        assert list(command.output()) == []
    assert shell.given == [b"\0one", b"\0" + b"z" * 300]


def test_a_command_that_ended_takes_nothing_more_and_says_why(shell: Shell) -> None:
    shell.waits, shell.says = 1, (b"\2cat: write error: No space left on device", FAILURE)
    with (
        executed(connection(shell), "x", "a", ["cat"]) as command,
        pytest.raises(FleetError, match="No space left on device"),
    ):
        for _piece in range(100):
            command.write(b"x")
            time.sleep(0.05)


def test_a_refusal_is_an_api_error(shell: Shell) -> None:
    shell.refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
    with pytest.raises(ApiError, match="A command in pod x/a was refused: 403") as caught:
        said(shell)
    assert caught.value.status == 403
