# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of results: build/bench.json, and a table of 80 columns."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

CPU = "CPU s a vCluster"
GOAL = "goal"


@dataclass(frozen=True)
class Result:
    """One figure beside that of a peer, or beside its goal.

    Attributes:
        peer_name: `goal` where there is nothing to compare with: `peer` is then the goal itself.
        limit: What ours / peer may be at most; None where there is no goal.
        least: What it has to be at least.
    """

    name: str
    ours: float
    peer: float
    peer_name: str
    unit: str = CPU
    limit: float | None = None
    least: float = 0.0

    @property
    def ratio(self) -> float:
        if self.ours == self.peer:
            return 1.0  # none of what there must be none of
        return self.ours / self.peer if self.peer else float("inf")

    @property
    def met(self) -> bool | None:
        return None if self.limit is None else self.least <= self.ratio <= self.limit

    def as_dict(self) -> dict[str, object]:
        return {
            "name": self.name,
            "ours": _rounded(self.ours),
            "peer": _rounded(self.peer),
            "peer_name": self.peer_name,
            "ratio": _rounded(self.ratio),
            "unit": self.unit,
            "machine": machine(),
        }


def against_goal(name: str, ours: float, goal: float, unit: str = CPU) -> Result:
    """A figure that has a goal and no peer."""
    return Result(name, ours, goal, GOAL, unit, 1.0)


def machine() -> str:
    """Processor, cores, memory and Python, for whoever reads the figures elsewhere."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"Python {platform.python_version()}"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return " ".join(line.partition(":")[2].split())
    return platform.machine()


def write(results: Sequence[Result], path: Path, *, whole: bool) -> None:
    """Write the results.

    Args:
        whole: They are of all parts; else those of other parts, measured before on this machine, stay.
    """
    fresh = [result.as_dict() for result in results]
    names = {result.name for result in results}
    known = json.loads(path.read_text()) if path.exists() and not whole else []
    kept = [old for old in known if old["name"] not in names and old["machine"] == machine()]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([*kept, *fresh], indent=2) + "\n")


def table(results: Sequence[Result]) -> Iterator[str]:
    """The results by unit; a goal is what the ratio ours / peer must not exceed."""
    yield f"{'':<22} {'OURS':>8} {'PEER':>8} {'RATIO':>7} {'GOAL':>6}  {'MET':<3} PEER"
    for unit in dict.fromkeys(result.unit for result in results):
        yield unit
        for result in (found for found in results if found.unit == unit):
            goal = "-" if result.limit is None else f"{result.limit:.4g}"
            met = {None: "-", True: "yes", False: "NO"}[result.met]
            yield (
                f"  {result.name:<20} {_short(result.ours):>8} {_short(result.peer):>8}"
                f" {_short(result.ratio):>7} {goal:>6}  {met:<3} {result.peer_name}"
            )


def _short(value: float) -> str:
    digits = 0 if value >= 1000 else 1 if value >= 100 else 2 if value >= 10 else 4
    return f"{value:.{digits}f}"


def _rounded(value: float) -> float:
    return round(value, 5)
