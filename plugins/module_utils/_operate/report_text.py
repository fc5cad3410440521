# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report for the terminal: short, since the files beside it have the rest."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median

from .load_report import load_lines
from .render import WIDTH, wrapped
from .report import Line, Report, Soak, Wave, grouped, names, short

# With more vClusters than this, those that are done are counted by wave.
SPELLED_OUT = 40
# Failures with words of their own that are printed; the files have all.
MOST_FAILURES = 20
MOST_CHARACTERS = 1000
# Slow: this many times the median of its wave, and not of a wave that is over in a moment.
SLOW_FACTOR = 3
SLOW_SECONDS = 60
MOST_SLOW = 5


def report_text(report: Report, files: Mapping[str, str]) -> str:
    """The report in lines of 80 columns.

    Args:
        files: Where the report was written, by kind.
    """
    lines = ["REPORT " + "-" * (WIDTH - 7)]
    if len(report.lines) <= SPELLED_OUT:
        for line in report.lines:
            if line.outcome != "not reached":
                lines += _spelled_out(line)
    else:
        lines += _counted(report)
    for wave in report.waves:
        if wave.soak:
            lines.append(f"  wave {wave.number}: {soak_text(wave.soak)}")
        lines += _not_reached(wave, report.left)
    if report.loads:
        lines += load_lines(report.loads)
    lines += wrapped(counts_text(report))
    if report.explanation:
        lines += wrapped(report.explanation)
    if report.failures or report.left:
        lines += _going_on(report.command)
    lines += [f"{kind}: {path}" for kind, path in files.items()]
    return "\n".join(lines)


def _going_on(command: str) -> list[str]:
    """The command on a line of its own, or on several that a shell takes as one."""
    text = "What is done stays done. To go on:"
    if len(text) + len(command) < WIDTH:
        return [f"{text} {command}"]
    lines = [""]
    for word in _words(command):
        if lines[-1] and len(lines[-1]) + len(word) > WIDTH - 5:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return [text, *(f"  {line} \\" for line in lines[:-1]), f"  {lines[-1]}"]


def _words(command: str) -> list[str]:
    try:
        words = [shlex.quote(word) for word in shlex.split(command)]
    except ValueError:
        words = []
    # Somebody's own words may be no plain command.
    return words if " ".join(words) == command else command.split()


def counts_text(report: Report) -> str:
    """How many came to what."""
    counts = Counter(line.outcome for line in report.lines)
    parts = [f"{count:,} {word}" for word, count in counts.items()]
    return ", ".join([f"{report.unchanged:,} unchanged", *parts])


def _spelled_out(line: Line) -> Iterator[str]:
    timing = f" in {duration(line.seconds)}" if line.seconds else ""
    proof = Counter(check["status"] for check in line.checks)
    words = f", proof: {', '.join(f'{n} {s}' for s, n in sorted(proof.items()))}" if proof else ""
    # What was refused or unreachable was not planned either.
    plan = "" if line.planned == (line.outcome,) else f"planned {', '.join(line.planned)}: "
    text = f"{line.host}: {plan}{line.outcome}{timing}{words}"
    yield from wrapped(text, "  ", "    ")
    yield from _reasons(line)


def _reasons(line: Line) -> Iterator[str]:
    if line.message:
        yield from wrapped(short(line.message, MOST_CHARACTERS), "    ", "    ")
    for check in line.untold("fail", "warn"):
        text = f"{check['status']} {check['id']}: {check['evidence']}"
        yield from wrapped(short(text, MOST_CHARACTERS), "    ", "      ")


def _counted(report: Report) -> Iterator[str]:
    for wave in report.waves:
        good = [line for line in report.lines if line.wave == wave.number and line.good]
        if good:
            yield from _counted_wave(wave.number, good)
    failures = grouped(report.failures)
    for line, hosts in failures[:MOST_FAILURES]:
        if len(hosts) == 1:
            yield from _spelled_out(line)
        else:
            yield from wrapped(f"{len(hosts):,} {line.outcome}: {names(hosts)}", "  ", "    ")
            yield from _reasons(line)
    if len(failures) > MOST_FAILURES:
        yield f"  ... and {len(failures) - MOST_FAILURES:,} more that failed, see the files"


def _counted_wave(number: int, good: Sequence[Line]) -> Iterator[str]:
    words = Counter(line.outcome for line in good)
    text = ", ".join(f"{count:,} {word}" for word, count in words.items())
    times = [line.seconds for line in good if line.seconds]
    if times:
        text += (
            f", {duration(min(times))} to {duration(max(times))}, median {duration(median(times))}"
        )
    yield from wrapped(f"wave {number}: {text}", "  ", "    ")
    slow = slow_ones(good)
    if slow:
        told = (f"{line.host} {duration(line.seconds)}" for line in slow)
        yield from wrapped(f"slow: {names(told, MOST_SLOW)}", "    ", "      ")
    warned = [line.host for line in good if any(c["status"] == "warn" for c in line.checks)]
    if warned:
        yield from wrapped(f"with a warning: {names(warned)}", "    ", "      ")


def slow_ones(lines: Iterable[Line]) -> list[Line]:
    """Those that took much longer than half of the others, slowest first."""
    timed = sorted((line for line in lines if line.seconds), key=lambda line: -line.seconds)
    if not timed:
        return []
    limit = max(SLOW_SECONDS, SLOW_FACTOR * median(line.seconds for line in timed))
    return [line for line in timed if line.seconds > limit]


def soak_text(soak: Soak) -> str:
    """How many were watched, how long, and how many of them broke."""
    ending = f"{len(soak.broken):,} broke" if soak.broken else "nothing broke"
    return f"{soak.watched:,} watched for {duration(soak.seconds)}, {ending}"


def _not_reached(wave: Wave, left: Iterable[Line]) -> Iterator[str]:
    hosts = [line.host for line in left if line.wave == wave.number]
    if hosts:
        text = f"wave {wave.number}: not reached: {names(hosts, 12)}"
        yield from wrapped(text, "  ", "    ")


def duration(seconds: float) -> str:
    """`42 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if 0 < seconds < 9.95 else f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"
