# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ways from one set of versions to another, by the facts of the lines. Each move changes one of the three.

Every way has as many moves as it needs: nothing goes down, so none turns back. What is searched for is an order in
which every one is open; `moves` has them in the order in which they are preferred.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .._core.finding import Finding, refuse
from .._core.lines.line import Broken, Distro, Line, Patch
from .._core.lines.registry import LINES, lowers, patch_of
from .._core.plan import Kind
from .._core.versions import Version, version_of
from .renames import path_of_key
from .values import read

# The releases of etcd that charts bring, each with the line of the chart.
_ETCD = tuple(
    dict.fromkeys(
        (line.minor, version)
        for line in LINES
        for patch in line.patches
        for version in [version_of(patch.etcd)]
        if version
    )
)
# The first line whose image takes over what k3s left (0.25.0, pkg/k8s/migrate.go), and the last one with k3s.
K3S_MOVES, K3S_ENDS = (0, 25), (0, 32)


@dataclass(frozen=True)
class State:
    """What runs at one point of the way.

    Attributes:
        store: Version of the store's servers; None where the store has none of its own.
    """

    chart: Version
    kubernetes: Version
    store: Version | None


@dataclass(frozen=True)
class Journey:
    """From where to where, and what holds all the way.

    Attributes:
        distro: What brings the tenant's Kubernetes.
        values: User values.
        allow: Guards that are lifted.
    """

    start: State
    end: State
    distro: str
    values: Mapping[str, Any]
    allow: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Move:
    """One move.

    Attributes:
        after: What runs then.
        closed: Why it cannot be made; None where it can.
    """

    kind: Kind
    after: State
    closed: Finding | None = None


def search(journey: Journey) -> tuple[tuple[Move, ...], tuple[Finding, ...]]:
    """The moves to the end, or what closed the last ways there."""
    closed: list[tuple[int, Finding]] = []
    dead: set[State] = set()

    def walk(state: State, done: tuple[Move, ...]) -> tuple[Move, ...] | None:
        if state in dead:
            return None
        found = tuple(moves(state, journey))
        if not found:
            return done
        for move in found:
            if move.closed:
                closed.append((len(done), move.closed))
            elif (way := walk(move.after, (*done, move))) is not None:
                return way
        dead.add(state)
        return None

    way = walk(journey.start, ())
    if way is not None:
        return way, ()
    last = max(depth for depth, _finding in closed)
    return (), tuple(dict.fromkeys(finding for depth, finding in closed if depth == last))


def moves(state: State, journey: Journey) -> Iterator[Move]:
    """What is left to be moved, the preferred move first; none at the end.

    A later minor of the store as soon as a chart brings it, so that no chart runs long with a store it did not come
    with; then the chart, as far as it goes; then the rest of the store; the tenant's Kubernetes last, or when a chart
    waits for it.
    """
    store = tuple(_store_moves(state, journey))
    early = [move for move in store if _later_minor(state, journey) and not move.closed]
    yield from early
    yield from _chart_moves(state, journey)
    yield from (move for move in store if move not in early)
    yield from _kubernetes_moves(state, journey)


def parsed(text: str) -> Version:
    """A version that is known to be one. ValueError otherwise."""
    found = version_of(text)
    if found is None:
        raise ValueError(text)
    return found


def line_at(chart: Version) -> Line:
    """The line of a chart that is known."""
    return next(line for line in LINES if line.minor == chart.minor)


def broken_in(chart: Version, values: Mapping[str, Any]) -> tuple[Broken, ...]:
    """What a chart breaks with these values (G60)."""
    return _broken(line_at(chart), str(chart), values)


def _broken(line: Line, chart: str, values: Mapping[str, Any]) -> tuple[Broken, ...]:
    return tuple(
        broken
        for broken in line.broken
        if chart in broken.versions and read(values, path_of_key(broken.key)) is True
    )


def best(line: Line, before: Patch | None, values: Mapping[str, Any]) -> Patch:
    """The newest release of a line, but one that breaks nothing (G60) before one that lowers no default (G19, G56)."""

    def rank(place: int) -> tuple[bool, bool, int]:
        patch = line.patches[place]
        lower = before is not None and lowers(before, patch)
        return not _broken(line, patch.version, values), not lower, place

    return line.patches[max(range(len(line.patches)), key=rank)]


def last_of(minor: tuple[int, int]) -> Version | None:
    """The newest release of a minor of etcd that any chart brings."""
    return max((v for _line, v in _ETCD if v.minor == minor), key=_age, default=None)


def _age(version: Version) -> tuple[int, int, int]:
    """The suffix of an image says how it was built, not how new it is."""
    return version.numbers


def _brought(line: Line) -> list[Version]:
    """The releases of etcd that the charts up to a line bring."""
    return [version for minor, version in _ETCD if minor <= line.minor]


def _chart_moves(state: State, journey: Journey) -> Iterator[Move]:
    """G16: one line at a time, by a patch that lowers no default (G19, G56) and breaks nothing (G60)."""
    end = journey.end.chart
    if state.chart.order >= end.order:
        return
    after = end
    if end.minor > (0, state.chart.minor[1] + 1):
        (line,) = (line for line in LINES if line.minor == (0, state.chart.minor[1] + 1))
        after = parsed(best(line, patch_of(str(state.chart)), journey.values).version)
    closed = next(_chart_closed(state, after, journey), None)
    yield Move(Kind.CHART_HOP, replace(state, chart=after), closed)


