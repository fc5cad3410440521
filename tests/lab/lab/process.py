# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start, find, enter and end the namespaces of a node.

A node needs no record of its process: the supervisor's command line ends in its spec file, so a
node whose starter was killed is found just as well.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from .command import LabError, last_lines
from .unit import NodeSpec

MODULE = "lab.supervisor"
PACKAGE_ROOT = Path(__file__).resolve().parent.parent
END_LIMIT = 20.0  # seconds for the kernel to end all processes of a killed namespace


@dataclass(frozen=True)
class Running:
    """One process of a supervisor: `unshare`, or PID 1 of the namespaces."""

    pid: int
    spec: Path
    first: bool  # PID 1 of its namespaces


class Start:
    """A node being started: its supervisor waits for `go`, then reports until it is up."""

    def __init__(self, spec: NodeSpec, *, own_network: bool = True) -> None:
        self._spec = spec
        spec.write()
        namespaces = [
            "--pid",
            "--fork",
            "--kill-child",
            "--mount",
            "--mount-proc",
            "--uts",
            "--ipc",
        ]
        if own_network:
            namespaces.append("--net")
        with spec.log("supervisor").open("ab") as log:
            self._process = subprocess.Popen(
                ["unshare", *namespaces, sys.executable, "-m", MODULE, str(spec.file)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PYTHONPATH": str(PACKAGE_ROOT)},
                start_new_session=True,  # Ctrl-C is for the command, not for the node
            )
        self._unread = b""

    def first_process(self, limit: float = 20) -> int:
        """PID of the supervisor, once it runs in its namespaces."""
        self._wait_for("started", limit)
        for running in find(self._spec.file):
            if running.first:
                return running.pid
        raise LabError(f"{self._spec.name}: its supervisor ended at once\n{self._log()}")

    def go(self) -> None:
        """Let the supervisor set up the node; its network has to be attached by now."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(b"go\n")
            self._process.stdin.close()

    def wait(self, limit: float) -> None:
        """Wait until every unit is ready.

        :param limit: Seconds.
        :raises LabError: A unit failed, with the last lines of its log, or it took too long.
        """
        self._wait_for("up", limit)

    def _wait_for(self, event: str, limit: float) -> None:
        deadline = time.monotonic() + limit
        waiting = {unit.name for unit in self._spec.units}
        while True:
            line = self._line(deadline)
            if line is None:
                raise LabError(
                    f"{self._spec.name}: not up after {limit:.0f} s, waiting for "
                    f"{', '.join(sorted(waiting))}; logs: {self._spec.log('*')}"
                )
            message = json.loads(line)
            waiting.discard(message.get("unit", ""))
            if message["event"] == event:
                return
            if message["event"] == "failed":
                raise LabError(f"{message['message']}\n{self._log(message.get('unit'))}")

    def _line(self, deadline: float) -> bytes | None:
        """The next line from the supervisor; None when the deadline passed."""
        assert self._process.stdout is not None
        while b"\n" not in self._unread:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._process.stdout], [], [], left)[0]:
                return None
            chunk = os.read(self._process.stdout.fileno(), 65536)
            if not chunk:
                raise LabError(f"{self._spec.name}: its supervisor ended\n{self._log()}")
            self._unread += chunk
        line, self._unread = self._unread.split(b"\n", 1)
        return line

    def _log(self, unit: str | None = None) -> str:
        return last_lines(self._spec.log(unit or "supervisor"))


def find(below: Path) -> list[Running]:
    """Processes of the supervisors whose spec file is `below`, or is that file."""
    found = []
    for directory in Path("/proc").iterdir():
        if not directory.name.isdigit():
            continue
        with contextlib.suppress(OSError):  # it ended in the meantime
            argv = (directory / "cmdline").read_text(errors="replace").split("\0")[:-1]
            if argv[-3:-1] != ["-m", MODULE] or not Path(argv[-1]).is_relative_to(below):
                continue
            status = (directory / "status").read_text()
            inner = next(line for line in status.splitlines() if line.startswith("NSpid:"))
            # The pid in the namespaces of unshare is its own; in those that it made it is 1.
            first = inner.split()[-1] == "1" and argv[0] != "unshare"
            found.append(Running(int(directory.name), Path(argv[-1]), first))
    return found


def end(below: Path) -> int:
    """End all namespaces whose spec file is `below`; returns how many there were.

    Killing PID 1 of a namespace ends all that runs in it, and its mounts and links go with it.

    :raises LabError: They did not end within the limit.
    """
    ended = {running.spec for running in find(below)}
    deadline = time.monotonic() + END_LIMIT
    while remaining := find(below):
        if time.monotonic() > deadline:
            pids = ", ".join(str(running.pid) for running in remaining)
            raise LabError(f"processes {pids} did not end after SIGKILL; see /proc/PID/stack")
        firsts = {running.spec for running in remaining if running.first}
        with contextlib.ExitStack() as handles:
            ending = []
            for running in remaining:
                with contextlib.suppress(ProcessLookupError):
                    handle = os.pidfd_open(running.pid)
                    handles.callback(os.close, handle)
                    ending.append(handle)
                    # `unshare` is left to bury PID 1, and ends then; it dies itself only where it
                    # has no PID 1 yet.
                    if running.first or running.spec not in firsts:
                        signal.pidfd_send_signal(handle, signal.SIGKILL)
            for handle in ending:
                # An ending PID 1 is no longer seen by `find`, yet is the last of its namespace.
                select.select([handle], [], [], max(0.0, deadline - time.monotonic()))
        _reap_children()
    return len(ended)


def enter(pid: int) -> list[str]:
    """Command prefix that runs a command in the namespaces of process `pid`."""
    return ["nsenter", f"--target={pid}", "--net", "--pid", "--mount", "--uts", "--ipc", "--"]


def _reap_children() -> None:
    """Where this process started the node itself, its `unshare` is a zombie until waited for."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
