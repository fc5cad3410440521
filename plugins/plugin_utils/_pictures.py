# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the pictures of a report show beside the timeline: durations, checks, before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from ..module_utils._operate.report import FACTS, Line, Report, names, short
from ..module_utils._operate.report_text import duration
from ._timeline import kind_of

MOST_DURATIONS = 25
MOST_MATRIX_ROWS = 40
MOST_PROBLEMS = 100
MOST_CHARACTERS = 400
# With more vClusters than this, those that moved alike share a row; those that did not move always do.
ALONE = 30
MOST_MOVES = 60
HEADS = {
    "chart": "Chart",
    "kubernetes": "Kubernetes",
    "store": "Store",
    "replicas": "Replicas",
    "members": "etcd members",
}
SIGNS = {"pass": "✓", "warn": "!", "fail": "✗", "skip": "–"}


@dataclass(frozen=True)
class Duration:
    """One sorted bar, its width in percent of the longest."""

    name: str
    kind: str
    words: str
    width: float


@dataclass(frozen=True)
class Durations:
    """The slowest first.

    Attributes:
        median: In words; its place in percent of the longest.
        more: How many faster ones are not shown.
    """

    bars: tuple[Duration, ...]
    median: str
    place: float
    fastest: str
    more: int


def durations(report: Report) -> Durations | None:
    """How long the vClusters took; None when nothing says."""
    timed = sorted((line for line in report.lines if line.seconds), key=lambda line: -line.seconds)
    if not timed:
        return None
    longest = timed[0].seconds
    bars = tuple(
        Duration(
            line.host,
            kind_of(line.outcome),
            duration(line.seconds),
            round(100 * line.seconds / longest, 2),
        )
        for line in timed[:MOST_DURATIONS]
    )
    middle = median(line.seconds for line in timed)
    return Durations(
        bars,
        duration(middle),
        round(100 * middle / longest, 2),
        duration(timed[-1].seconds),
        len(timed) - len(bars),
    )


@dataclass(frozen=True)
class Cell:
    """One check of one vCluster; without status it was not run."""

    status: str = ""
    sign: str = ""
    evidence: str = ""


@dataclass(frozen=True)
class Problem:
    """A check that is no plain pass, in its own words."""

    host: str
    check: str
    status: str
    evidence: str


@dataclass(frozen=True)
class Matrix:
    """vCluster by check.

    Attributes:
        totals: All results, also of rows that are not shown, by status.
        problems: Of vClusters that did not fail; those that did have their words elsewhere.
        more: Rows that are not shown.
    """

    ids: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    totals: tuple[tuple[str, str, int], ...]
    problems: tuple[Problem, ...]
    more: int
    more_problems: int


def matrix(report: Report) -> Matrix | None:
    """The checks of the proofs; None when there was no proof."""
    lines = [line for line in report.lines if line.checks]
    if not lines:
        return None
    ids = tuple(dict.fromkeys(check["id"] for line in lines for check in line.checks))
    # Where not all fit, those with something to see come first.
    shown = lines
    if len(lines) > MOST_MATRIX_ROWS:
        shown = sorted(lines, key=_worst)[:MOST_MATRIX_ROWS]
    totals = Counter(check["status"] for line in lines for check in line.checks)
    problems = [
        Problem(line.host, check["id"], check["status"], short(check["evidence"], MOST_CHARACTERS))
        for line in lines
        if not line.failed
        for check in line.untold("fail", "warn")
    ]
    return Matrix(
        ids,
        tuple((line.host, _cells(line.checks, ids)) for line in shown),
        tuple((status, sign, totals[status]) for status, sign in SIGNS.items() if totals[status]),
        tuple(problems[:MOST_PROBLEMS]),
        len(lines) - len(shown),
        max(0, len(problems) - MOST_PROBLEMS),
    )


def _worst(line: Line) -> int:
    order = {"fail": 0, "warn": 1}
    return min(order.get(check["status"], 2) for check in line.checks)


def _cells(checks: Iterable[Mapping[str, Any]], ids: Iterable[str]) -> tuple[Cell, ...]:
    found = {check["id"]: check for check in checks}
    return tuple(
        Cell(
            check["status"],
            SIGNS.get(check["status"], "?"),
            short(check.get("evidence", ""), MOST_CHARACTERS),
        )
        if (check := found.get(name))
        else Cell()
        for name in ids
    )


@dataclass(frozen=True)
class Move:
    """One fact before and after.

    Attributes:
        after: Empty when nothing is known of it.
    """

    before: str
    after: str

    @property
    def changed(self) -> bool:
        """Whether it is another than before."""
        return bool(self.after) and self.after != self.before


@dataclass(frozen=True)
class MoveRow:
    """One vCluster, or several that moved alike."""

    names: str
    count: int
    kind: str
    outcome: str
    moves: tuple[Move, ...]


@dataclass(frozen=True)
class Moves:
    """Before and after.

    Attributes:
        more: Rows that are not shown.
    """

    heads: tuple[str, ...]
    rows: tuple[MoveRow, ...]
    more: int


def moves(report: Report) -> Moves | None:
    """What ran before and after; None when nothing is known."""
    known = [line for line in report.lines if line.before or line.after]
    facts = [name for name in FACTS if any(name in {**x.before, **x.after} for x in known)]
    if not facts:
        return None
    groups: dict[Any, list[Line]] = {}
    for line in known:
        pairs = tuple(_move(line, name) for name in facts)
        moved = any(pair.changed for pair in pairs)
        alike = line.host if moved and len(known) <= ALONE else line.outcome
        groups.setdefault((alike, pairs), []).append(line)
    rows = [
        MoveRow(
            names(line.host for line in lines),
            len(lines),
            kind_of(lines[0].outcome),
            lines[0].outcome,
            key[1],
        )
        for key, lines in groups.items()
    ]
    return Moves(
        tuple(HEADS[name] for name in facts),
        tuple(rows[:MOST_MOVES]),
        max(0, len(rows) - MOST_MOVES),
    )


def _move(line: Line, name: str) -> Move:
    return Move(_count(line.before.get(name, "")), _count(line.after.get(name, "")))


def _count(text: str) -> str:
    """`3` for `3/3`: that all are there is the usual case."""
    current, slash, asked = text.partition("/")
    return asked if slash and current == asked else text
