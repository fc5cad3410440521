# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The timeline of a run: each vCluster a bar over wall-clock time. Places are percent, so any width will do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ..module_utils._operate.report import Line, Report, Soak, Wave, names
from ..module_utils._operate.report_text import duration, soak_text

# With more vClusters than this, bars are packed into lanes and carry no names.
NAMED_ROWS = 40
# Bars in all; each is about 110 bytes of the page.
MOST_BARS = 5000
MOST_NAMES = 12
LANE = 8  # pixels
TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)
MOST_TICKS = 5
# The narrowest bar that is still seen, in percent.
NARROWEST = 0.4

KIND = {
    "done": "good",
    "adopted": "good",
    "unchanged": "good",
    "passed": "good",
    "planned": "plan",
    "rolled_back": "back",
    "refused": "kept",
    "locked": "kept",
    "unreachable": "kept",
    "running": "open",
    "not reached": "open",
}
# In the order in which a reader looks for them.
SIGN = {"bad": "✗", "back": "↶", "kept": "!", "good": "✓", "plan": "+", "open": "–"}


def kind_of(outcome: str) -> str:
    """The colour of an outcome; each has a sign too."""
    return KIND.get(outcome, "bad")


@dataclass(frozen=True)
class Bar:
    """One vCluster, or one soak, over time.

    Attributes:
        x: Where it begins, in percent; width likewise.
        lane: Which line of a packed picture.
        note: What is written beside it.
        title: What a pointer shows.
    """

    name: str
    kind: str
    note: str
    title: str
    x: float = 0.0
    width: float = 0.0
    lane: int = 0


@dataclass(frozen=True)
class WaveRows:
    """One wave of the picture.

    Attributes:
        words: What came of it, counted.
        bars: Named, in order of their begin; or packed.
        lanes: Lines of the packed picture, 0 when the bars have names.
        soak: How it was watched, None when it was not.
        told: Colour, outcome and names of what has no named bar.
        more: Bars left out.
    """

    number: int
    words: str
    bars: tuple[Bar, ...]
    lanes: int = 0
    soak: Bar | None = None
    told: tuple[tuple[str, str, str], ...] = ()
    more: int = 0

    @property
    def height(self) -> int:
        """Of the packed picture, in pixels."""
        return self.lanes * LANE


@dataclass(frozen=True)
class Timeline:
    """The picture.

    Attributes:
        span: How long it is, in words.
        ticks: Place in percent and words.
    """

    began: str
    span: str
    ticks: tuple[tuple[float, str], ...]
    waves: tuple[WaveRows, ...]


def timeline(report: Report) -> Timeline | None:
    """The picture; None when nothing says when it was."""
    spans = [(line.began, line.seconds) for line in report.lines if line.began]
    spans += [(wave.soak.began, wave.soak.seconds) for wave in report.waves if wave.soak]
    times = [(_time(began), seconds) for began, seconds in spans if began]
    if not times:
        return None
    first = min(time[0] for time in times)
    last = max(begin + timedelta(seconds=seconds) for begin, seconds in times)
    scale = Scale(first, max((last - first).total_seconds(), 1.0))
    packed = len(report.lines) > NAMED_ROWS
    left = MOST_BARS
    waves = []
    for wave in report.waves:
        lines = [line for line in report.lines if line.wave == wave.number]
        rows = _packed(wave, lines, scale, left) if packed else _named(wave, lines, scale)
        left -= len(rows.bars)
        waves.append(rows)
    began = first.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return Timeline(began, duration(scale.seconds), scale.ticks(), tuple(waves))


@dataclass(frozen=True)
class Scale:
    """From moments to percent of the picture's width."""

    first: datetime
    seconds: float

    def place(self, began: str, seconds: float) -> tuple[float, float]:
        """Where a bar stands and its width; a short one is made wide enough to be seen."""
        x = 100 * (_time(began) - self.first).total_seconds() / self.seconds
        width = max(100 * seconds / self.seconds, NARROWEST)
        return round(min(x, 100 - width), 2), round(width, 2)

    def ticks(self) -> tuple[tuple[float, str], ...]:
        """Round times after the begin; the last ones leave room for their words."""
        step = next((t for t in TICKS if self.seconds / t <= MOST_TICKS), TICKS[-1])
        count = int(self.seconds // step)
        places = ((round(100 * n * step / self.seconds, 2), n * step) for n in range(count + 1))
        return tuple((x, duration(t) if t else "0") for x, t in places if x <= 94)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _words(wave: Wave, lines: list[Line]) -> str:
    counts = Counter(line.outcome for line in lines)
    text = ", ".join(f"{count:,} {word}" for word, count in counts.items())
    return f"{text}; {wave.failed:,} of a budget of {wave.budget:,}" if wave.failed else text


def _bar(line: Line, scale: Scale, lane: int = 0) -> Bar:
    took = f"{line.outcome}, {duration(line.seconds)}" if line.began else line.outcome
    x, width = scale.place(line.began, line.seconds) if line.began else (0.0, 0.0)
    title = f"{line.host} ({line.cluster}): {took}"
    return Bar(line.host, kind_of(line.outcome), took, title, x, width, lane)


def _soak(soak: Soak | None, scale: Scale) -> Bar | None:
    if soak is None or not soak.began:
        return None
    title = soak_text(soak)
    note = title.partition(" watched for ")[2]
    return Bar("soak", "soak", note, title, *scale.place(soak.began, soak.seconds))


def _named(wave: Wave, lines: list[Line], scale: Scale) -> WaveRows:
    if not any(line.began for line in lines):
        return WaveRows(wave.number, _words(wave, lines), (), told=tuple(_told(lines)))
    ordered = sorted(lines, key=lambda line: (not line.began, line.began))
    bars = tuple(_bar(line, scale) for line in ordered)
    return WaveRows(wave.number, _words(wave, lines), bars, soak=_soak(wave.soak, scale))


def _packed(wave: Wave, lines: list[Line], scale: Scale, most: int) -> WaveRows:
    """Bars one after the other in as few lanes as there were turns at once."""
    timed = sorted((line for line in lines if line.began), key=lambda line: line.began)
    # Where there are too many, what failed is not what is left out.
    shown = sorted(timed, key=lambda line: line.good)[:most]
    shown.sort(key=lambda line: line.began)
    ends: list[float] = []
    bars = []
    # A begin is rounded to the second: that is no overlap.
    slack = 100 / scale.seconds
    for line in shown:
        x, width = scale.place(line.began, line.seconds)
        lane = next((n for n, end in enumerate(ends) if end <= x + slack), len(ends))
        ends[lane : lane + 1] = [x + width]
        bars.append(_bar(line, scale, lane))
    return WaveRows(
        wave.number,
        _words(wave, lines),
        tuple(bars),
        len(ends),
        _soak(wave.soak, scale),
        tuple(_told(lines)),
        len(timed) - len(shown),
    )


def _told(lines: Iterable[Line]) -> Iterable[tuple[str, str, str]]:
    hosts: dict[str, list[str]] = {}
    for line in lines:
        if not line.good:
            hosts.setdefault(line.outcome, []).append(line.host)
    for outcome, found in hosts.items():
        yield kind_of(outcome), outcome, names(found, MOST_NAMES)
