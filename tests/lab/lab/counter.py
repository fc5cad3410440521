# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pass HTTP requests on to an API server, and count them by what they ask for.

Bytes are those of the answers, heads included, as they travel: a compressed answer counts as it is.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

CHUNK = 64 * 1024
VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_RESOURCE = re.compile(
    r"/(?:api/[^/]+|apis/[^/]+/[^/]+)"
    r"(?:/namespaces/(?P<namespace>[^/]+)(?=/.))?"
    r"/(?P<resource>[^/]+)(?:/(?P<name>[^/]+))?(?:/(?P<below>[^/]+))?"
)


@dataclass
class Counts:
    """What was asked since the counting began.

    :ivar requests: by kind, such as `list secrets metadata`; a further page of a list is a `page`
    :ivar answered: bytes of the answers, by kind
    :ivar namespaces: requests for things in one namespace, by its name
    """

    requests: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    namespaces: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, dict[str, int]]:
        return {
            "requests": dict(self.requests),
            "bytes": dict(self.answered),
            "namespaces": dict(self.namespaces),
        }


@dataclass(frozen=True)
class Head:
    """The first line and the headers of a request or an answer; `raw` is all of it."""

    raw: bytes
    words: tuple[str, ...]
    headers: Mapping[str, str]

    @classmethod
    async def read(cls, reader: asyncio.StreamReader) -> Head | None:
        """The next one; None when the peer has ended the connection."""
        try:
            raw = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        first, *lines = raw.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines if line)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        return cls(raw, tuple(first.split(" ", 2)), headers)

    def with_headers(self, more: Sequence[tuple[str, str]]) -> bytes:
        added = "".join(f"{name}: {value}\r\n" for name, value in more)
        return self.raw[:-2] + added.encode() + b"\r\n"


def kind_of(head: Head) -> tuple[str, str]:
    """What a request asks for, and in which namespace ("" for none)."""
    method, target = head.words[0], urlsplit(head.words[1])
    match = _RESOURCE.fullmatch(target.path)
    if not match:
        return f"{method.lower()} {target.path}", ""
    query = parse_qs(target.query)
    resource = "/".join(filter(None, (match["resource"], match["below"])))
    verb = VERBS.get(method, "get" if match["name"] else "list")
    if verb == "list" and query.get("watch", ["0"])[0] in ("1", "true"):
        verb = "watch"
    elif verb == "list" and "continue" in query:
        verb = "page"
    metadata = "PartialObjectMetadata" in head.headers.get("accept", "")
    return f"{verb} {resource}{' metadata' if metadata else ''}", match["namespace"] or ""


async def relay(
    client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    more: Sequence[tuple[str, str]],
    counts: Counts,
) -> None:
    """Carry requests and answers of one connection, one after the other, until either side ends it.

    :param more: Headers that every request gets.
    """
    while request := await Head.read(client[0]):
        kind, namespace = kind_of(request)
        counts.requests[kind] += 1
        if namespace:
            counts.namespaces[namespace] += 1

        def note(size: int, kind: str = kind) -> None:
            counts.answered[kind] += size

        server[1].write(request.with_headers(more))
        await _body(request, client[0], server[1], lambda _size: None)
        answer = await _answer(server[0], client[1], note)
        if answer is None:
            return
        status = int(answer.words[1])
        if status == 101:  # a port-forward: from here on it is not HTTP
            await asyncio.gather(_rest(client[0], server[1]), _rest(server[0], client[1], note))
            return
        if request.words[0] == "HEAD" or status in (204, 304):
            await client[1].drain()
        elif not await _body(answer, server[0], client[1], note):
            await _rest(server[0], client[1], note)
            return


async def _answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, note: Callable[[int], None]
) -> Head | None:
    """Carry the head of an answer, and those of the interim answers before it; the last one."""
    while answer := await Head.read(reader):
        note(len(answer.raw))
        writer.write(answer.raw)
        if answer.words[1] == "101" or not answer.words[1].startswith("1"):
            return answer
    return None


async def _body(
    head: Head,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    note: Callable[[int], None],
) -> bool:
    """Carry the body that a head announces; False when it announces none."""
    if "chunked" in head.headers.get("transfer-encoding", ""):
        size = -1
        while size:
            line = await reader.readuntil(b"\r\n")
            size = int(line.split(b";")[0], 16)
            writer.write(line)
            note(len(line))
            await _exactly(size + 2, reader, writer, note)
        return True
    if "content-length" in head.headers:
        await _exactly(int(head.headers["content-length"]), reader, writer, note)
        return True
    await writer.drain()
    return False


async def _exactly(
    size: int,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    note: Callable[[int], None],
) -> None:
    while size:
        data = await reader.read(min(size, CHUNK))
        if not data:
            raise ConnectionResetError("ended within a body")
        size -= len(data)
        note(len(data))
        writer.write(data)
        await writer.drain()


async def _rest(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    note: Callable[[int], None] = lambda _size: None,
) -> None:
    while data := await reader.read(CHUNK):
        note(len(data))
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