def _chart_closed(state: State, after: Version, journey: Journey) -> Iterator[Finding]:
    line = line_at(after)
    distro = line.distro(journey.distro)
    if distro is None:
        yield _distro_ends(journey.start, line, journey.distro)
        return
    if state.kubernetes.minor < distro.minors[0]:
        first = _words(distro.minors[0])
        yield refuse(
            "G16",
            f"Chart {after} supports tenant Kubernetes from {first} on, and {state.kubernetes} runs.",
            "The vendor supports no older one with it.",
            f"Set vcluster_kubernetes_version to a release of {first} or later: it moves before the chart.",
        )
    if "G60" not in journey.allow:
        known = {broken.key for broken in broken_in(state.chart, journey.values)}
        for broken in broken_in(after, journey.values):
            if broken.key not in known:
                yield refuse(
                    "G60",
                    f"{broken.key} is on, and the way leads over chart {after}.",
                    f"There {broken.what}. Free of it: {broken.fixed}.",
                    "Switch it off until then, or set vcluster_allow: [G60].",
                )


def _distro_ends(start: State, line: Line, name: str) -> Finding:
    """G21: until where it goes, and what to do there."""
    last = [known for known in LINES if known.distro(name)][-1]
    what = f"The tenant's Kubernetes is {name}, which line {line.name} does not have: {last.name} is the last one."
    if name == "k3s":
        there = start.chart if start.chart.minor >= K3S_MOVES else last.patches[-1].version
        first = "" if there is start.chart else f"Set vcluster_version to {there} first. "
        numbers = ".".join(map(str, start.kubernetes.numbers))
        way_out = (
            f"{first}On {there} remove controlPlane.distro.k3s, with vcluster_kubernetes_version of the same minor and "
            f"no lower than {numbers}, and a snapshot before: the vendor's image takes over data and certificates, and "
            "there is no way back. Then go on."
        )
    else:
        way_out = f"Install a new vCluster with k8s and move what is in it: the vendor has no way from {name} to k8s."
    return refuse("G21", what, "Its pods would not find their data.", way_out)


def _kubernetes_moves(state: State, journey: Journey) -> Iterator[Move]:
    """G16, G19: one minor at a time, to what the chart of that moment supports."""
    now, end = state.kubernetes, journey.end.kubernetes
    if _age(now) >= _age(end):
        return
    if now.minor == end.minor:
        yield Move(Kind.KUBERNETES_HOP, replace(state, kubernetes=end))
        return
    line = line_at(state.chart)
    distro = line.distro(journey.distro)
    minor = (now.minor[0], now.minor[1] + 1)
    after = end if minor == end.minor else _image(minor, line, journey.distro)
    if distro is None or minor > distro.minors[-1] or after is None:
        yield Move(Kind.KUBERNETES_HOP, state, _unsupported(minor, line, distro))
    else:
        yield Move(Kind.KUBERNETES_HOP, replace(state, kubernetes=after))


def _image(minor: tuple[int, int], line: Line, distro: str) -> Version | None:
    """The release of a minor that a line supports, else the last that an earlier one did."""
    for known in reversed(LINES):
        found = known.distro(distro) if known.minor <= line.minor else None
        if found and (text := found.version(minor)):
            return version_of(text)
    return None


def _unsupported(minor: tuple[int, int], line: Line, distro: Distro | None) -> Finding:
    if distro and minor < distro.minors[0]:
        what = (
            f"Tenant Kubernetes {_words(minor)} is on the way, and no release of it is known here."
        )
        way_out = f"Set vcluster_kubernetes_version to a release of {_words(minor)} first."
        return refuse("G16", what, "A minor is not skipped.", way_out)
    newest = _words(distro.minors[-1]) if distro else "none"
    later = [known.name for known in LINES if _supports(known, distro, minor)]
    way_out = f"Set vcluster_version to a release of {later[0]} or later" if later else ""
    return refuse(
        "G16",
        f"Charts of line {line.name} support tenant Kubernetes up to {newest}, and {_words(minor)} is on the way.",
        "The vendor has no image of it for that chart.",
        f"{way_out}, or choose an older Kubernetes." if later else "Choose an older Kubernetes.",
    )


def _supports(line: Line, distro: Distro | None, minor: tuple[int, int]) -> bool:
    found = line.distro(distro.name) if distro else None
    return found is not None and minor in found.minors


def _later_minor(state: State, journey: Journey) -> bool:
    now, end = state.store, journey.end.store
    return bool(now and end and now.minor < end.minor)


def _store_moves(state: State, journey: Journey) -> Iterator[Move]:
    """G18: within a minor at the end; to the next one from the last release of this one, on a chart that brings it."""
    now, end = state.store, journey.end.store
    if now is None or end is None or _age(now) >= _age(end):
        return
    finished = state.chart == journey.end.chart
    brought = _brought(line_at(state.chart))
    after: Version | None = None
    if now.minor == end.minor:
        after = end if finished else None
    elif (last := last_of(now.minor)) and _age(now) < _age(last):
        after = last if _age(last) <= max(map(_age, brought)) else None
    else:
        minor = (now.minor[0], now.minor[1] + 1)
        found = [v for v in brought if v.minor == minor]
        if found:
            after = end if finished and minor == end.minor else max(found, key=_age)
            after = min(after, end, key=_age)
    if after is not None:
        yield Move(Kind.ETCD_HOP, replace(state, store=after))
    elif finished:
        what = f"Charts up to {state.chart} bring etcd {max(brought, key=_age)}, and {end} is asked for; {now} runs."
        why = "A later minor is moved to from the last release of the one before, on a chart that brings it."
        way_out = (
            "Set vcluster_version to a later chart, or leave the version of etcd to the chart."
        )
        yield Move(Kind.ETCD_HOP, state, refuse("G18", what, why, way_out))


def _words(minor: tuple[int, int]) -> str:
    return f"{minor[0]}.{minor[1]}"
