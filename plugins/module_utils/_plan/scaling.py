# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The size of a vCluster: resources, members of the store, replicas. What changes it, and the steps that do it.

The store grows before the control plane and shrinks after it. Members come one at a time, each with a step of its own;
those that go leave together, since each step restarts every pod (G11). Replicas that are members of the store come and
go over odd counts, and the first one comes alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .._core.plan import Change, Disruption, Growth, Kind, Members, Step, Turn
from .._stores.base import number
from .._stores.registry import store_in
from .claims import growths
from .desired import BUDGET, REPLICAS, RESOURCES, SPREAD
from .disruption import member_change, replica_change, replicas_back, restart
from .guards.case import Case
from .membership import odd_counts
from .merge import Merge
from .values import ABSENT, Path, Tree, build, merged, path_of, pointer, read, remove, write


@dataclass(frozen=True)
class Sizes:
    """The changes of a comparison, by what they are about.

    Attributes:
        resources: Of the control plane's container.
        replicas: Their count, and what is laid in with the second one.
        members: Their count, and what goes with it.
        growths: Sizes of claims, each with what grows.
        others: Those that have nothing to do with size.
    """

    resources: tuple[Change, ...]
    replicas: tuple[Change, ...]
    members: tuple[Change, ...]
    growths: tuple[tuple[Change, Growth], ...]
    others: tuple[Change, ...]

    @property
    def all(self) -> tuple[Change, ...]:
        """Those that have to do with size."""
        grown = (change for change, _growth in self.growths)
        return (*grown, *self.resources, *self.replicas, *self.members)


def sizes(case: Case, changes: tuple[Change, ...]) -> Sizes:
    """Sort the changes from the values that run to those asked for."""
    before, after = _replicas(case)
    growing = dict(growths(case.observation, case.effective_live, case.effective))
    count, *beside = store_in(case.effective).member_paths or [()]
    members = {pointer(count)} if case.course.all else set()
    members |= set(map(pointer, beside)) if case.course.scale else set()
    found: dict[str, list[Change]] = {"resources": [], "replicas": [], "members": [], "others": []}
    grown = []
    for change in changes:
        path = path_of(change.path)
        comes_along = change.why == "default" and after > before and _below(path, SPREAD, BUDGET)
        if path in growing:
            grown.append((change, growing[path]))
            continue
        if change.path in members:
            kind = "members"
        elif comes_along or (path == REPLICAS and before != after):
            kind = "replicas"
        elif change.why != "default" and _below(path, RESOURCES):
            kind = "resources"
        else:
            kind = "others"
        found[kind].append(change)
    return Sizes(**{kind: tuple(some) for kind, some in found.items()}, growths=tuple(grown))


def only_sizes(case: Case, compared: Merge, *, replicas: bool) -> Merge:
    """The same comparison as if nothing else were asked for.

    Args:
        replicas: Nothing else than their count.
    """
    found = sizes(case, compared.changes)
    kept = found.replicas if replicas else found.all
    return Merge(with_changes(case.live, kept), kept, compared.foreign)


def held(values: Tree, changes: tuple[Change, ...]) -> Tree:
    """The values without some changes."""
    back = tuple(Change(change.path, change.after, change.before) for change in changes)
    return with_changes(values, back)


def with_changes(values: Mapping[str, Any], changes: tuple[Change, ...]) -> Tree:
    """The values after some changes."""
    result = merged({}, values)
    for change in changes:
        if change.after is None:
            remove(result, path_of(change.path))
        else:
            write(result, path_of(change.path), change.after)
    return result


def mend_steps(case: Case) -> Iterator[Step]:
    """What puts the members right, with the chart and the values that run."""
    values: Tree = merged({}, case.live)
    for move in case.course.mend:
        values = _with_members(case, values, move)
        yield _member_step(case, move, values, case.running or case.chart.version)
    if back := case.absent:
        yield Step(
            Kind.SCALE_OUT,
            f"replicas that are members of the store come back: {', '.join(map(str, back))} (by ordinal)",
            (Change(pointer(REPLICAS), back.start, back.stop, "drift"),),
            replicas_back(case.spec.name),
            "none",
            case.running or case.chart.version,
            values,
        )


def mended(case: Case, values: Tree) -> Tree:
    """The values with the members as they are once they are mended: never with fewer than there are pods (G06)."""
    store = store_in(case.effective)
    if not store.member_paths:
        return values
    for move in case.course.mend:
        values = _with_members(case, values, move)
    there = case.course.mend[-1].after if case.course.mend else case.members
    if there and store.members(merged(case.chart.defaults, values)) != there:
        values = merged(values, build([(store.member_paths[0], there)]))
    return values


def founders(case: Case) -> int:
    """Replicas that a new vCluster is installed with: one alone where each would found the store for itself (G08).

    Those that an install which was cut off has left stay until they are proved.
    """
    plane = case.observation.workload("control_plane")
    if not store_in(case.effective).replicas_are_members:
        return _replicas(case)[1]
    return (plane.replicas if plane else 0) or 1


def scale_steps(case: Case, found: Sizes, values: Tree) -> Iterator[Step]:
    """Each size in steps of its own.

    Args:
        values: All that is asked for, the sizes left where they are, the members mended.
    """
    for change, growth in found.growths:
        values = with_changes(values, (change,))
        yield _growth_step(case, change, growth, values)
    if found.resources:
        values = with_changes(values, found.resources)
        yield _resources_step(case, found.resources, values)
    growing = [move for move in case.course.scale if move.turn is Turn.JOIN]
    for move in growing:
        values = _with_members(case, values, move)
        yield _member_step(case, move, values, case.chart.version)
    before, after = _replicas(case)
    if store_in(case.effective).replicas_are_members:
        yield from member_replica_steps(case, before, found.replicas, values)
    elif found.replicas:
        values = with_changes(values, found.replicas)
        cost = restart(case.observation.workload("control_plane"), min(before, after))
        yield _replica_step(case, (before, after), found.replicas, cost, values)
    for move in case.course.scale[len(growing) :]:
        values = _with_members(case, values, move)
        yield _member_step(case, move, values, case.chart.version)


