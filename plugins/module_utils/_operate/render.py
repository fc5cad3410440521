# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan as data for files and results, and as text for people. Every secret in it is masked."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from .._core.finding import Finding
from .._core.observation import Observation, Workload
from .._core.plan import HOPS, Plan, Step
from .._plan.mask import mask, mask_change
from .._stores.seen import store_seen

WIDTH = 80
SIGNS = {"asked": "~", "drift": "!", "removed": "-", "default": "+"}
WORDS = {"drift": "by hand", "removed": "gone from the inventory", "default": "default"}
# Changes shown for a step; the plan file has all of them.
SHOWN_CHANGES = 12
WAYS_BACK = {
    "values": "the values of the revision before it",
    "snapshot": "the snapshot before it, in the versions of then; what is written after it is lost to the tenant",
    "store": "the store before it, with all that was written since where that can be read",
    "none": "none",
}


def plan_as_data(plan: Plan, secret_paths: tuple[str, ...]) -> dict[str, Any]:
    """The plan of one vCluster, masked, fit for JSON."""
    return {
        "digest": plan.digest,
        "kinds": list(plan.kinds),
        "steps": [_step_as_data(step, secret_paths) for step in plan.steps],
        "findings": [asdict(finding) for finding in plan.findings],
        "foreign": list(plan.foreign),
        "inventory": [asdict(mask_change(change, secret_paths)) for change in plan.inventory],
    }


def _step_as_data(step: Step, secret_paths: tuple[str, ...]) -> dict[str, Any]:
    return {
        "kind": step.kind.value,
        "reason": step.reason,
        "version": step.version,
        "changes": [asdict(mask_change(change, secret_paths)) for change in step.changes],
        "disruption": asdict(step.disruption),
        "way_back": step.way_back,
        "values": mask(dict(step.values), secret_paths) if step.values is not None else None,
    }


def live_as_data(observation: Observation) -> dict[str, Any]:
    """What runs, from the light pass or the full one."""
    plane, etcd = observation.workload("control_plane"), observation.workload("etcd")
    release = observation.release
    return {
        "revision": release.revision if release else 0,
        "release": release.status if release else "absent",
        "proved": bool(
            release and release.applied and release.applied.revision == release.revision
        ),
        "version": _tag(plane, "syncer"),
        "kubernetes": _tag(plane, "kubernetes").removeprefix("v"),
        # By the values alone: somebody drops a database for what this says.
        "store": store_seen(release.values if release else None, ()),
        "replicas": _count(plane),
        "members": _count(etcd),
        "paused": observation.paused,
    }


def _tag(workload: Workload | None, container: str) -> str:
    return workload.tag(container) if workload else ""


def _count(workload: Workload | None) -> str:
    return f"{workload.current}/{workload.replicas}" if workload else ""


def plan_lines(
    title: str, plan: Plan, secret_paths: tuple[str, ...] = (), own: frozenset[str] = frozenset()
) -> Iterator[str]:
    """A plan in lines of at most 80 columns.

    Args:
        title: Whose it is.
        own: Paths of changes whose values are not shown, since each of several vClusters has its own.
    """
    kinds = ", ".join(plan.kinds) or "nothing to do"
    yield from wrapped(f"{title}: {kinds}", "  ", "    ")
    for step in plan.steps:
        yield from _step_lines(step, secret_paths, own)
    for finding in plan.findings:
        yield from finding_lines(finding)
    if plan.inventory:
        yield "    in the inventory, below vcluster_values:"
    for change in (mask_change(change, secret_paths) for change in plan.inventory):
        sign, value = ("-", change.before) if change.after is None else ("+", change.after)
        values = "each its own" if change.path in own else _value(value)
        yield from wrapped(f"{dotted(change.path)}: {values}", f"      {sign} ", "        ")
    if plan.foreign:
        yield from wrapped(
            f"kept, not asked for: {', '.join(map(dotted, plan.foreign))}", "    ", "      "
        )


def _step_lines(step: Step, secret_paths: tuple[str, ...], own: frozenset[str]) -> Iterator[str]:
    yield from wrapped(f"{step.kind.value}: {step.reason}", "    ", "      ")
    for change in (mask_change(change, secret_paths) for change in step.changes[:SHOWN_CHANGES]):
        note = f" ({WORDS[change.why]})" if change.why in WORDS else ""
        before = "" if change.before is None else f"{_value(change.before)} -> "
        values = "each its own" if change.path in own else f"{before}{_value(change.after)}"
        yield from wrapped(
            f"{dotted(change.path)}: {values}{note}",
            f"      {SIGNS[change.why]} ",
            "        ",
        )
    if len(step.changes) > SHOWN_CHANGES:
        yield f"      ... and {len(step.changes) - SHOWN_CHANGES} more, see the plan file"
    if step.disruption.kind != "none":
        about = f", about {step.disruption.seconds} s" if step.disruption.seconds else ""
        text = f"disruption: {step.disruption.kind}{about} ({step.disruption.estimate})"
        yield from wrapped(text, "      ", "        ")
    if step.kind in HOPS or step.way_back in ("snapshot", "store"):
        yield from wrapped(f"way back: {WAYS_BACK[step.way_back]}", "      ", "        ")


def dotted(path: str) -> str:
    """A JSON pointer as Helm's users write it."""
    if not path.startswith("/"):
        return path
    return ".".join(key.replace("~1", "/").replace("~0", "~") for key in path.split("/")[1:])


def _value(value: Any) -> str:
    """As JSON, but for plain text; `unset` for what is not there."""
    text = "unset" if value is None else value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 120 else text[:117] + "..."


def finding_lines(finding: Finding) -> Iterator[str]:
    """A finding: the fact, then why and the way out, indented."""
    word = "refused" if finding.severity == "refuse" else "warning"
    yield from wrapped(f"{word} [{finding.guard}] {finding.what}", "    ", "      ")
    for part in (finding.why, finding.way_out):
        if part:
            yield from wrapped(part, "      ", "      ")


def wrapped(text: str, first: str = "", others: str = "") -> list[str]:
    """The text in lines of 80 columns; a word longer than that stays whole."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )


def table(rows: Sequence[Sequence[str]], width: int = WIDTH) -> list[str]:
    """Rows as aligned columns; cells that would make a line too long are cut with a mark."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    spare = width - sum(widths) - 2 * (len(widths) - 1)
    while spare < 0:
        widest = widths.index(max(widths))
        widths[widest] -= 1
        spare += 1
    return [
        "  ".join(_cell(cell, size) for cell, size in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _cell(text: str, width: int) -> str:
    return text.ljust(width) if len(text) <= width else text[: max(width - 1, 1)] + "~"
