# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""First process of a node's namespaces: sets them up, starts the units, keeps them running.

Started by `process.start`. It speaks JSON lines on its standard output until every unit is ready;
what happens later is in status.json. Its end, however it comes, ends everything in the node.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from .command import LabError, run
from .unit import NodeSpec, Unit

PROBE_PAUSE = 0.1
RESTART_PAUSE = 1.0


class UnitFailed(LabError):
    """A unit that could not be brought up."""

    def __init__(self, unit: str, message: str) -> None:
        super().__init__(message)
        self.unit = unit


class Supervisor:
    """Starts the units of one node as their dependencies become ready, and restarts what ends."""

    def __init__(self, spec: NodeSpec) -> None:
        self._spec = spec
        self._ready = {unit.name: asyncio.Event() for unit in spec.units}
        self._exits: dict[int, asyncio.Future[int]] = {}
        self._keepers: set[asyncio.Task[None]] = set()
        self._units = {unit.name: {"state": "waiting", "restarts": 0} for unit in spec.units}
        self._state = "starting"

    async def run(self) -> int:
        """Bring every unit up, then keep them; returns only when one could not be started."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self._reap)
        try:
            async with asyncio.TaskGroup() as group:
                for unit in self._spec.units:
                    group.create_task(self._bring_up(unit))
        except* UnitFailed as failures:
            self._state = "failed"
            self._write_status()
            first = failures.exceptions[0]
            assert isinstance(first, UnitFailed)
            say(event="failed", unit=first.unit, message=str(first))
        if self._state == "failed":
            return 1
        self._state = "ready"
        self._write_status()
        say(event="up")
        await asyncio.Event().wait()
        return 0

    async def _bring_up(self, unit: Unit) -> None:
        for name in unit.after:
            await self._ready[name].wait()
        began = time.monotonic()
        self._note(unit, state="starting")
        exited = self._spawn(unit) if unit.argv else asyncio.get_running_loop().create_future()
        wanted = exited if unit.once else asyncio.create_task(self._until_ready(unit))
        done, _ = await asyncio.wait(
            {exited, wanted}, timeout=unit.limit, return_when=asyncio.FIRST_COMPLETED
        )
        seconds = time.monotonic() - began
        if not done:
            waited = f"for {unit.probe}" if unit.probe else "for its end"
            raise self._failure(unit, f"not ready after {seconds:.0f} s, waited {waited}")
        if exited.done() and (exited.result() or not unit.once):
            raise self._failure(unit, f"ended with code {exited.result()} after {seconds:.1f} s")
        self._note(unit, state="done" if unit.once else "ready")
        say(event="ready", unit=unit.name, seconds=round(seconds, 1))
        self._ready[unit.name].set()
        if unit.argv and not unit.once:
            keeper = asyncio.create_task(self._keep(unit, exited))
            self._keepers.add(keeper)

    def _failure(self, unit: Unit, what: str) -> UnitFailed:
        self._note(unit, state="failed")
        return UnitFailed(
            unit.name, f"{self._spec.name}: {unit.name} {what}; log: {self._spec.log(unit.name)}"
        )

    async def _keep(self, unit: Unit, exited: asyncio.Future[int]) -> None:
        restarts = 0
        while True:
            code = await exited
            self._note(unit, state=f"restarting after code {code}")
            await asyncio.sleep(RESTART_PAUSE)
            restarts += 1
            exited = self._spawn(unit)
            self._note(unit, state="ready", restarts=restarts)

    def _spawn(self, unit: Unit) -> asyncio.Future[int]:
        with self._spec.log(unit.name).open("ab") as log:
            try:
                process = subprocess.Popen(
                    unit.argv,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            except OSError as error:
                raise self._failure(unit, f"cannot be started: {error}") from error
        exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._exits[process.pid] = exited
        process.returncode = 0  # it is this class that waits for it, in _reap
        return exited

    def _reap(self) -> None:
        """Take leave of every ended process: our own, and the orphans that end up at PID 1."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return
                exited = self._exits.pop(pid, None)
                if exited is not None and not exited.done():
                    exited.set_result(os.waitstatus_to_exitcode(status))

    async def _until_ready(self, unit: Unit) -> None:
        while unit.probe:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.TimeoutError):
                async with asyncio.timeout(2):
                    if await answers(unit.probe, self._spec.authority):
                        return
            await asyncio.sleep(PROBE_PAUSE)

    def _note(self, unit: Unit, **facts: str | int) -> None:
        self._units[unit.name].update(facts)
        self._write_status()

    def _write_status(self) -> None:
        partial = self._spec.status.with_suffix(".partial")
        partial.write_text(
            json.dumps({"state": self._state, "units": self._units}, indent=1), encoding="utf-8"
        )
        partial.replace(self._spec.status)


async def answers(probe: str, authority: str) -> bool:
    """Whether the socket accepts, or the URL answers 200.

    :raises OSError: Nothing listens, or its certificate is not of the authority.
    """
    if probe.startswith("unix:"):
        _, writer = await asyncio.open_unix_connection(probe.removeprefix("unix:"))
        writer.close()
        return True
    url = urlsplit(probe)
    context = None
    if url.scheme == "https":
        context = ssl.create_default_context(cafile=authority)
    reader, writer = await asyncio.open_connection(url.hostname, url.port, ssl=context)
    try:
        writer.write(f"GET {url.path} HTTP/1.0\r\nHost: {url.netloc}\r\n\r\n".encode())
        status = await reader.readline()
    finally:
        writer.close()
    return status.split()[1:2] == [b"200"]


def set_up(spec: NodeSpec) -> None:
    """Make the node's private mounts and network."""
    for mount in spec.mounts:
        if mount.source == "tmpfs":
            run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", mount.target])
            continue
        target = Path(mount.target)
        if not target.exists():
            target.mkdir(parents=True)
        run(["mount", "--bind", mount.source, mount.target])
    for command in spec.commands:
        run(command)


def say(**message: str | float) -> None:
    """Tell the command that started us, if it still listens."""
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps(message), flush=True)


def main() -> int:
    spec = NodeSpec.read(Path(sys.argv[1]))
    socket.sethostname(spec.name)
    say(event="started")
    if not sys.stdin.readline():  # who started us is gone before it gave us our network
        return 1
    try:
        set_up(spec)
        return asyncio.run(Supervisor(spec).run())
    except LabError as error:
        say(event="failed", message=f"{spec.name}: {error}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
