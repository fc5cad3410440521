# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hops from what runs to what is asked for: each moves the chart, the tenant's Kubernetes, or the store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .._core.finding import Finding, refusals, refuse, warn
from .._core.lines.line import Line
from .._core.lines.registry import LINES, line_of, patch_of
from .._core.plan import Kind
from .._core.versions import Version, version_of
from .._stores.registry import store_in
from .._stores.store import Store
from .distro import distro_in, version_paths
from .renames import Rename, path_of_key, rename_findings, renamed
from .values import Path, build, leaves, pointer, read, remove, write
from .ways import Journey, Move, State, broken_in, line_at, parsed, search

# etcd.io, blog of 2025-12-21: members that were removed once may come back in 3.6, this release of 3.5 repairs that.
REPAIRED = (3, 5, 26)


@dataclass(frozen=True)
class Running:
    """What runs.

    Attributes:
        chart: Version of the chart.
        kubernetes: The tenant's Kubernetes as its image says it, without the v (`1.34.1`, `1.32.1-k3s1`); None when
            that is unknown.
        values: User values.
        store: Image tag of the store's servers, where they have one of their own (`3.6.4-0`); None when unknown.
        host: Minor of the host cluster; None when unknown.
        foreign: JSON pointers of values that nobody asked for here.
    """

    chart: str
    kubernetes: str | None
    values: Mapping[str, Any] = field(default_factory=dict)
    store: str | None = None
    host: tuple[int, int] | None = None
    foreign: tuple[str, ...] = ()


@dataclass(frozen=True)
class Target:
    """What is asked for.

    Attributes:
        chart: Version of the chart.
        kubernetes: The tenant's Kubernetes; None: it stays.
        store: Version of the store's servers; None: what the chart brings, never below what runs.
        values: User values of the inventory.
        distro: What brings the tenant's Kubernetes with all that is asked for; None: it stays.
        allow: Guards that `vcluster_allow` lifts.
    """

    chart: str
    kubernetes: str | None = None
    store: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    distro: str | None = None
    allow: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Hop:
    """One hop.

    Attributes:
        kind: `chart_hop`, `kubernetes_hop` or `etcd_hop`.
        before: What runs then.
        after: What runs afterwards; one of the three differs.
        reason: In one line.
        pins: Values that say what does not move with the chart, and what they say.
        renames: Values that change their place, since the chart takes them no more where they were.
        values: User values that Helm runs with.
        snapshot: Whether it needs a proved snapshot before.
        way_back: `values`: those of before; `snapshot`: it is restored into the old versions (G25); `none`.
        rolls_members: The members of a store that is deployed beside the control plane restart too.
    """

    kind: Kind
    before: State
    after: State
    reason: str
    pins: tuple[tuple[Path, str], ...]
    renames: tuple[Rename, ...]
    values: Mapping[str, Any]
    snapshot: bool
    way_back: Literal["values", "snapshot", "none"]
    rolls_members: bool


@dataclass(frozen=True)
class Route:
    """The hops in order, or the findings that refuse them.

    Attributes:
        renames: The diff for the inventory: what is asked for, and what stands for it with the target's chart (G17).
    """

    hops: tuple[Hop, ...] = ()
    findings: tuple[Finding, ...] = ()
    renames: tuple[Rename, ...] = ()


def route(running: Running, target: Target) -> Route:
    """The hops from what runs to what is asked for."""
    found = list(_unknown(running, target))
    if found:
        return Route(findings=tuple(found))
    journey = _journey(running, target)
    found = list(_below(running, target, journey))
    if found:
        return Route(findings=tuple(found))
    moves, closed = search(journey)
    if not moves and not closed:
        return Route()
    renames, outdated = rename_findings(target.values, target.chart)
    findings = (*_other_distro(running, target), *closed, *outdated, *_dropped(running, target))
    if refusals(findings):
        return Route(findings=findings, renames=renames)
    hops = tuple(_hops(running, journey, moves))
    return Route(hops, tuple(dict.fromkeys(_warnings(running, journey, hops))), renames)


def _dropped(running: Running, target: Target) -> Iterator[Finding]:
    """G17, G52: a value that somebody else put there has its reason; it is not dropped with its key."""
    for line, key in renamed(running.values, target.chart).left:
        place = pointer(path_of_key(key.key))
        theirs = [path for path in running.foreign if f"{path}/".startswith(f"{place}/")]
        if theirs:
            yield refuse(
                "G17",
                f"It runs with {', '.join(theirs)}, which went with {line}; chart {target.chart} does not take it.",
                "Nobody asked for it here, and nothing stands for it exactly.",
                f"Instead: {key.replacement}. To give it up, take it into vcluster_values, run fleetops.vcluster.site, "
                "and leave it out again.",
            )


