# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy before an API server that can cut it off, slow it down or answer in its place.

It passes TLS through untouched, so clients verify the API server itself. To answer with an error
or to count requests it ends TLS with a certificate of the cluster's authority; `cut` and `hold`
need none. A change of mode ends the connections of the mode before, as clients keep theirs for
minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import socket
import ssl
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .command import LabError
from .counter import Counts, relay
from .paths import state

CHUNK = 64 * 1024
CONTROL_TIMEOUT = 5.0  # seconds for an answer of a running proxy
CONTROL = "proxy.sock"  # in the directory of the host cluster
Files = tuple[Path, Path]  # certificate and key, PEM
REASONS = {429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable"}


@dataclass(frozen=True)
class Mode:
    """What the proxy does with connections.

    :param kind: `ok` passes them through; `cut` closes them; `hold` accepts them and says nothing;
        `slow` delays what is sent, either way; `error` answers every request; `count` passes
        requests on and counts them from zero.
    :param number: Milliseconds of `slow`, status code of `error`.
    :param retry_after: Seconds that an `error` asks clients to wait; None for no such header.
    """

    kind: str = "ok"
    number: int = 0
    retry_after: int | None = None

    @classmethod
    def parse(cls, words: Sequence[str]) -> Mode:
        """Read `ok`, `cut`, `hold`, `count`, `slow MS` or `error CODE [SECONDS]`.

        :raises LabError: It is none of these.
        """
        match [words[0] if words else "", *map(_number, words[1:])]:
            case ["ok" | "cut" | "hold" | "count" as kind]:
                return cls(str(kind))
            case ["slow", int(milliseconds)]:
                return cls("slow", milliseconds)
            case ["error", int(code)] if 400 <= code < 600:
                return cls("error", code)
            case ["error", int(code), int(seconds)] if 400 <= code < 600:
                return cls("error", code, seconds)
        raise LabError(
            f"proxy mode {' '.join(words)!r}: must be ok, cut, hold, count, slow MILLISECONDS "
            "or error CODE [RETRY_AFTER_SECONDS] with a code from 400 to 599"
        )

    def __str__(self) -> str:
        numbers = [self.number] if self.kind in ("slow", "error") else []
        numbers += [] if self.retry_after is None else [self.retry_after]
        return " ".join([self.kind, *map(str, numbers)])

    def answer(self) -> bytes:
        """The whole HTTP answer of the mode `error`, with a Status as an API server sends it."""
        reason = REASONS.get(self.number, "Unknown")
        body = json.dumps(
            {
                "kind": "Status",
                "apiVersion": "v1",
                "metadata": {},
                "status": "Failure",
                "message": f"the lab's proxy answers {self.number}",
                "reason": reason,
                "code": self.number,
            }
        ).encode()
        lines = [
            f"HTTP/1.1 {self.number} {reason}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            "Connection: close",
        ]
        if self.retry_after is not None:
            lines.append(f"Retry-After: {self.retry_after}")
        return "\r\n".join([*lines, "", ""]).encode() + body


def _number(word: str) -> int | str:
    return int(word) if word.isascii() and word.isdigit() else word


@dataclass
class Proxy:
    """A proxy from one address to another; `mode` may change while it runs.

    :param listen: Host and port to listen on; port 0 takes a free one.
    :param upstream: Host and port of the API server.
    :param serving: Certificate and key for `listen`, for the modes that end TLS.
    :param authority: CA file of clients and API server.
    :param client: What requests are passed on with, in the name of the client that sent them.
    """

    listen: tuple[str, int]
    upstream: tuple[str, int]
    serving: Files
    authority: Path
    client: Files
    mode: Mode = field(default_factory=Mode)
    counts: Counts = field(default_factory=Counts)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, control: Path, ready: asyncio.Event | None = None) -> None:
        """Serve until cancelled; take changes of mode from the unix socket `control`."""
        control.unlink(missing_ok=True)
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(self.authority))
        tls.verify_mode = ssl.CERT_OPTIONAL
        tls.load_cert_chain(*self.serving)
        with tempfile.TemporaryDirectory(prefix="lab-proxy-") as private:
            answering = str(Path(private) / "answer.sock")
            async with contextlib.AsyncExitStack() as stack:
                for server in (
                    await asyncio.start_unix_server(self._answer, answering, ssl=tls),
                    await asyncio.start_unix_server(self._control, str(control)),
                ):
                    await stack.enter_async_context(server)
                front = await asyncio.start_server(
                    lambda reader, writer: self._accept(reader, writer, answering), *self.listen
                )
                await stack.enter_async_context(front)
                self.listen = front.sockets[0].getsockname()[:2]
                control.chmod(0o600)
                stack.callback(control.unlink, missing_ok=True)
                stack.callback(self._drop)  # a server waits for its connections to end
                if ready:
                    ready.set()
                await asyncio.Event().wait()

    def _drop(self) -> None:
        for writer in tuple(self._open):
            writer.transport.abort()

    async def _control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        words = (await reader.readline()).decode(errors="replace").split()
        try:
            if words == ["counts"]:
                writer.write(f"{json.dumps(self.counts.as_dict())}\n".encode())
            else:
                self._change(words)
                writer.write(f"{self.mode}\n".encode())
        except LabError as error:
            writer.write(f"! {error}\n".encode())
        writer.close()

    def _change(self, words: Sequence[str]) -> None:
        if words[:1] == ["upstream"]:
            try:
                self.upstream = _address(" ".join(words[1:]))
            except ValueError as error:
                raise LabError(f"proxy {' '.join(words)!r}: must be upstream HOST:PORT") from error
            self._drop()
        elif words != ["show"]:
            self.mode = Mode.parse(words)
            self._drop()
            if self.mode.kind == "count":
                self.counts = Counts()

    async def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answering: str
    ) -> None:
        self._open.add(writer)
        try:
            await self._connect(reader, writer, answering)
        except OSError:
            pass  # either side went away, which is what connections do
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _connect(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answering: str
    ) -> None:
        mode = self.mode
        if mode.kind == "cut":
            return
        if mode.kind == "hold":
            while await reader.read(CHUNK):
                pass
            return
        if mode.kind in ("error", "count"):
            there, back = await asyncio.open_unix_connection(answering)
        else:
            there, back = await asyncio.open_connection(*self.upstream)
        delay = mode.number / 1000 if mode.kind == "slow" else 0.0
        self._open.add(back)
        try:
            await asyncio.gather(_pump(reader, back, delay), _pump(there, writer, delay))
        finally:
            self._open.discard(back)
            back.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Where the proxy ends TLS: pass requests on and count them, or answer one with an error."""
        if self.mode.kind == "count":
            await self._count(reader, writer)
        else:
            await self._refuse(reader, writer)

    async def _count(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        certificate = writer.get_extra_info("peercert")
        tls = ssl.create_default_context(cafile=str(self.authority))
        if certificate:
            tls.load_cert_chain(*self.client)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            there, back = await asyncio.open_connection(*self.upstream, ssl=tls)
            self._open.add(back)
            try:
                names = impersonation(certificate)
                await relay((reader, writer), (there, back), names, self.counts)
            finally:
                self._open.discard(back)
                back.transport.abort()
                writer.transport.abort()

    async def _refuse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, whole, and close."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            for line in head.split("\r\n"):
                name, _, value = line.partition(":")
                if name == "content-length":
                    await reader.readexactly(int(value))
            mode = self.mode if self.mode.kind == "error" else Mode("error", 503)
            writer.write(mode.answer())
            await writer.drain()
            writer.close()
            await writer.wait_closed()


def impersonation(certificate: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Headers that let a request count as that of the client whose certificate it came with."""
    names = {"commonName": "Impersonate-User", "organizationName": "Impersonate-Group"}
    parts = [part for entry in (certificate or {}).get("subject", ()) for part in entry]
    return [(names[kind], value) for kind, value in parts if kind in names]


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float) -> None:
    while data := await reader.read(CHUNK):
        if delay:
            await asyncio.sleep(delay)
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


