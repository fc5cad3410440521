# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the DNS question and answer."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import dns
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError

NAME = "kubernetes.default.svc.cluster.local"
QUESTION = dns.query(7, NAME)[12:]


def answer(number: int, records: bytes = b"", count: int = 0, flags: int = 0x8180) -> bytes:
    return struct.pack("!6H", number, flags, 1, count, 0, 0) + QUESTION + records


def record(kind: int, data: bytes, name: bytes = b"\xc0\x0c") -> bytes:
    return name + struct.pack("!2HIH", kind, 1, 5, len(data)) + data


def test_query_is_what_the_standard_says() -> None:
    message = dns.query(0x1234, "a.bc.")
    assert message == bytes.fromhex("1234 0100 0001 0000 0000 0000 01 61 02 6263 00 0001 0001")


def test_addresses_follow_aliases_and_long_names() -> None:
    alias = record(5, b"\x01a\x00")
    first = record(1, bytes([10, 96, 0, 1]))
    second = record(1, bytes([10, 96, 0, 2]), b"\x01a\x02bc\x00")
    six = record(28, bytes(16))
    found = dns.addresses(answer(7, alias + first + six + second, 4), 7)
    assert found == ("10.96.0.1", "10.96.0.2")


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (answer(8), "another question"),
        (answer(7, flags=0x0100), "another question"),
        (answer(7, flags=0x8183), "no such name"),
        (answer(7, flags=0x8182), "server failure"),
        (b"\0" * 5, "too short"),
        (answer(7, b"\xc0", 1), "damaged"),
        (answer(7, b"", 1), "damaged"),
    ],
)
def test_bad_answers(message: bytes, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        dns.addresses(message, 7)


class Api:
    """Lists the pods it has; its forward ends at a DNS server in a thread."""

    def __init__(self, phase: str = "Running", code: int = 0) -> None:
        self.phase = phase
        self.code = code
        self.asked: list[Any] = []

    def list(self, path: str, params: dict[str, str]) -> Iterator[dict[str, Any]]:
        self.asked.append((path, params["labelSelector"]))
        yield {
            "metadata": {"name": "going", "deletionTimestamp": "x"},
            "status": {"phase": "Running"},
        }
        yield {"metadata": {"name": "coredns-1"}, "status": {"phase": self.phase}}

    @contextmanager
    def forward(self, namespace: str, pod: str, port: int) -> Iterator[socket.socket]:
        self.asked.append((namespace, pod, port))
        near, far = socket.socketpair()
        thread = threading.Thread(target=self._serve, args=(far,))
        thread.start()
        yield near
        near.close()
        thread.join()

    def _serve(self, far: socket.socket) -> None:
        length = struct.unpack("!H", far.recv(2))[0]
        number = struct.unpack("!H", far.recv(length)[:2])[0]
        reply = answer(number, record(1, bytes([10, 0, 0, 9])), 1, 0x8180 | self.code)
        message = struct.pack("!H", len(reply)) + reply
        far.sendall(message[:5])  # an answer may come in pieces
        far.sendall(message[5:])
        far.close()


def test_resolve_asks_a_running_pod() -> None:
    api: Any = Api()
    assert dns.resolve(api, "x", "a", NAME) == ("10.0.0.9",)
    assert api.asked == [
        (
            "/api/v1/namespaces/x/pods",
            "k8s-app=vcluster-kube-dns,vcluster.loft.sh/managed-by=a",
        ),
        ("x", "coredns-1", 1053),
    ]


def test_errors_name_the_pod_and_the_question() -> None:
    api: Any = Api(code=3)
    with pytest.raises(
        FleetError, match=f"CoreDNS pod x/coredns-1 gave no answer for {NAME}: no such"
    ):
        dns.resolve(api, "x", "a", NAME)


def test_a_forward_that_ends_is_said_in_words() -> None:
    class Ended(Api):
        @contextmanager
        def forward(self, namespace: str, pod: str, port: int) -> Iterator[socket.socket]:
            near, far = socket.socketpair()
            far.close()
            with near:
                yield near

    api: Any = Ended()
    with pytest.raises(FleetError, match=r"gave no answer for .*: the connection was closed"):
        dns.resolve(api, "x", "a", NAME)


def test_no_pod_that_runs() -> None:
    api: Any = Api(phase="Pending")
    with pytest.raises(FleetError, match=r"No CoreDNS pod of vCluster x/a runs \(2 found\)"):
        dns.resolve(api, "x", "a", NAME)
