# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a fleet as text: 80 columns, no colours, those that are in for the same told once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence

from .._core.errors import Refused
from .._core.plan import Change, Plan
from .outlook import DEFAULT_PACE, Outlook, Pace, counted, outlook_of, together
from .plan_fleet import Entry, FleetPlan
from .render import WIDTH, finding_lines, plan_lines, wrapped

# Names that stand before a plan that several share.
NAMES = 6


def plan_text(fleet: FleetPlan, pace: Pace = DEFAULT_PACE) -> str:
    """The plan: what differs, by wave; what does not is counted."""
    lines = ["PLAN " + "-" * (WIDTH - 5)]
    busy = [entry for entry in fleet.entries if entry.status != "unchanged" or entry.plan.findings]
    outlooks = []
    for wave in sorted({entry.wave for entry in busy}):
        members = [entry for entry in busy if entry.wave == wave]
        outlook = outlook_of(members, pace)
        outlooks.append(outlook)
        lines.append(f"Wave {wave}: {outlook}" if outlook.vclusters else f"Wave {wave}")
        for alike in _alike(members):
            lines += _lines_of(alike)
    for cluster, notes in fleet.notes.items():
        for note in notes:
            lines += wrapped(f"{cluster}: {note}", "", "  ")
    lines += wrapped(summary(fleet))
    lines += _in_all([outlook for outlook in outlooks if outlook.vclusters], pace)
    return "\n".join(lines)


def _in_all(outlooks: Sequence[Outlook], pace: Pace) -> Iterator[str]:
    if len(outlooks) > 1:
        yield from wrapped(f"In all: {together(outlooks, pace)}")


def _alike(entries: Iterable[Entry]) -> list[list[Entry]]:
    """Entries that are in for the same, together; in the order of the first of each."""
    groups: dict[Hashable, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(_shape(entry), []).append(entry)
    return list(groups.values())


def _shape(entry: Entry) -> Hashable:
    """What is the same for entries that are told once: all but names, and the values of a plan."""
    if isinstance(entry.error, Refused):
        return tuple(_nameless(entry, finding.what) for finding in entry.error.findings)
    if entry.error:
        return _nameless(entry, str(entry.error))
    steps = tuple(
        (step.kind, step.reason, tuple((change.path, change.why) for change in step.changes))
        for step in entry.plan.steps
    )
    findings = tuple(_nameless(entry, finding.what) for finding in entry.plan.findings)
    return steps, findings, entry.plan.foreign


def _nameless(entry: Entry, text: str) -> str:
    return text.replace(entry.host, "")


def _lines_of(alike: Sequence[Entry]) -> Iterator[str]:
    """The plan that several share, by that of the first."""
    first = alike[0]
    if first.error is None and first.spec:
        yield from plan_lines(_names(alike), first.plan, first.secret_paths, _own(alike))
        return
    yield from wrapped(f"{_names(alike)}: {first.status}", "  ", "    ")
    if isinstance(first.error, Refused):
        for finding in first.error.findings:
            yield from finding_lines(finding)
    else:
        yield from wrapped(str(first.error), "    ", "      ")


def _names(alike: Sequence[Entry]) -> str:
    more = len(alike) - NAMES
    names = ", ".join(entry.host for entry in alike[:NAMES])
    return f"{names} and {more} more" if more > 0 else names


def _own(alike: Sequence[Entry]) -> frozenset[str]:
    """Paths of changes whose values are not the same for all, in the same step."""
    told = [
        {
            (change.path, number, repr((change.before, change.after)))
            for number, changes in enumerate(_changes(entry.plan))
            for change in changes
        }
        for entry in alike
    ]
    first = told[0]
    return frozenset(path for path, *_value in first.union(*told) - first.intersection(*told))


def _changes(plan: Plan) -> Iterator[tuple[Change, ...]]:
    yield from (step.changes for step in plan.steps)
    yield plan.inventory


def summary(fleet: FleetPlan) -> str:
    """One sentence: how many vClusters, and what is with them."""
    counts = Counter(entry.status for entry in fleet.entries)
    words = (("planned", fleet.words), ("unchanged", "unchanged"), ("refused", "refused"))
    errors = (("unreachable", "unreachable"), ("failed", "failed"))
    parts = [f"{counts[status]} {word}" for status, word in words]
    parts += [f"{counts[status]} {word}" for status, word in errors if counts[status]]
    return f"{counted(len(fleet.entries), 'vCluster')}: {', '.join(parts)} ({fleet.seconds:.1f} s)"
