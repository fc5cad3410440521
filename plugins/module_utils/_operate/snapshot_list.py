# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The snapshots of a fleet: how many each vCluster has, how old and how large they are. Host clusters are asked only
for targets that are on one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from .._cluster.repository import Repository
from .._core.errors import FleetError, Refused
from .._core.snapshot import Manifest
from .._plan.guards.snapshots import target_findings
from .context import Context
from .plan_fleet import Entry
from .render import table, wrapped
from .report_text import duration
from .snapshot_text import bytes_text, size_of

AT_ONCE = 10  # targets are far away, and each vCluster is a folder of its own in one
COLUMNS = ("snapshots", "newest", "size", "in all", "state")
STATES = ("saved", "not encrypted", "old", "damaged", "none", "unreadable", "refused")


@dataclass(frozen=True)
class Listed:
    """What one vCluster has.

    Attributes:
        state: The worst that is true of it, one of STATES: `old` is over `vcluster_snapshots.rpo`, `damaged` has a
            manifest that cannot be read beside good ones.
        count: Snapshots; those are left out that a restore took for itself.
        newest: Id of the newest.
        age: Its age in seconds, by the controller's clock.
        size: Its bytes.
        in_all: Bytes of all of them.
        error: What is wrong with the target or with a manifest.
    """

    host: str
    cluster: str = ""
    state: str = "none"
    count: int = 0
    newest: str = ""
    age: float | None = None
    size: int = 0
    in_all: int = 0
    error: str = ""


def listed(entries: Iterable[Entry], context: Context, now: datetime) -> list[Listed]:
    """One for each vCluster, in the order given."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda entry: _listed(entry, context, now), entries))


def _listed(entry: Entry, context: Context, now: datetime) -> Listed:
    spec = entry.spec
    if spec is None:
        return Listed(entry.host, state="refused", error=str(entry.error))
    missing = target_findings(spec)
    if missing:
        return Listed(entry.host, spec.cluster, "refused", error=str(Refused(missing)))
    try:
        found, errors = Repository(context.target(spec), spec).manifests()
    except FleetError as error:
        return Listed(entry.host, spec.cluster, "unreadable", error=str(error))
    asked = [manifest for manifest in found if not manifest.safety_of]
    in_all = sum(map(size_of, found))
    words = " ".join(errors)
    if not asked:
        state = "damaged" if errors else "none"
        return Listed(entry.host, spec.cluster, state, in_all=in_all, error=words)
    newest = asked[-1]
    age = (now - newest.taken_at).total_seconds()
    return Listed(
        entry.host,
        spec.cluster,
        _state(newest, age, spec.snapshots.rpo, errors),
        len(asked),
        newest.id,
        age,
        size_of(newest),
        in_all,
        words,
    )


def _state(newest: Manifest, age: float, rpo: int | None, errors: Sequence[str]) -> str:
    if errors:
        return "damaged"
    if rpo is not None and age > rpo:
        return "old"
    return "saved" if newest.recipients else "not encrypted"


def listed_table(found: Sequence[Listed]) -> str:
    """A line for each, those of one host cluster together, in 80 columns; then what is wrong."""
    groups: dict[str, list[Listed]] = {}
    for one in found:
        groups.setdefault(one.cluster, []).append(one)
    rows: list[tuple[str, ...]] = []
    for cluster, members in groups.items():
        rows.append((cluster or "no host cluster", *COLUMNS))
        rows += [_row(one) for one in members]
    lines = table(rows) if rows else ["No host of the play is a vCluster."]
    for one in found:
        if one.error:
            lines += wrapped(f"{one.host}: {one.error}", "", "  ")
    return "\n".join(lines)


def _row(one: Listed) -> tuple[str, ...]:
    cells = (
        str(one.count) if one.count else "",
        f"{duration(one.age)} ago" if one.age is not None else "",
        bytes_text(one.size) if one.count else "",
        bytes_text(one.in_all) if one.in_all else "",
        one.state,
    )
    return (f"  {one.host}", *(cell or "-" for cell in cells))


def listed_data(found: Iterable[Listed]) -> list[dict[str, Any]]:
    """For JSON."""
    return [asdict(one) for one in found]
