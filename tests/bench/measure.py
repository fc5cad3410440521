# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CPU of a command's whole process tree, and the list of results."""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
from dataclasses import dataclass
from pathlib import Path


class BenchError(Exception):
    """A measured command failed: a figure for a failed run would mean nothing."""


@dataclass(frozen=True)
class Comparison:
    """One line of build/bench.json; seconds of CPU a vCluster, ratio = ours / peer."""

    name: str
    ours: float
    peer: float
    peer_name: str

    def as_dict(self) -> dict[str, object]:
        return {
            "name": self.name,
            "ours": round(self.ours, 4),
            "peer": round(self.peer, 4),
            "peer_name": self.peer_name,
            "ratio": round(self.ours / self.peer, 3),
            "unit": "CPU s a vCluster",
            "machine": machine(),
        }


def machine() -> str:
    """Cores, architecture and Python, for whoever reads the figures elsewhere."""
    return f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"


def cpu_seconds(
    command: list[str], environment: dict[str, str], log: Path, limit: int = 1800
) -> float:
    """User and system seconds of the command and everything below it that it waited for.

    Raises:
        BenchError: When it fails; `log` has its output.
    """
    before = children()
    with log.open("ab") as output:
        code = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=limit,
            check=False,
        ).returncode
    if code:
        raise BenchError(f"{' '.join(command)}: exit code {code}, see {log}")
    return children() - before


def children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def write(results: list[Comparison], path: Path) -> None:
    """Write the results and print them as a table of 80 columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([result.as_dict() for result in results], indent=2) + "\n")
    print(f"{'CPU s a vCluster':<24} {'ours':>7} {'peer':>7} {'ratio':>6}  peer")
    for result in results:
        ratio = result.ours / result.peer
        print(
            f"{result.name:<24} {result.ours:>7.3f} {result.peer:>7.3f} {ratio:>6.2f}  {result.peer_name}"
        )
