# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs to which something happens while they run."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from by_hand import wait_until
from harness import PLAYBOOK_LIMIT, Fleet, Run, lab_command


def started(fleet: Fleet, playbook: str = "site", *arguments: str) -> subprocess.Popen[str]:
    """A run that goes on beside the test."""
    return subprocess.Popen(
        fleet.command(playbook, *arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**fleet.surroundings, "PYTHONUNBUFFERED": "1"},
    )


def watched(
    fleet: Fleet, words: str, then: Callable[[], object], playbook: str = "site", *arguments: str
) -> Run:
    """A whole run during which something happens when its waves first print the words; they have to print them."""
    process, there, happened = started(fleet, playbook, *arguments), _There(words), False
    assert process.stdout
    lines = []
    try:
        for line in process.stdout:
            lines.append(line)
            if there(line) and not happened:
                happened = True
                then()
        run = Run(process.wait(PLAYBOOK_LIMIT), "".join(lines))
    finally:
        _end(process)
    assert happened, run.output
    return run


def kill_at(fleet: Fleet, words: str, playbook: str = "site", *arguments: str) -> bool:
    """Start a run and kill it with all its children as soon as its waves print the words.

    Returns:
        Whether it printed them. A boundary that a quick machine runs past need be no failure: the run is then complete.
    """
    process = started(fleet, playbook, *arguments)
    assert process.stdout
    try:
        return any(map(_There(words), process.stdout))
    finally:
        _end(process)


class _There:
    """Whether a run has come to the words, line by line. The plan, which comes before the waves, may have them too."""

    def __init__(self, words: str) -> None:
        self._words, self._waves = words, False

    def __call__(self, line: str) -> bool:
        self._waves = self._waves or line.startswith(("PLAY [Wave ", "PLAY [Backing stores]"))
        return self._waves and self._words in line


def _end(process: subprocess.Popen[str]) -> None:
    for pid in family(process.pid) if process.poll() is None else ():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait(timeout=30)


@contextlib.contextmanager
def cut(cluster: str) -> Iterator[Any]:
    """Cut a host cluster's API server off when asked, and give it back."""
    try:
        yield lambda: lab_command("proxy", cluster, "cut")
    finally:
        lab_command("proxy", cluster, "ok")
        wait_until("the API server", lambda: "ok" in lab_command("proxy", cluster))
        time.sleep(1)


def family(pid: int) -> list[int]:
    """A process and all its descendants: Ansible's workers have sessions of their own, so no group holds them."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return found
