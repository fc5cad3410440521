# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The load in a report: each number a bar, all limits at one place of it, so what is too much sticks out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from ..module_utils._operate.load_report import Gauge, LoadLine, gauges, load_span, verbs
from ..module_utils._operate.report import Report

MOST_LOADS = 100
# Where the limit stands, in percent of a bar; what is beyond its end is told by the number.
LIMIT = 66.67
VERBS = ("LIST", "GET", "POST", "PUT", "PATCH", "APPLY", "DELETE")
OTHERS = "others"


@dataclass(frozen=True)
class Piece:
    """A part of a bar, in percent of its width.

    Attributes:
        kind: Its colour: a grade, or a verb.
        title: What a pointer shows.
    """

    kind: str
    x: float
    width: float
    title: str


@dataclass(frozen=True)
class GaugeBar:
    """One number; without a limit it has no pieces.

    Attributes:
        mark: Where the request stands, in percent; None where it has no place of its own.
    """

    gauge: Gauge
    pieces: tuple[Piece, ...] = ()
    mark: float | None = None


@dataclass(frozen=True)
class LoadRow:
    """One vCluster."""

    name: str
    bars: tuple[GaugeBar, ...]
    decision: str
    advice: tuple[str, ...]


@dataclass(frozen=True)
class Loads:
    """The picture.

    Attributes:
        span: How long they were looked at.
        verbs: Those in it, in their order.
        more: vClusters that are not shown: those with least to see.
    """

    span: str
    heads: tuple[str, ...]
    verbs: tuple[str, ...]
    rows: tuple[LoadRow, ...]
    more: int


def load_picture(report: Report) -> Loads | None:
    """The picture; None where no load was looked at."""
    if not report.loads:
        return None
    shown = report.loads[:MOST_LOADS]
    rows = tuple(_row(load) for load in shown)
    there = {piece.kind for row in rows for piece in row.bars[0].pieces}
    return Loads(
        load_span(report.loads),
        tuple(found.gauge.name for found in rows[0].bars),
        tuple(verb for verb in (*VERBS, OTHERS) if verb in there),
        rows,
        len(report.loads) - len(rows),
    )


def _row(load: LoadLine) -> LoadRow:
    first, *others = gauges(load.data)
    stacked = GaugeBar(first, tuple(_stacked(first, verbs(load.data))))
    return LoadRow(load.host, (stacked, *map(_bar, others)), load.decision, load.advice)


def _bar(gauge: Gauge) -> GaugeBar:
    if gauge.share is None:
        return GaugeBar(gauge)
    piece = Piece(gauge.grade, 0.0, _place(gauge.share), f"{gauge.name} {gauge.words}")
    return GaugeBar(gauge, (piece,), None if gauge.mark is None else _place(gauge.mark))


def _stacked(gauge: Gauge, by_verb: list[tuple[str, float]]) -> Iterator[Piece]:
    """The requests by verb, each in its part of the bar."""
    kinds = Counter[str]()
    for verb, rate in by_verb:
        kinds[verb if verb in VERBS else OTHERS] += rate  # type: ignore[assignment]
    total, so_far, x = sum(kinds.values()), 0.0, 0.0
    for kind in (*VERBS, OTHERS):
        if kind in kinds:
            so_far += kinds[kind]
            end = _place((gauge.share or 0.0) * so_far / total)
            yield Piece(kind, x, round(end - x, 2), f"{kind} {kinds[kind]:.1f}/s for each replica")
            x = end


def _place(share: float) -> float:
    return round(min(100.0, LIMIT * max(0.0, share)), 2)
