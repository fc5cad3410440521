# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask a tenant's CoreDNS, over a port-forward: DNS on TCP (RFC 1035), A records."""

from __future__ import annotations

import secrets
import socket
import struct

from .._core.errors import FleetError
from .._core.ports import Api

PORT = 1053  # where the tenant's CoreDNS listens (its Service maps 53 to it)
SECONDS = 5.0
_A, _IN = 1, 1
_RECURSE = 0x0100
_CODES = {1: "format error", 2: "server failure", 3: "no such name", 5: "refused"}


def resolve(api: Api, namespace: str, name: str, asked: str) -> tuple[str, ...]:
    """Addresses that the CoreDNS of vCluster `name` gives for `asked`; empty for a name without any.

    Raises:
        FleetError: There is no CoreDNS pod that runs, or it answers with an error.
    """
    pod = _pod(api, namespace, name)
    with api.forward(namespace, pod, PORT) as connection:
        connection.settimeout(SECONDS)
        try:
            return exchange(connection, asked)
        except (OSError, ValueError) as error:
            closed = isinstance(error, ConnectionError)  # in the words of the system: a broken pipe
            why = "the connection was closed" if closed else error
            raise FleetError(
                f"CoreDNS pod {namespace}/{pod} gave no answer for {asked}: {why}."
            ) from error


def exchange(connection: socket.socket, asked: str) -> tuple[str, ...]:
    """One question and its answer.

    Raises:
        ValueError: The answer is an error or no answer to this question.
    """
    number = secrets.randbelow(1 << 16)
    message = query(number, asked)
    connection.sendall(struct.pack("!H", len(message)) + message)
    (length,) = struct.unpack("!H", _exactly(connection, 2))
    return addresses(_exactly(connection, length), number)


def query(number: int, name: str) -> bytes:
    """A question for the A records of a name."""
    labels = [label.encode("ascii") for label in name.strip(".").split(".")]
    encoded = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return struct.pack("!6H", number, _RECURSE, 1, 0, 0, 0) + encoded + struct.pack("!2H", _A, _IN)


def addresses(answer: bytes, number: int) -> tuple[str, ...]:
    """The A records of an answer."""
    if len(answer) < 12:
        raise ValueError("the answer is too short")
    found, flags, questions, records, _unused, _unused = struct.unpack("!6H", answer[:12])
    if found != number or not flags & 0x8000:
        raise ValueError("the answer belongs to another question")
    if flags & 0xF:
        raise ValueError(_CODES.get(flags & 0xF, f"error {flags & 0xF}"))
    try:
        return tuple(_records(answer, questions, records))
    except (IndexError, struct.error) as error:
        raise ValueError("the answer is damaged") from error


def _records(answer: bytes, questions: int, records: int) -> list[str]:
    place = 12
    for _question in range(questions):
        place = _after_name(answer, place) + 4
    found = []
    for _record in range(records):
        place = _after_name(answer, place)
        kind, group, _ttl, length = struct.unpack("!2HIH", answer[place : place + 10])
        place += 10
        if (kind, group, length) == (_A, _IN, 4):
            found.append(socket.inet_ntoa(answer[place : place + 4]))
        place += length
    return found


def _after_name(answer: bytes, place: int) -> int:
    while length := answer[place]:
        if length & 0xC0:  # a pointer ends a name
            return place + 2
        place += length + 1
    return place + 1


def _exactly(connection: socket.socket, count: int) -> bytes:
    content = b""
    while len(content) < count:
        piece = connection.recv(count - len(content))
        if not piece:
            raise ValueError("the connection was closed")
        content += piece
    return content


def _pod(api: Api, namespace: str, name: str) -> str:
    selector = f"k8s-app=vcluster-kube-dns,vcluster.loft.sh/managed-by={name}"
    path = f"/api/v1/namespaces/{namespace}/pods"
    pods = list(api.list(path, {"labelSelector": selector}))
    for pod in pods:
        if (
            pod.get("status", {}).get("phase") == "Running"
            and "deletionTimestamp" not in pod["metadata"]
        ):
            return str(pod["metadata"]["name"])
    raise FleetError(
        f"No CoreDNS pod of vCluster {namespace}/{name} runs ({len(pods)} found).",
        f"Look at the pods of namespace {namespace} with label k8s-app=vcluster-kube-dns.",
    )
