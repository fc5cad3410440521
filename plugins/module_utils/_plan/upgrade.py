# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of a plan that moves versions: the hops as steps, and what is there after them.

Everything else is planned from there, as if the hops were done: they take the values that run along, and nothing that
is asked for beside them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .._core.finding import Finding, refusals
from .._core.observation import Observation, Release
from .._core.plan import HOPS, Change, Disruption, Kind, Step
from .._core.ports import ChartArchive
from .._core.spec import Spec
from .._core.versions import version_of
from .._stores.registry import store_in
from .autoscaling import with_count
from .desired import desired_values, store_pin_is_theirs
from .disruption import copy_outage, hop_cost
from .distro import distro_in, version_path
from .guards.snapshots import return_findings, snapshot_findings
from .hops import Hop, Route, Running, Target, route
from .merge import three_way, without
from .renames import rename_changes, renamed
from .revisions import kubernetes_of, running_kubernetes, way_back
from .values import ABSENT, Path, pointer, read

VARIABLES = {
    Kind.CHART_HOP: "vcluster_version",
    Kind.KUBERNETES_HOP: "vcluster_kubernetes_version",
    Kind.ETCD_HOP: "etcd",
}


@dataclass(frozen=True)
class Upgrade:
    """The hops of one plan.

    Attributes:
        steps: Nothing is left out: snapshots and proofs between them too.
        findings: Refusals, then there are no steps; and warnings.
        arrived: The observation as it will be after them.
        kubernetes: What the tenant runs then; None when that is unknown.
        pins: JSON pointers of values that are there then, since a version had to be held.
        inventory: What to write instead of values that the chart asked for takes no more (G17).
    """

    arrived: Observation
    kubernetes: str | None
    steps: tuple[Step, ...] = ()
    findings: tuple[Finding, ...] = ()
    pins: tuple[str, ...] = ()
    inventory: tuple[Change, ...] = ()


def upgrade(spec: Spec, observation: Observation, chart: ChartArchive) -> Upgrade:
    """The hops to the versions asked for.

    Args:
        spec: With references resolved.
        chart: The chart asked for, else the running one.
    """
    good = observation.last_good
    if good is None:
        return Upgrade(observation, None)
    # What somebody took down past Helm comes back up by its revision, and is no way that versions go.
    asked = running_kubernetes(Observation(last_good=good))
    kubernetes = _newest(running_kubernetes(observation), asked)
    here = Upgrade(observation, kubernetes)
    good = replace(good, values=with_count(spec, observation, good.values or {}))
    running = _running(spec, observation, good, kubernetes)
    target = _target(spec, observation, good, chart)
    found = route(running, target)
    if not _asked(running, target) and refusals(found.findings):
        return here  # What is not known matters to what shall move.
    return replace(
        _upgraded(spec, observation, good, found),
        findings=_findings(spec, observation, found),
        inventory=tuple(rename_changes(found.renames, spec.secret_paths)),
    )


def first_hops(steps: tuple[Step, ...], count: int | None) -> tuple[Step, ...]:
    """The steps up to so many hops; the last one says how many wait for later runs.

    Args:
        count: None for all.
    """
    ends = [number for number, step in enumerate(steps, 1) if step.kind in HOPS or reruns(step)]
    if count is None or len(ends) <= count:
        return steps
    *before, last = steps[: ends[count - 1]]
    left = f"hops left for later runs: {len(ends) - count}"
    return (*before, replace(last, reason=f"{last.reason}; {left}"))


def reruns(step: Step) -> bool:
    """Whether a repair carries a revision out again, so that pods get other versions."""
    return step.kind is Kind.REPAIR and step.values is not None


def kubernetes_in(values: Mapping[str, Any], chart: str) -> str | None:
    """The tenant's Kubernetes by the value that decides; None without one, or when it is no version (G59).

    Args:
        chart: Version of the chart that takes them.
    """
    return kubernetes_of(str(read(values, version_path(values, chart))).partition("@")[0])


def _running(
    spec: Spec, observation: Observation, good: Release, kubernetes: str | None
) -> Running:
    values = good.values or {}
    seen = (observation, Observation(workloads=good.workloads))
    etcds = [found.workload("etcd") for found in seen] if store_in(values).version_path else []
    return Running(
        chart=good.chart_version or "",
        kubernetes=kubernetes,
        values=values,
        store=_newest(*(etcd.tag("etcd") for etcd in etcds if etcd)),
        host=observation.host_version,
        foreign=_foreign(spec, observation, ()),
    )


def _newest(*texts: str | None) -> str | None:
    """The latest of some versions; the first text where none is a version, None without one."""
    known = [(found.numbers, text) for text in texts if text and (found := version_of(text))]
    return max(known)[1] if known else next(filter(None, texts), None)


def _target(spec: Spec, observation: Observation, good: Release, chart: ChartArchive) -> Target:
    values, base = good.values or {}, observation.base
    desired = desired_values(spec, observation)
    known = without(base.values or {}, base.foreign) if base else None
    whole = three_way(known, values, desired.values, desired.defaults).values
    path = store_in(values).version_path
    said = read(spec.values, path) if path else ABSENT
    store = (
        said
        if said is not ABSENT
        else read(values, path)
        if path and store_pin_is_theirs(observation)
        else None
    )
    return Target(
        chart=chart.version,
        kubernetes=kubernetes_in(whole, chart.version),
        store=str(store) if store not in (None, ABSENT) else None,
        values=spec.values,
        distro=distro_in(whole),
        allow=spec.allow,
    )


