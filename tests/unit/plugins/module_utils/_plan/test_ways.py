# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From every release to every other one: a path of legal hops, or a refusal that names a guard."""

from __future__ import annotations

import re
from itertools import pairwise, product
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.finding import refusals
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.lines.line import (
    Broken,
    Line,
    Patch,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.lines.registry import (
    LINES,
    line_of,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.versions import (
    Version,
    version_of,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.hops import (
    Hop,
    Route,
    Running,
    Target,
    route,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.renames import renamed
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.values import (
    build,
    merged,
    read,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.ways import State, best

RELEASES = [patch.version for line in LINES for patch in line.patches]
OLDER = ["0.1.0", "0.15.7", "0.19.10"]
ETCDS = sorted({patch.etcd for line in LINES for patch in line.patches})
DISTROS = {"k8s": "", "k3s": "-k3s1", "k0s": "-k0s.0"}
STORE = ("controlPlane", "backingStore")
STORES: dict[str, dict[str, Any]] = {
    "sqlite": {},
    "deployed": build([((*STORE, "etcd", "deploy", "enabled"), True)]),
    "embedded": build([((*STORE, "etcd", "embedded", "enabled"), True)]),
    "external": build([((*STORE, "etcd", "external", "enabled"), True)]),
    "database": build([((*STORE, "database", "external", "enabled"), True)]),
}
POLICY = ("policies", "networkPolicy", "enabled")


def known(text: str | None) -> Version:
    version = version_of(text or "")
    assert version
    return version


def values_of(store: str, distro: str, policy: bool) -> dict[str, Any]:
    found = STORES[store]
    if distro != "k8s":
        found = merged(found, build([(("controlPlane", "distro", distro, "enabled"), True)]))
    return merged(found, build([(POLICY, True)])) if policy else found


def check(running: Running, target: Target, found: Route) -> None:
    """Every rule, of what is planned or of what is refused."""
    if refusals(found.findings):
        assert not found.hops
        assert all(re.fullmatch(r"G\d\d", f.guard) for f in refusals(found.findings))
        assert all(finding.way_out for finding in refusals(found.findings))
        return
    states = [found.hops[0].before, *(hop.after for hop in found.hops)] if found.hops else []
    if not states:
        assert running.chart == target.chart
        return
    assert states[0].chart == known(running.chart)
    assert states[-1].chart == known(target.chart)
    assert states[-1].kubernetes.numbers == known(target.kubernetes or running.kubernetes).numbers
    for hop, (before, after) in zip(found.hops, pairwise(states), strict=True):
        assert hop.before == before
        check_hop(hop, before, after)
        check_state(after, states[0], states[-1], running)


def check_hop(hop: Hop, before: State, after: State) -> None:
    """One of three moves, up, and by one line or minor at most."""
    moved = {
        "chart_hop": before.chart != after.chart,
        "kubernetes_hop": before.kubernetes != after.kubernetes,
        "etcd_hop": before.store != after.store,
    }
    assert [kind for kind, does in moved.items() if does] == [hop.kind]
    assert after.chart.order >= before.chart.order
    pairs = [(before.chart, after.chart), (before.kubernetes, after.kubernetes)]
    if before.store and after.store:
        pairs.append((before.store, after.store))
        if before.store.minor != after.store.minor:
            # G18: only from the last release of a minor that any chart brings, or a later one.
            last = max(
                known(tag).numbers for tag in ETCDS if known(tag).minor == before.store.minor
            )
            assert before.store.numbers >= last
    for one, other in pairs:
        assert other.numbers >= one.numbers
        assert other.minor[0] == one.minor[0]
        assert other.minor[1] - one.minor[1] <= 1
    # G25: by values only within one line and minor.
    same = all(one.minor == other.minor for one, other in pairs)
    assert (hop.way_back == "values") == same
    assert hop.snapshot == (hop.way_back == "snapshot")
    assert hop.pins
    assert all(read(hop.values, path) == text for path, text in hop.pins)


def check_state(state: State, start: State, end: State, running: Running) -> None:
    """What the facts say of it."""
    assert str(state.chart) in {*RELEASES, str(end.chart)}
    line = line_of(str(state.chart))
    name = next(n for n, suffix in DISTROS.items() if state.kubernetes.suffix == suffix[1:])
    distro = line.distro(name) if line else None
    assert line and distro
    # Below or above what is supported only where it was so, and on the way out.
    assert state.kubernetes.minor >= distro.minors[0] or state.chart == start.chart
    ahead = state.kubernetes.minor == start.kubernetes.minor
    assert state.kubernetes.minor <= distro.minors[-1] or ahead
    if state.store and state.store not in (start.store, end.store):
        lines = [one for one in LINES if one.minor <= line.minor]
        assert str(state.store) in {patch.etcd for one in lines for patch in one.patches}
    if read(running.values, POLICY) is True:
        for broken in line.broken:
            there = line_of(str(start.chart))
            was = any(str(start.chart) in b.versions for b in (there.broken if there else ()))
            assert was or str(state.chart) not in broken.versions


def test_g16_g18_g19_from_every_line_to_every_other_one() -> None:
    """By their first and last releases; what runs and what is asked for are each chart's defaults.

    The contract tests take every release.
    """
    patches = [patch for line in LINES for patch in (line.patches[0], line.patches[-1])]
    values = values_of("deployed", "k8s", False)
    for one, other in product(patches, repeat=2):
        running = Running(one.version, one.kubernetes, values, one.etcd)
        kubernetes = max(one.kubernetes, other.kubernetes, key=lambda text: known(text).numbers)
        target = Target(other.version, kubernetes, values=values)
        found = route(running, target)
        check(running, target, found)
        down = known(one.version).order > known(other.version).order
        assert bool(refusals(found.findings)) is down


def test_g56_g60_of_a_line_the_newest_patch_that_lowers_and_breaks_nothing() -> None:
    before = Patch("0.40.3", "1.32.8", "3.5.25-0")
    good, low = ("1.33.1", "3.5.25-0"), ("1.33.1", "3.5.21-0")

    def chosen(*patches: tuple[str, str], broken: tuple[str, ...] = (), policy: bool = True) -> str:
        line = Line(
            "0.41",
            tuple(Patch(f"0.41.{n}", *defaults) for n, defaults in enumerate(patches)),
            (),
            broken=(Broken(broken, ".".join(POLICY), "it breaks", "0.42"),),
        )
        return best(line, before, values_of("sqlite", "k8s", policy)).version

    assert chosen(good, good) == "0.41.1"
    assert chosen(good, low) == "0.41.0"
    assert chosen(good, ("1.32.1", "3.5.25-0")) == "0.41.0"
    assert chosen(good, good, broken=("0.41.1",)) == "0.41.0"
    assert chosen(good, good, broken=("0.41.1",), policy=False) == "0.41.1"
    assert chosen(low, good, broken=("0.41.1",)) == "0.41.0"
    assert chosen(low, low, broken=("0.41.0", "0.41.1")) == "0.41.1"


# By how much the tenant's Kubernetes is below the newest that the chart supports; above it for less than 0.
distances = st.tuples(st.integers(-1, 4), st.integers(0, 5))


def kubernetes_of(chart: str, distance: tuple[int, int]) -> str:
    line = line_of(chart)
    newest = line.distros[0].minors[-1][1] if line else 27
    return f"1.{newest - distance[0]}.{distance[1]}"


@given(
    charts=st.tuples(st.sampled_from(RELEASES), st.sampled_from(RELEASES)).map(
        lambda pair: sorted(pair, key=RELEASES.index)
    )
    | st.tuples(st.sampled_from([*RELEASES, *OLDER]), st.sampled_from([*RELEASES, *OLDER])),
    runs=distances,
    asked=st.none() | distances,
    distro=st.sampled_from([*DISTROS, "k8s", "k8s"]),
    store=st.sampled_from([*STORES]),
    etcd=st.sampled_from([*ETCDS, "3.5.26-0", "3.6.9-0"]),
    etcd_wanted=st.none() | st.sampled_from([*ETCDS, "3.5.26-0", "3.6.9-0"]),
    host=st.none() | st.tuples(st.just(1), st.integers(28, 37)),
    policy=st.booleans(),
)
def test_g16_g17_g18_g19_g21_g25_g60_a_legal_path_or_a_refusal(
    charts: list[str],
    runs: tuple[int, int],
    asked: tuple[int, int] | None,
    distro: str,
    store: str,
    etcd: str,
    etcd_wanted: str | None,
    host: tuple[int, int] | None,
    policy: bool,
) -> None:
    values, suffix = values_of(store, distro, policy), DISTROS[distro]
    versioned = store == "deployed"
    kubernetes = kubernetes_of(charts[0], runs)
    wanted = kubernetes_of(charts[1], asked) if asked else None
    running = Running(charts[0], kubernetes + suffix, values, etcd if versioned else None, host)
    target = Target(
        charts[1],
        wanted and wanted + suffix,
        etcd_wanted if versioned else None,
        values=values,
    )
    found = route(running, target)
    check(running, target, found)
    for hop in found.hops:
        result = renamed(hop.values, str(hop.after.chart))
        assert (result.renames, result.left) == ((), ())


@given(
    start=st.sampled_from(LINES),
    end=st.sampled_from(LINES),
    below=st.integers(-2, 6),
    above=st.integers(-1, 2),
    distro=st.sampled_from([*DISTROS]),
)
def test_g16_g21_what_is_refused_has_no_way(
    start: Line, end: Line, below: int, above: int, distro: str
) -> None:
    """Against all orders of the moves: a chart is left for the next one, or Kubernetes for its next minor."""

    def support(line: Line) -> Any:
        return next((found.minors for found in line.distros if found.name == distro), None)

    # Near the ends of what the two lines support.
    now = start.distros[0].minors[-1][1] - below
    then = end.distros[0].minors[-1][1] + above
    reached, seen = [(LINES.index(start), now)], set()
    while reached:
        place, minor = reached.pop()
        if (place, minor) in seen or place > LINES.index(end) or minor > then:
            continue
        seen.add((place, minor))
        minors = support(LINES[place])
        following = (1, minor + 1)
        known_here = minor + 1 == then or any(following in (support(n) or ()) for n in LINES)
        if minors and following <= minors[-1] and known_here:
            reached.append((place, minor + 1))
        later = support(LINES[place + 1]) if place + 1 < len(LINES) else None
        if later and (1, minor) >= later[0]:
            reached.append((place + 1, minor))
    suffix, values = DISTROS[distro], values_of("sqlite", distro, False)
    running = Running(start.patches[-1].version, f"1.{now}.9{suffix}", values)
    target = Target(end.patches[-1].version, f"1.{then}.9{suffix}", values=values)
    found = route(running, target)
    closed = [finding for finding in refusals(found.findings) if finding.guard != "G17"]
    assert bool(closed) is ((LINES.index(end), then) not in seen)
