# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as one HTML file that needs nothing beside it: no script, no request."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from ..module_utils._operate.report import Line, Report, grouped, names, short
from ..module_utils._operate.report_text import counts_text, duration
from ._load_picture import LIMIT, load_picture
from ._pictures import durations, matrix, moves
from ._timeline import LANE, SIGN, kind_of, timeline

PAGES = Path(__file__).parent / "_pages"
MOST_FAILURES = 100
MOST_LINES = 100
MOST_CHARACTERS = 4000
MOST_NAMES = 20


@cache
def _template() -> Template:
    """Compiled once: a report is written again and again while its run goes on."""
    environment = Environment(
        loader=FileSystemLoader(PAGES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    return environment.get_template("report.html.j2")


def report_html(report: Report) -> str:
    """The report as HTML; every text in it is escaped."""
    failures = grouped(report.failures)
    lines = sorted(report.lines, key=lambda line: line.good)
    shown = report.lines if len(lines) <= MOST_LINES else lines[:MOST_LINES]
    page = _template().render(
        report=report,
        counts=counts_text(report),
        mood=_mood(report),
        tiles=list(_tiles(report)),
        legend=list(_legend(report)),
        soaked=any(wave.soak for wave in report.waves),
        failures=[
            (line, names(hosts), list(line.untold("fail", "warn")))
            for line, hosts in failures[:MOST_FAILURES]
        ],
        more_failures=max(0, len(failures) - MOST_FAILURES),
        left=list(_left(report)),
        picture=timeline(report),
        loads=load_picture(report),
        limit=LIMIT,
        moves=moves(report),
        matrix=matrix(report),
        durations=durations(report),
        lines=shown,
        more_lines=len(lines) - len(shown),
        lane=LANE,
        short=lambda text: short(text, MOST_CHARACTERS),
        signs={**SIGN, "soak": ""},
        kind_of=kind_of,
        duration=duration,
    )
    return page.lstrip() + "\n"


def _mood(report: Report) -> str:
    """The colour of the headline."""
    if report.failures or report.halted or report.state == "cut off":
        return "bad"
    return "open" if report.state == "running" else "good"


def _tiles(report: Report) -> Iterator[tuple[str, int, str]]:
    """The counts that a reader looks for first: what failed before what went well."""
    order = list(SIGN)
    counts = Counter(line.outcome for line in report.lines)
    for outcome, count in sorted(counts.items(), key=lambda item: order.index(kind_of(item[0]))):
        yield kind_of(outcome), count, outcome
    if report.unchanged:
        yield "open", report.unchanged, "unchanged"


def _legend(report: Report) -> Iterator[tuple[str, str]]:
    """The outcomes of each colour, as far as there are some."""
    found: dict[str, list[str]] = {}
    for outcome in dict.fromkeys(line.outcome for line in report.lines if line.began):
        found.setdefault(kind_of(outcome), []).append(outcome)
    for kind, outcomes in found.items():
        yield kind, ", ".join(outcomes)


def _left(report: Report) -> Iterator[tuple[int, int, str]]:
    waves: dict[int, list[Line]] = {}
    for line in report.left:
        waves.setdefault(line.wave, []).append(line)
    for wave, lines in sorted(waves.items()):
        yield wave, len(lines), names((line.host for line in lines), MOST_NAMES)