def _asked(running: Running, target: Target) -> bool:
    """Whether somebody asks for another version than what runs."""
    return (
        target.chart != running.chart
        or target.kubernetes not in (None, running.kubernetes)
        or target.store not in (None, running.store)
    )


def _findings(spec: Spec, observation: Observation, found: Route) -> tuple[Finding, ...]:
    """What is said of the way, and why the snapshots it needs cannot be had (G25)."""
    if not any(hop.snapshot for hop in found.hops):
        return found.findings
    back = return_findings(spec, observation, "the snapshot before a hop")
    return (*found.findings, *(_no_way_back(spec, why) for why in back))


def _no_way_back(spec: Spec, why: Finding) -> Finding:
    if why.severity != "refuse":
        return why
    words = " ".join(filter(None, (why.why, "Another line or minor goes back by a snapshot only.")))
    if spec.rollback == "never":
        return replace(why, severity="warn", why=words)
    way_out = f"{why.way_out} Or go without a way back: vcluster_rollback: never."
    return replace(why, why=words, way_out=way_out)


def _upgraded(spec: Spec, observation: Observation, good: Release, found: Route) -> Upgrade:
    if not found.hops:
        return Upgrade(observation, running_kubernetes(observation))
    last, live = found.hops[-1], good.values or {}
    pins = [path for hop in found.hops for path, _text in hop.pins if read(live, path) is ABSENT]
    return Upgrade(
        arrived=_after(observation, last),
        kubernetes=str(last.after.kubernetes),
        steps=tuple(_steps(spec, observation, good, found.hops)),
        pins=tuple(map(pointer, pins)),
    )


def _after(observation: Observation, hop: Hop) -> Observation:
    """What will be seen after a hop: its values, and those that were proved before in the same form."""
    chart, base, good = str(hop.after.chart), observation.base, observation.last_good
    if base is not None:
        known = renamed(without(base.values or {}, base.foreign), chart).values
        base = replace(base, values=known, foreign=())
    good = good and replace(good, values=hop.values, chart_version=chart)
    return replace(observation, last_good=good, base=base)


def _steps(
    spec: Spec, observation: Observation, good: Release, hops: tuple[Hop, ...]
) -> Iterator[Step]:
    plane, members = observation.workload("control_plane"), _members(good)
    store = store_in(good.values or {})
    copy = copy_outage(store.type) if store.copied_by_pod else Disruption()
    yield Step(
        Kind.PROVE,
        "it is well before versions move",
        version=str(hops[0].before.chart),
        foreign=_foreign(spec, observation, ()),
        way_back=way_back(observation),
    )
    pins: list[Path] = []
    for hop in hops:
        pins += [path for path, _text in hop.pins if read(good.values or {}, path) is ABSENT]
        snapshot = hop.snapshot and not refusals(snapshot_findings(spec, observation))
        if snapshot:
            reason = f"the way back from {hop.reason}"
            yield Step(Kind.SNAPSHOT, reason, disruption=copy, version=str(hop.before.chart))
        yield Step(
            hop.kind,
            hop.reason,
            tuple(_changes(hop, spec.secret_paths)),
            hop_cost(plane, members if hop.rolls_members else 0),
            foreign=_foreign(spec, _after(observation, hop), pins),
            way_back="values" if hop.way_back == "values" else "snapshot" if snapshot else "none",
            version=str(hop.after.chart),
            values=hop.values,
        )


def again(spec: Spec, observation: Observation, release: Release, why: str) -> Step:
    """A revision once more, to its end (G23).

    Args:
        observation: What will be seen then.
        why: What is wrong with it.
    """
    return Step(
        Kind.REPAIR,
        f"{why}: it is carried out again, to chart {release.chart_version}",
        (),
        hop_cost(observation.workload("control_plane"), _members(release)),
        foreign=_foreign(spec, observation, ()),
        way_back=way_back(observation),
        version=release.chart_version or "",
        values=with_count(spec, observation, release.values or {}),
    )


def _members(good: Release) -> int:
    """Members of a store whose servers have a version of their own."""
    store = store_in(good.values or {})
    return store.members(good.values or {}) if store.version_path else 0


def _foreign(spec: Spec, observation: Observation, pins: Sequence[Path]) -> tuple[str, ...]:
    """What nobody asked for of the values that run then, but for the pins of the hops."""
    base, desired = observation.base, desired_values(spec, observation)
    known = without(base.values or {}, base.foreign) if base else None
    found = three_way(known, observation.live_values, desired.values, desired.defaults)
    ours = {pointer(path) for path in pins}
    return tuple(path for path in found.foreign if path not in ours)


def _changes(hop: Hop, secret_paths: tuple[str, ...]) -> Iterator[Change]:
    """The version that moves, and the values that change their place."""
    before, after = {
        Kind.CHART_HOP: (hop.before.chart, hop.after.chart),
        Kind.KUBERNETES_HOP: (hop.before.kubernetes, hop.after.kubernetes),
        Kind.ETCD_HOP: (hop.before.store, hop.after.store),
    }[hop.kind]
    yield Change(VARIABLES[hop.kind], str(before), str(after))
    yield from rename_changes(hop.renames, secret_paths)
