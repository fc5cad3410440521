# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CPU, wall time and memory of a command's whole process tree."""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

SAMPLING = 0.2  # seconds between two looks at the memory


class BenchError(Exception):
    """A measured command failed, or did not do what was to be measured: its figure would mean nothing."""


@dataclass(frozen=True)
class Usage:
    """What a command took.

    Attributes:
        cpu: User and system seconds, of everything below it that it waited for, too.
        wall: Seconds.
        memory: Peak PSS of its process tree in MB; 0 when it was not sampled.
        output: What it printed.
    """

    cpu: float
    wall: float
    memory: float
    output: str


def run(
    command: list[str],
    environment: dict[str, str],
    log: Path,
    *,
    memory: bool = False,
    limit: int = 1800,
) -> Usage:
    """Run a command to its end.

    Args:
        memory: Sample the memory; that takes time from the command, so take its CPU in another run.

    Raises:
        BenchError: When it fails; `log` has its output.
    """
    with log.open("a+b") as output:
        start = output.seek(0, os.SEEK_END)
        before, began = _children(), time.monotonic()
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        sampler = _Sampler(process.pid)
        if memory:
            sampler.start()
        try:
            code = process.wait(limit)
        except subprocess.TimeoutExpired as error:
            process.kill()
            process.wait(10)
            raise BenchError(f"{' '.join(command)}: did not end within {limit} s") from error
        finally:
            sampler.ended.set()
        usage = _children() - before, time.monotonic() - began
        output.seek(start)
        text = output.read().decode(errors="replace")
    if code:
        raise BenchError(f"{' '.join(command)}: exit code {code}, see {log}")
    return Usage(*usage, sampler.peak / 1000, text)


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


class _Sampler(threading.Thread):
    """Adds up the PSS of a process tree again and again; `peak` in kB.

    PSS, because the workers are forks that share most of their pages with the first process.
    """

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self.ended = threading.Event()
        self.peak = 0

    def run(self) -> None:
        while not self.ended.wait(SAMPLING):
            self.peak = max(self.peak, sum(_pss(pid) for pid in _tree(self._pid)))


def _tree(root: int) -> list[int]:
    below: defaultdict[int, list[int]] = defaultdict(list)
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            with contextlib.suppress(OSError):
                # The name in brackets may hold anything; the parent is the second word after it.
                words = (directory / "stat").read_text().rpartition(")")[2].split()
                below[int(words[1])].append(int(directory.name))
    found = [root]
    for pid in found:
        found += below[pid]
    return found


def _pss(pid: int) -> int:
    with contextlib.suppress(OSError):  # it ended in the meantime
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0
