# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan and the state of a fleet as text: 80 columns, no colours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from .._core.errors import Refused
from .plan_fleet import Entry, FleetPlan
from .render import WIDTH, finding_lines, live_as_data, plan_lines, wrapped

COLUMNS = ("VCLUSTER", "HOST CLUSTER", "CHART", "KUBERNETES", "REPLICAS", "MEMBERS", "STATE")


def plan_text(fleet: FleetPlan) -> str:
    """The plan: what differs, by wave; what does not is counted."""
    lines = ["PLAN " + "-" * (WIDTH - 5)]
    busy = [entry for entry in fleet.entries if entry.status != "unchanged" or entry.plan.findings]
    for wave in sorted({entry.wave for entry in busy}):
        lines.append(f"Wave {wave}")
        for entry in (entry for entry in busy if entry.wave == wave):
            lines += _entry_lines(entry)
    for cluster, notes in fleet.notes.items():
        for note in notes:
            lines += wrapped(f"{cluster}: {note}", "", "  ")
    lines += wrapped(summary(fleet))
    return "\n".join(lines)


def _entry_lines(entry: Entry) -> Iterator[str]:
    if entry.error is None and entry.spec:
        yield from plan_lines(entry.spec, entry.plan, entry.secret_paths)
        return
    yield f"  {entry.host}: {entry.status}"
    if isinstance(entry.error, Refused):
        for finding in entry.error.findings:
            yield from finding_lines(finding)
    else:
        yield from wrapped(str(entry.error), "    ", "      ")


def summary(fleet: FleetPlan) -> str:
    """One sentence: how many vClusters, and what is with them."""
    counts = Counter(entry.status for entry in fleet.entries)
    words = (("planned", "to change"), ("unchanged", "unchanged"), ("refused", "refused"))
    errors = (("unreachable", "unreachable"), ("failed", "failed"))
    parts = [f"{counts[status]} {word}" for status, word in words]
    parts += [f"{counts[status]} {word}" for status, word in errors if counts[status]]
    return f"{len(fleet.entries)} vClusters: {', '.join(parts)} ({fleet.seconds:.1f} s)"


def status_text(fleet: FleetPlan) -> str:
    """One line for each vCluster."""
    rows = [_row(entry) for entry in fleet.entries]
    return "\n".join(table([COLUMNS, *rows]))


def _row(entry: Entry) -> tuple[str, ...]:
    live: dict[str, Any] = live_as_data(entry.observation)
    if entry.error:
        state = entry.error.outcome
    elif live["release"] == "absent":
        state = "absent"
    elif live["paused"]:
        state = "paused"
    elif live["release"] != "deployed":
        state = str(live["release"])
    elif not all(workload.settled for workload in entry.observation.workloads):
        state = "not ready"
    else:
        state = "proved" if live["proved"] else "not proved"
    cells = (live["version"], live["kubernetes"], live["replicas"], live["members"])
    return (
        entry.host,
        entry.spec.cluster if entry.spec else "",
        *(cell or "-" for cell in cells),
        state,
    )


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as aligned columns; cells that would make a line too long are cut with a mark."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    spare = WIDTH - sum(widths) - 2 * (len(widths) - 1)
    while spare < 0:
        widest = widths.index(max(widths))
        widths[widest] -= 1
        spare += 1
    return [
        "  ".join(_cell(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _cell(text: str, width: int) -> str:
    return text.ljust(width) if len(text) <= width else text[: max(width - 1, 1)] + "~"