def _growth_step(case: Case, change: Change, growth: Growth, values: Tree) -> Step:
    cost = restart(case.observation.workload("control_plane"), _replicas(case)[0])
    reason = f"claims of {growth.workload} {change.before or 'by default'} -> {growth.size}; they never shrink again"
    return Step(
        Kind.RESIZE, reason, (change,), cost, "none", case.chart.version, values, growth=growth
    )


def _resources_step(case: Case, changes: tuple[Change, ...], values: Tree) -> Step:
    before, _after = _replicas(case)
    cost = restart(case.observation.workload("control_plane"), before)
    names = ", ".join(".".join(path_of(change.path)[len(RESOURCES) :]) for change in changes)
    reason = f"resources of the control plane: {names}"
    return Step(Kind.RESIZE, reason, changes, cost, "values", case.chart.version, values)


def _member_step(case: Case, move: Members, values: Tree, version: str) -> Step:
    kind, reason = _told(case, move)
    etcd, told = case.observation.workload("etcd"), store_in(case.effective).joined(case.live)
    return Step(
        kind,
        reason,
        (Change("vcluster_store.members", move.before, move.after),)
        if move.before != move.after
        else (),
        Disruption() if _podless(case, move) else member_change(move, etcd, told=told),
        "values" if move.turn is Turn.JOIN else "none",
        version,
        values,
        move,
    )


def _podless(case: Case, move: Members) -> bool:
    """Whether it takes away a learner that never got its pod: no pod restarts for that."""
    return move.turn is Turn.LEAVE and not case.course.mend and move.before > case.members


def _told(case: Case, move: Members) -> tuple[Kind, str]:
    """Kind and reason of a step."""
    if move.turn is Turn.REPLACE:
        number = move.lost[0]
        why = case.observation.lost_members.get(number, "it began anew, and does not vote yet")
        return Kind.REPLACE_MEMBER, f"etcd member {number} is lost: {why}"
    if move.turn is Turn.RETURN:
        pods = ", ".join(map(str, range(move.before, move.after)))
        return Kind.SCALE_OUT, f"pods of etcd members that vote come back: {pods} (by ordinal)"
    reason = f"etcd members {move.before} -> {move.after}"
    if move.turn is Turn.JOIN:
        return Kind.SCALE_OUT, reason
    if _podless(case, move):
        return Kind.SCALE_IN, f"etcd counts a learner {move.after} that has no pod: it is removed"
    claims = store_in(case.effective).claims(case.spec.name, move.before)[move.after :]
    if gone := case.observation.claimed(claims):
        reason += f"; for good: their claims are deleted ({', '.join(gone)})"
    return Kind.SCALE_IN, reason


def member_replica_steps(
    case: Case, before: int, changes: tuple[Change, ...], values: Tree
) -> Iterator[Step]:
    """Replicas that are members of the store come and go.

    No step goes back by itself: what does not come well must not be made fewer (G06).

    Args:
        before: How many there are.
        changes: What differs in the values; nothing where only somebody changed the count past Helm.
    """
    by_hand = Change(pointer(REPLICAS), before, before, "drift")
    asked = next((c for c in changes if path_of(c.path) == REPLICAS), by_hand)
    beside = tuple(c for c in changes if path_of(c.path) != REPLICAS)
    values = with_changes(values, beside)
    for after in odd_counts(before, _replicas(case)[1]):
        values = merged(values, build([(REPLICAS, after)]))
        counted = (*beside, replace(asked, before=before, after=after))
        cost = replica_change(case.spec.name, before, after)
        step = _replica_step(case, (before, after), counted, cost, values)
        yield replace(step, way_back="none")
        before, beside = after, ()


def _replica_step(
    case: Case,
    counts: tuple[int, int],
    changes: tuple[Change, ...],
    cost: Disruption,
    values: Tree,
) -> Step:
    before, after = counts
    decision = case.spec.decision
    return Step(
        Kind.SCALE_OUT if after > before else Kind.SCALE_IN,
        f"replicas {before} -> {after}" + (f": {decision.reason}" if decision else ""),
        changes,
        cost,
        "values",
        case.chart.version,
        values,
    )


def _replicas(case: Case) -> tuple[int, int]:
    """Before and after; where they are members of the store, all that there are."""
    live, wanted = case.effective_live, case.effective
    before = number(read(live, REPLICAS))
    if store_in(wanted).replicas_are_members:
        before = case.members
    return before, number(read(wanted, REPLICAS))


def _with_members(case: Case, values: Tree, move: Members) -> Tree:
    """The values with so many members, and what those need that join."""
    store = store_in(case.effective)
    count, *beside = store.member_paths
    result = merged(values, build([(count, move.after)]))
    if move in case.course.scale:
        said = ((path, read(case.values, path)) for path in beside)
        return merged(result, build(item for item in said if item[1] is not ABSENT))
    if move.turn in (Turn.JOIN, Turn.REPLACE) or store.joined(values):
        return merged(result, build(store.joining(result)))
    return result


def _below(path: Path, *roots: Path) -> bool:
    return any(path[: len(root)] == root for root in roots)