def set_mode(control: Path, words: Sequence[str]) -> str:
    """Change the mode of a running proxy, or ask with `show`; returns the mode it is in.

    :param control: Its unix socket.
    :param words: As for `Mode.parse`, or `show`; `counts` returns what was counted, as JSON; `upstream HOST:PORT`
        sends connections elsewhere from now on, and ends those that are open.
    :raises LabError: It does not run, or the mode is none.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(CONTROL_TIMEOUT)
            connection.connect(str(control))
            connection.sendall((" ".join(words) + "\n").encode())
            said = connection.makefile().readline().strip()
    except OSError as error:
        raise LabError(f"the proxy at {control} does not answer ({error}); `lab status`") from error
    if said.startswith("! "):
        raise LabError(said[2:])
    return said


def add_command(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `lab proxy` to the command line."""
    help_text = "cut off, slow down, answer for or count requests to a host cluster's API server"
    parser = subparsers.add_parser("proxy", help=help_text, description=help_text)
    parser.add_argument("cluster", help="for example hc1")
    parser.add_argument(
        "mode",
        nargs="*",
        default=["show"],
        help="ok, cut, hold, slow MS, error CODE [RETRY_AFTER], count; counts to see them; none to show",
    )
    parser.set_defaults(run=_command)


def _command(arguments: argparse.Namespace) -> int:
    print(set_mode(state() / arguments.cluster / CONTROL, arguments.mode))
    return 0


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def _files(text: str) -> Files:
    certificate, _, key = text.partition(":")
    return Path(certificate), Path(key)


async def _until_signalled(proxy: Proxy, control: Path) -> None:
    serving = asyncio.ensure_future(proxy.serve(control))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await serving


def main() -> None:
    parser = argparse.ArgumentParser(prog="lab.proxy", description=__doc__)
    parser.add_argument("--listen", type=_address, required=True, metavar="HOST:PORT")
    parser.add_argument("--upstream", type=_address, required=True, metavar="HOST:PORT")
    for who in ("serving", "client"):
        parser.add_argument(f"--{who}", type=_files, required=True, metavar="CERTIFICATE:KEY")
    parser.add_argument("--authority", type=Path, required=True, help="CA file")
    parser.add_argument("--control", type=Path, required=True, help="unix socket to make")
    given = parser.parse_args()
    proxy = Proxy(given.listen, given.upstream, given.serving, given.authority, given.client)
    asyncio.run(_until_signalled(proxy, given.control))


if __name__ == "__main__":
    main()
