# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a fleet as text: 80 columns, no colours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from .._core.errors import Refused
from .plan_fleet import Entry, FleetPlan
from .render import WIDTH, finding_lines, plan_lines, wrapped


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
