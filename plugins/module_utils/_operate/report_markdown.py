# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report for a merge request or a ticket: CommonMark with tables, nothing that a browser has to run."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from .load_report import Gauge, gauges, load_span
from .report import FACTS, Line, Report, grouped, names, short
from .report_text import counts_text, duration, soak_text

# A ticket takes a page or two; the JSON has all.
MOST_LINES = 50
MOST_FAILURES = 30
MOST_CHARACTERS = 2000
SIGNS = {"pass": "✓", "warn": "!", "fail": "✗", "skip": "–"}
# What Markdown, HTML, or the systems that show it (mentions, references) would read as more than text.
_SPECIAL = re.compile(r"[\\`*{}\[\]<>#!|~$%&^@]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|:(?=//)")


def report_markdown(report: Report) -> str:
    """The report as Markdown; every text in it is escaped."""
    parts = (_head, _failures, _left, _loads, _table)
    return "\n".join([*(line for part in parts for line in part(report)), ""])


def escaped(text: str) -> str:
    """The text on one line, without any meaning to Markdown or HTML."""
    # An entity instead of a backslash: a mention is looked for after Markdown is gone.
    return _SPECIAL.sub(lambda found: f"&#{ord(found[0])};", " ".join(text.split()))


def fenced(text: str) -> list[str]:
    """The text as it is, in a fence longer than any within it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", *text.splitlines(), fence]


def _head(report: Report) -> Iterator[str]:
    yield f"## vCluster fleet: {report.headline}"
    yield ""
    yield f"{escaped(counts_text(report))}." + (
        f" Run {escaped(report.run)}, {escaped(report.at)}." if report.run else ""
    )
    if report.explanation:
        yield ""
        yield f"**{escaped(report.explanation)}**"
    for wave in report.waves:
        if wave.soak:
            yield ""
            yield f"Wave {wave.number}: {soak_text(wave.soak)}."
    if report.failures or report.left:
        yield ""
        yield "What is done stays done. To go on:"
        yield ""
        yield from fenced(report.command)


def _failures(report: Report) -> Iterator[str]:
    groups = grouped(report.failures)
    if groups:
        yield ""
        yield "### What went wrong"
    for line, hosts in groups[:MOST_FAILURES]:
        yield ""
        yield f"**{escaped(names(hosts))}**: {escaped(line.outcome)}"
        checks = [
            f"{check['status']} {check['id']}: {check['evidence']}"
            for check in line.untold("fail", "warn")
        ]
        if words := [line.message, *checks] if line.message else checks:
            yield ""
            yield from fenced(short("\n".join(words), MOST_CHARACTERS))
    if len(groups) > MOST_FAILURES:
        yield ""
        yield f"... and {len(groups) - MOST_FAILURES:,} more that failed, see `report.json`."


def _left(report: Report) -> Iterator[str]:
    waves = Counter(line.wave for line in report.left)
    if waves:
        yield ""
        yield "### Not reached"
        yield ""
    for wave, count in sorted(waves.items()):
        hosts = [line.host for line in report.left if line.wave == wave]
        yield f"* Wave {wave} ({count:,}): {escaped(names(hosts, 20))}"


def _loads(report: Report) -> Iterator[str]:
    if not report.loads:
        return
    shown = report.loads[:MOST_LINES]
    yield ""
    yield f"### Load over {load_span(report.loads)}"
    yield ""
    heads = [gauge.name for gauge in gauges(shown[0].data)]
    yield from _row(["vCluster", *heads, "What it says"])
    yield from _row(["---"] * (len(heads) + 2))
    for load in shown:
        said = escaped("; ".join(load.said))
        yield from _row([escaped(load.host), *map(_gauge, gauges(load.data)), said])
    if len(report.loads) > len(shown):
        yield ""
        yield f"... and {len(report.loads) - len(shown):,} more with less to see, see `report.json`."


def _gauge(gauge: Gauge) -> str:
    words = f"**{escaped(gauge.words)}**" if gauge.grade == "over" else escaped(gauge.words)
    return f"{words} ({escaped(gauge.more)})" if gauge.more else words


def _table(report: Report) -> Iterator[str]:
    if not report.lines:
        return
    # Where not all fit, those that somebody will look for come first.
    lines = sorted(report.lines, key=lambda line: line.good)
    shown = report.lines if len(lines) <= MOST_LINES else lines[:MOST_LINES]
    facts = [name for name in FACTS if any(name in {**x.before, **x.after} for x in shown)]
    heads = ["vCluster", "Host cluster", "Wave", "Planned", "Outcome", "Took", "Checks"]
    yield ""
    yield "### vClusters"
    yield ""
    yield from _row([*heads, *(name.capitalize() for name in facts)])
    yield from _row(["---"] * (len(heads) + len(facts)))
    for line in shown:
        yield from _row(_cells(line, facts))
    if len(lines) > len(shown):
        yield ""
        yield f"... and {len(lines) - len(shown):,} more, see `report.json`."


def _cells(line: Line, facts: Sequence[str]) -> list[str]:
    proof = Counter(check["status"] for check in line.checks)
    return [
        escaped(line.host),
        escaped(line.cluster),
        str(line.wave),
        escaped(", ".join(line.planned)),
        line.outcome if line.good else f"**{escaped(line.outcome)}**",
        duration(line.seconds) if line.seconds else "",
        " ".join(f"{proof[status]}&nbsp;{sign}" for status, sign in SIGNS.items() if proof[status]),
        *(_move(line.before, line.after, name) for name in facts),
    ]


def _move(before: Mapping[str, str], after: Mapping[str, str], name: str) -> str:
    """`0.35.0 → **0.36.1**`, one value where nothing moved or nothing more is known."""
    old, new = before.get(name, ""), after.get(name, "")
    if not new or old == new:
        return escaped(old)
    return f"{escaped(old)} → **{escaped(new)}**".lstrip()


def _row(cells: Iterable[str]) -> Iterator[str]:
    yield f"| {' | '.join(cells)} |"