def _unknown(running: Running, target: Target) -> Iterator[Finding]:
    """G16, G18: what nobody can tell is neither moved nor held."""
    known = f"Known lines: {LINES[0].name} to {LINES[-1].name}."
    for name, chart in (("The running chart", running.chart), ("vcluster_version", target.chart)):
        if line_of(chart) is not None:
            continue
        found = version_of(chart)
        if found and found.minor < LINES[0].minor:
            why = "Its values have another form, and it has another chart for each distro."
            way_out = (
                f"Go to {LINES[0].name} by hand: vcluster convert config, of a client from 0.20 to 0.31, writes the "
                "new form; say the distro in it, the default is another one there."
            )
        else:
            why, way_out = "What lies between is not known here.", known
        yield refuse("G16", f"{name} is {chart}, of a line that is not known here.", why, way_out)
    for name, text in (
        ("The tenant's Kubernetes", running.kubernetes or ""),
        ("vcluster_kubernetes_version", target.kubernetes or running.kubernetes or ""),
    ):
        if version_of(text) is None:
            what = f"{name} is {f'{text}, which is no version' if text else 'not known'}."
            way_out = "Give the image that brings it a tag such as v1.36.0, with helm and the version that runs."
            yield refuse("G16", what, "It must not go down, nor skip a minor.", way_out)
            break
    store = store_in(running.values)
    if store.version_path is None:
        if target.store is not None:
            what = f"A version of the store is asked for, {target.store}, and {store.type} has none of its own."
            yield refuse("spec", what, "", "Remove it.")
        return
    for text in (running.store or "", target.store or running.store or ""):
        if version_of(_plain(text)) is None:
            what = f"The version of the store is {text or 'not known'}."
            way_out = f"Give its image a tag such as 3.6.8-0 ({pointer(store.version_path)}), the one that runs."
            yield refuse("G18", what, "It must not go down, nor skip a minor.", way_out)
            break


def _plain(tag: str) -> str:
    """An image tag without the digest that may follow it."""
    return tag.partition("@")[0]


def _version(text: str) -> Version:
    """Of what `_unknown` has looked at before."""
    return parsed(_plain(text))


def _journey(running: Running, target: Target) -> Journey:
    chart, kubernetes = _version(running.chart), _version(running.kubernetes or "")
    store = None
    if store_in(running.values).version_path is not None:
        store = _version(running.store or "")
    start = State(chart, kubernetes, store)
    distro = distro_in(running.values)
    wanted = _version(target.kubernetes or running.kubernetes or "")
    if target.distro not in (None, distro) and wanted.minor == kubernetes.minor:
        wanted = kubernetes  # Each distro has releases of its own: it comes with the other one.
    end = State(_version(target.chart), wanted, store and _store_asked(store, target))
    return Journey(start, end, distro, running.values, target.allow)


def _store_asked(now: Version, target: Target) -> Version:
    if target.store is not None:
        return _version(target.store)
    chart = _version(target.chart)
    patch = patch_of(target.chart) or line_at(chart).patches[-1]
    return max(now, _version(patch.etcd), key=lambda version: version.numbers)


def _below(running: Running, target: Target, journey: Journey) -> Iterator[Finding]:
    """G16, G25: nothing goes down."""
    start, end = journey.start, journey.end
    if end.chart.order < start.chart.order:
        yield refuse(
            "G16",
            f"vcluster_version {target.chart} is below the running {running.chart}.",
            "A chart does not go down: the store and the tenant's objects do not go back with it.",
            f"Set vcluster_version to {running.chart} or later.",
        )
    if end.kubernetes.numbers < start.kubernetes.numbers:
        yield refuse(
            "G16",
            f"Tenant Kubernetes {target.kubernetes} is below the running {running.kubernetes}.",
            "Objects stored by a newer API server are not readable for an older one.",
            f"Set vcluster_kubernetes_version to {running.kubernetes} or later.",
        )
    if start.store and end.store and end.store.numbers < start.store.numbers:
        yield refuse(
            "G25",
            f"etcd {target.store} is below the running {running.store}.",
            "An older one does not read what a newer one wrote.",
            f"Ask for {running.store} or later.",
        )


def _other_distro(running: Running, target: Target) -> Iterator[Finding]:
    now, then = distro_in(running.values), target.distro
    if then not in (None, now):
        yield refuse(
            "G21",
            f"The values ask for {then}, {now} runs, and versions move as well.",
            "What brings the tenant's Kubernetes changes alone.",
            "Change that first, with the versions that run: from k3s to k8s, on a chart from 0.25 to 0.32.",
        )


