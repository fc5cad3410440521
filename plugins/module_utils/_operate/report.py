# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a run: what was planned, what came of it, what is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .render import WIDTH, wrapped

GOOD = frozenset({"done", "adopted", "unchanged", "planned", "passed"})


@dataclass(frozen=True)
class Line:
    """One vCluster of the report.

    Attributes:
        planned: Step kinds, or what kept it from being planned.
        outcome: What came of it; `not reached` when its wave did not begin.
        checks: Results of its last proof.
    """

    host: str
    cluster: str
    wave: int
    planned: tuple[str, ...]
    outcome: str
    message: str = ""
    seconds: float = 0.0
    checks: tuple[Mapping[str, Any], ...] = ()

    @property
    def good(self) -> bool:
        """Whether nothing is left to do for it."""
        return self.outcome in GOOD


@dataclass(frozen=True)
class Report:
    """The report of a run.

    Attributes:
        halted: The wave that broke its budget, 0 when none did.
        unchanged: How many vClusters needed nothing.
        command: What goes on from here: the same command.
    """

    lines: tuple[Line, ...]
    unchanged: int
    halted: int = 0
    command: str = ""

    @property
    def failures(self) -> tuple[Line, ...]:
        """The vClusters that failed."""
        return tuple(line for line in self.lines if not line.good and line.outcome != "not reached")

    @property
    def left(self) -> tuple[Line, ...]:
        """The vClusters whose wave did not begin."""
        return tuple(line for line in self.lines if line.outcome == "not reached")


def build_report(
    plan: Mapping[str, Any], outcomes: Mapping[str, Mapping[str, Any]], halted: int, command: str
) -> Report:
    """The report from the plan file and the results of the waves.

    Args:
        plan: Content of the plan file.
        outcomes: What the waves registered, by host.
    """
    lines = tuple(
        _line(host, entry, outcomes.get(host), halted)
        for host, entry in plan["hosts"].items()
        if entry["status"] != "unchanged" or host in outcomes
    )
    return Report(lines, len(plan["hosts"]) - len(lines), halted, command)


def _line(
    host: str, entry: Mapping[str, Any], outcome: Mapping[str, Any] | None, halted: int
) -> Line:
    planned = tuple(entry["kinds"]) or (entry["status"],)
    place = {"host": host, "cluster": entry["cluster"], "wave": entry["wave"], "planned": planned}
    if outcome is None:
        reached = not halted or entry["wave"] <= halted
        words = "its task gave no result" if reached else ""
        return Line(**place, outcome="failed" if reached else "not reached", message=words)
    word = outcome.get("outcome") or ("failed" if outcome.get("failed") else "done")
    message = str(outcome.get("msg", "")) if word not in GOOD else ""
    checks = tuple(outcome.get("checks") or ())
    seconds = float(outcome.get("seconds") or 0.0)
    return Line(**place, outcome=str(word), message=message, seconds=seconds, checks=checks)


def report_text(report: Report, files: Mapping[str, str]) -> str:
    """The report in lines of 80 columns.

    Args:
        files: Where the report was written, by kind.
    """
    lines = ["REPORT " + "-" * (WIDTH - 7)]
    for line in report.lines:
        lines += _text_of(line)
    counts = Counter(line.outcome for line in report.lines)
    parts = [
        f"{report.unchanged} unchanged",
        *(f"{count} {word}" for word, count in counts.items()),
    ]
    lines += wrapped(", ".join(parts))
    if report.halted:
        lines += wrapped(
            f"Halted: wave {report.halted} broke its budget; {len(report.left)} not reached."
        )
    if report.failures or report.left:
        lines += wrapped(f"What is done stays done. To go on: {report.command}", "", "  ")
    lines += [f"{kind}: {path}" for kind, path in files.items()]
    return "\n".join(lines)


def _text_of(line: Line) -> Iterator[str]:
    timing = f" in {line.seconds:.0f} s" if line.seconds else ""
    proof = Counter(check["status"] for check in line.checks)
    words = f", proof: {', '.join(f'{n} {s}' for s, n in sorted(proof.items()))}" if proof else ""
    text = f"{line.host}: planned {', '.join(line.planned)}: {line.outcome}{timing}{words}"
    yield from wrapped(text, "  ", "    ")
    if line.message:
        yield from wrapped(line.message, "    ", "    ")
    for check in line.checks:
        if check["status"] in ("fail", "warn"):
            yield from wrapped(
                f"{check['status']} {check['id']}: {check['evidence']}", "    ", "      "
            )


def report_data(report: Report) -> dict[str, Any]:
    """The report as JSON."""
    return {
        "halted": report.halted,
        "unchanged": report.unchanged,
        "hosts": {line.host: asdict(line) for line in report.lines},
        "failed": [line.host for line in report.failures],
        "not_reached": [line.host for line in report.left],
    }