def _hops(running: Running, journey: Journey, moves: tuple[Move, ...]) -> Iterator[Hop]:
    values, before = build(leaves(running.values)), journey.start
    store = store_in(running.values)
    saved = store.way is not None and not store.data_findings(running.values)
    for move in moves:
        renames: tuple[Rename, ...] = ()
        if move.kind is Kind.CHART_HOP:
            result = renamed(values, str(move.after.chart))
            values, renames = result.values, result.renames
            for _line, key in result.left:
                # Nothing exact stands for it, and it is not asked for any more: that would be refused.
                path = path_of_key(key.key)
                renames = (*renames, Rename(pointer(path), None, read(values, path), None))
                remove(values, path)
        pins = tuple(_pins(move.after, journey.distro, store, values))
        for path, text in pins:
            write(values, path, text)
        back = _way_back(before, move.after)
        yield Hop(
            move.kind,
            before,
            move.after,
            _reason(move.kind, before, move.after),
            pins,
            renames,
            build(leaves(values)),
            snapshot=back == "snapshot" and saved,
            way_back=back if back == "values" or saved else "none",
            rolls_members=store.version_path is not None and _rolls_members(before, move),
        )
        before = move.after


def _pins(
    state: State, distro: str, store: Store, values: Mapping[str, Any]
) -> Iterator[tuple[Path, str]]:
    """G19, G57: what is not moved is said, or the chart's default, or the host, would decide."""
    if found := line_at(state.chart).distro(distro):
        for path in version_paths(values, found):
            yield path, _written(read(values, path), state.kubernetes, "v")
    if store.version_path and state.store:
        yield store.version_path, _written(read(values, store.version_path), state.store, "")


def _written(now: Any, version: Version, prefix: str) -> str:
    """A pin that says the same already stays as it is written: it may carry a digest."""
    same = isinstance(now, str) and version_of(_plain(now)) == version
    return str(now) if same else f"{prefix}{version}"


def _way_back(before: State, after: State) -> Literal["values", "snapshot"]:
    """G25: by values within one line, one minor of Kubernetes and one of the store."""
    stores = (before.store, after.store)
    pairs = ((before.chart, after.chart), (before.kubernetes, after.kubernetes), stores)
    same = all(one is None or other is None or one.minor == other.minor for one, other in pairs)
    return "values" if same else "snapshot"


def _rolls_members(before: State, move: Move) -> bool:
    """Every value restarts the control plane (G11); members of the store restart where their template changes."""
    between = before.chart.minor != move.after.chart.minor
    return move.kind is Kind.ETCD_HOP or (between and line_at(move.after.chart).rolls_etcd)


def _reason(kind: Kind, before: State, after: State) -> str:
    if kind is Kind.KUBERNETES_HOP:
        return f"Kubernetes {before.kubernetes} -> {after.kubernetes}"
    if kind is Kind.ETCD_HOP:
        return f"etcd {before.store} -> {after.store}"
    stays = f"Kubernetes stays at {after.kubernetes}"
    stays += f", etcd at {after.store}" if after.store else ""
    return f"chart {before.chart} -> {after.chart}, {stays}"


def _warnings(running: Running, journey: Journey, hops: tuple[Hop, ...]) -> Iterator[Finding]:
    end, line = hops[-1].after, line_at(hops[-1].after.chart)
    yield from _unknown_host(end, running.host, line)
    ahead = [hop.after for hop in hops if _is_ahead(hop.after, journey.distro)]
    if ahead:
        yield warn(
            "G57",
            f"Tenant Kubernetes {ahead[0].kubernetes} is newer than what chart {ahead[0].chart} supports.",
            "It runs already and cannot go down, so it is pinned; the vendor says nothing of that pair.",
        )
    for hop in hops:
        for broken in broken_in(hop.after.chart, running.values):
            what = f"{broken.key} is on, and the way leads over chart {hop.after.chart}."
            yield warn("G60", what, f"There {broken.what}.", f"Free of it: {broken.fixed}.")
        old, new = hop.before.store, hop.after.store
        if old and new and old.minor < new.minor == (3, 6) and old.numbers < REPAIRED:
            yield warn(
                "G18",
                f"etcd goes from {old} to {new}.",
                "Members that were removed in earlier years may come back with 3.6; 3.5.26 repairs that, and no chart "
                "brings it.",
                "Ask for the store version 3.5.26-0 first, where its image can be had.",
            )
    if any(hop.way_back == "none" for hop in hops):
        what = f"Nobody can take a snapshot of this store ({store_in(running.values).type}) here."
        why = "A hop to another line or minor does not go back by values."
        yield warn("G25", what, why, "Save it by its own means first.")


def _is_ahead(state: State, distro: str) -> bool:
    found = line_at(state.chart).distro(distro)
    return found is not None and state.kubernetes.minor > found.minors[-1]


def _unknown_host(end: State, host: tuple[int, int] | None, line: Line) -> Iterator[Finding]:
    """G20: a host that the line was not tried on; the pair that is known to fail is the guard's."""
    if host and line.hosts and host not in line.hosts:
        known = f"{line.hosts[0][0]}.{line.hosts[0][1]} to {line.hosts[-1][0]}.{line.hosts[-1][1]}"
        yield warn(
            "G20",
            f"Tenant Kubernetes {end.kubernetes} on host Kubernetes {host[0]}.{host[1]}.",
            f"The vendor's matrix for line {line.name} has hosts {known}: nothing is known of this one.",
        )
