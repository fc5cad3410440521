# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The planner: desired and observed in, a plan out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .._core.finding import Finding, refusals
from .._core.observation import STUCK, Observation, Release
from .._core.plan import (
    COUNTING,
    HOPS,
    SIZING,
    Change,
    Disruption,
    Kind,
    Plan,
    Step,
    View,
)
from .._core.ports import ChartArchive
from .._core.spec import Spec
from .._stores.base import number
from .._stores.registry import store_in
from .autoscaling import autoscaler_steps, scaled_to, with_count
from .claims import growths
from .desired import REPLICAS, desired_values
from .digest import digest
from .disruption import restart
from .guards.case import Case
from .guards.catalogue import findings_of
from .guards.stores import same_store
from .merge import Merge, three_way, without
from .renewal import renewal_steps
from .revisions import (
    as_finished,
    crossed,
    jump,
    redone,
    running_kubernetes,
    unfinished,
    way_back,
)
from .scaling import (
    founders,
    held,
    member_replica_steps,
    mend_steps,
    mended,
    only_sizes,
    scale_steps,
    sizes,
)
from .schema import schema_findings
from .store_change import source_step, store_change
from .upgrade import Upgrade, again, first_hops, kubernetes_in, upgrade
from .values import build, merged, path_of, read

# What each view takes of a plan.
VIEWS = {
    View.SIZE: SIZING,
    View.REPLICAS: COUNTING,
    View.VERSIONS: HOPS | {Kind.REPAIR},
    View.CERTIFICATES: frozenset({Kind.RENEW}),
    View.STORE: COUNTING | {Kind.MIGRATE},
}
BESIDE = frozenset({Kind.PROVE, Kind.SNAPSHOT, Kind.REPAIR})


def plan(
    spec: Spec, observation: Observation, chart: ChartArchive, view: View = View.EVERYTHING
) -> Plan:
    """The plan of one vCluster.

    Args:
        spec: With references resolved.
        observation: A complete one.
        chart: The chart asked for, else the running one; always that where only the size is looked at.
        view: What else than that is left alone.
    """
    if view is View.SOURCE:
        step = source_step(spec, observation)
        return _sealed((step,) if step else (), (), (), complete=False)
    if (left := unfinished(observation)) and (far := jump(observation, left)):
        return _sealed((), (far,), ())
    first, observation = _finished(spec, observation, left)
    moves = Upgrade(observation, running_kubernetes(observation))
    if view in (View.EVERYTHING, View.VERSIONS):
        moves = upgrade(spec, observation, chart)
    # From here on it is planned as if the hops were done, and the store were the other one.
    seen, observation = observation, moves.arrived
    other = store_change(spec, observation, chart, view, hops=bool(moves.steps))
    observation = other.arrived
    good, base = observation.last_good, observation.base
    live = dict(with_count(spec, observation, good.values or {})) if good else {}
    desired = desired_values(spec, observation)
    compared = three_way(
        without(base.values or {}, base.foreign) if base else None,
        live,
        desired.values,
        desired.defaults,
    )
    findings = [*desired.contradictions, *moves.findings, *other.findings]
    asked = compared
    if view in (View.VERSIONS, View.CERTIFICATES):
        compared = Merge(live, (), asked.foreign)
    elif view is not View.EVERYTHING:
        whole = _case(spec, seen, moves, observation, chart, live, asked)
        # A store that would be another one has no members to scale.
        findings += same_store(whole)
        compared = only_sizes(whole, asked, replicas=view is not View.SIZE)
    case = replace(_case(spec, seen, moves, observation, chart, live, compared), view=view)
    findings += findings_of(case)
    if not refusals(findings):
        findings += schema_findings(compared.values, chart.schema, chart.defaults, chart.version)
    if refusals(findings):
        return replace(_sealed((), findings, ()), inventory=moves.inventory)
    here = case
    going = moves.steps or other.steps
    if going and seen.last_good:
        live = dict(with_count(spec, seen, seen.last_good.values or {}))
        here = replace(case, observation=seen, live=live)
    steps = _viewed(spec, view, _steps(case, here, compared, first, going))
    steps = _with_ways_back(here, steps)
    taken = first_hops(steps, spec.hops)
    complete = asked.changes == compared.changes and spec.version in (None, chart.version)
    complete = complete and len(taken) == len(steps)
    scaled = scaled_to(spec, observation) is not None or spec.decision is not None
    foreign = tuple(path for path in compared.foreign if path not in moves.pins)
    found = _sealed(taken, findings, foreign, complete=complete, scaled=scaled)
    return replace(found, later=steps[len(taken) :])


def _case(
    spec: Spec,
    seen: Observation,
    moves: Upgrade,
    arrived: Observation,
    chart: ChartArchive,
    live: Mapping[str, Any],
    compared: Merge,
) -> Case:
    good = seen.last_good
    # A new vCluster without a pin runs the chart's default; a running one keeps what it has.
    pinned = merged(chart.defaults, compared.values) if good is None else compared.values
    return Case(
        spec=spec,
        observation=arrived,
        chart=chart,
        live=live,
        values=compared.values,
        running=good.chart_version if good else None,
        kubernetes=moves.kubernetes,
        target_kubernetes=kubernetes_in(pinned, chart.version),
    )


def _finished(
    spec: Spec, observation: Observation, left: Release | None
) -> tuple[tuple[Step, ...], Observation]:
    """What ends a revision that Helm left in the middle (G23), and what is there then.

    Args:
        left: It, where it moved a version: nothing else can tell what its pods have done to the store (G25).
    """
    release, good = observation.release, observation.last_good
    if left:
        finished = as_finished(observation, left)
        why = f"revision {left.revision} is {left.status}, and moved a version"
        return (again(spec, finished, left, why),), finished
    if release and release.status in STUCK:
        return (_repair(release, good),), observation
    return (), observation


def _steps(
    case: Case, here: Case, compared: Merge, first: tuple[Step, ...], hops: tuple[Step, ...]
) -> tuple[Step, ...]:
    """All steps, without a look at where the first of them goes back to.

    Args:
        case: As it will be after the hops.
        here: As it is now; members are mended before versions move.
        first: What ends a revision that was left in the middle.
        hops: With what is between them.
    """
    release, good = case.observation.release, case.observation.last_good
    steps, again_first = [*first], redone(here.observation)
    if again_first:
        hops = hops[1:]  # It is proved by then.
    elif hops and (fallen := _fallen(here)):
        hops = (fallen, *hops[1:])
    going, coming = autoscaler_steps(case.spec, case.observation, case.chart.version)
    if good is None:
        return (*steps, *_install(case, compared), *coming)
    steps.extend(going)
    plane = case.observation.workload("control_plane")
    cost = restart(plane, plane.replicas if plane else 1)
    version = case.chart.version
    # Versions, sizes and everything else move apart from each other: what waits is held where it is.
    found = sizes(case, compared.changes)
    kept = mended(case, held(compared.values, found.all))
    now = mended(case, merged({}, case.live)) if case.course.mend else {}
    changes = tuple(c for c in found.others if not (now and read(now, path_of(c.path)) == c.after))
    mending, scaling = tuple(mend_steps(here)), tuple(scale_steps(case, found, kept))
    steps.extend(mending)
    # What is not valid any more fails every proof, and any restart renews what ends soon: it comes before the others.
    steps.extend(renewal_steps(case.spec, here.observation, case.running or version))
    steps.extend(
        step if step.values is None else replace(step, values=mended(here, {**step.values}))
        for step in hops
    )
    moving = again_first or mending or scaling or hops
    if changes or (not moving and (changes := tuple(_workload_drift(case)))):
        steps.append(Step(Kind.VALUES, _reason(changes), changes, cost, "values", version, kept))
    elif release and release.revision != good.revision and not moving:
        reason = f"put the objects of revision {good.revision} back, {release.revision} was {release.status}"
        steps.append(Step(Kind.VALUES, reason, (), cost, "values", version, kept))
    if scaling and _needs_proof(case, steps, scaling[0]):
        reason = "replicas are members of the store: all are proved before any comes or goes"
        steps.append(Step(Kind.PROVE, reason, version=case.running or version))
    steps.extend(scaling)
    steps.extend(coming)
    return tuple(steps or [_prove(case)])


def _viewed(spec: Spec, view: View, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Those of the steps that a view takes; none where it has nothing to do."""
    kinds = VIEWS.get(view)
    if kinds is None:
        return steps
    looked = view is not View.REPLICAS or spec.decision is not None
    unproved = view in (View.VERSIONS, View.STORE) and steps[0].way_back != "none"
    if view is View.STORE:
        looked = unproved or any(step.kind is Kind.MIGRATE for step in steps)
    some = looked and (unproved or any(step.kind in kinds for step in steps))
    return tuple(step for step in steps if some and step.kind in kinds | BESIDE)


def _with_ways_back(case: Case, steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """The same steps; the first one goes back to what was proved last, which may have been another thing.

    Not to another count of members (G05, G06) or to smaller claims (G12), and over a line or minor by its snapshot
    only (G25). A later one goes back to the revision of the step before it.

    Args:
        case: As it is now.
    """
    base, good = case.observation.base, case.observation.last_good
    first = next(
        (n for n, s in enumerate(steps) if s.values is not None or s.way_back != "none"), None
    )
    if case.spec.rollback == "never":
        return tuple(replace(step, way_back="none") for step in steps)
    if base is None or first is None:
        return steps
    step = steps[first]
    if step.way_back == "store":
        return steps
    there = step.members.before if step.members else case.members
    back = merged(case.chart.defaults, base.values or {})
    larger = any(growths(case.observation, back, case.effective_live))  # G12
    safe = store_in(case.effective).members(back) == there and not larger
    unproved = all(earlier.kind is not Kind.PROVE for earlier in steps[:first])
    if unproved and step.way_back == "values" and good and crossed(base, good):
        step = replace(step, way_back=way_back(case.observation))
    return (
        *steps[:first],
        step if safe else replace(step, way_back="none"),
        *steps[first + 1 :],
    )


def _repair(release: Release, good: Release | None) -> Step:
    """G23: another run left the release in the middle, and moved no version."""
    what = f"revision {release.revision} is {release.status}"
    if release.description:
        what += f" ({release.description})"
    after = f"go on from revision {good.revision}" if good else "nothing was deployed before it"
    return Step(Kind.REPAIR, f"{what}; drop its record, {after}")


def _install(case: Case, compared: Merge) -> Iterator[Step]:
    reason = f"chart {case.chart.version}, not there yet"
    values, changes = compared.values, compared.changes
    first, counted = founders(case), tuple(c for c in changes if path_of(c.path) == REPLICAS)
    later = first != number(case.value(REPLICAS))
    if later:
        reason += f"; with {first} of its replicas at first"
        values = merged(values, build([(REPLICAS, first)]))
        changes = tuple(replace(c, after=first) if c in counted else c for c in changes)
    yield Step(Kind.INSTALL, reason, changes, version=case.chart.version, values=values)
    if later:
        yield from member_replica_steps(case, first, counted, values)


def _needs_proof(case: Case, before: Sequence[Step], step: Step) -> bool:
    """Whether a step is about replicas that are members of the store, and nothing was proved before it (G06, G08)."""
    counts = step.kind in COUNTING and store_in(case.effective).replicas_are_members
    return counts and not any(earlier.values is not None for earlier in before)


def _prove(case: Case) -> Step:
    base, good = case.observation.base, case.observation.last_good
    if base is None:
        reason = "nothing to change; proved and adopted as it is"
    elif good and base.revision != good.revision:
        reason = f"revision {good.revision} was not proved yet; nothing asked for differs"
    else:
        reason = "nothing to change; proved again"
    version = case.running or case.chart.version
    return Step(Kind.PROVE, reason, version=version, way_back=way_back(case.observation))


def _fallen(case: Case) -> Step | None:
    """What brings pods of other versions up to the revision that hops go on from: none is left out (G16, G18)."""
    good = case.observation.last_good
    asked = {wanted.name: wanted for wanted in good.workloads} if good else {}
    others = [
        f"{found.kind} {found.name}"
        for found in case.observation.workloads
        if found.name in asked and found.differs(asked[found.name])
    ]
    if good is None or not others:
        return None
    why = f"{', '.join(others)} runs other versions than those of revision {good.revision}"
    return again(case.spec, case.observation, good, why)


def _workload_drift(case: Case) -> Iterator[Change]:
    """What somebody changed past the values: replicas, images, the config, a workload that is gone (G09).

    Only that: annotations are for others to write, the certificate watcher among them (G37).
    """
    good = case.observation.last_good
    live = {(found.kind, found.name): found for found in case.observation.workloads}
    scaled = scaled_to(case.spec, case.observation) is not None
    for asked in good.workloads if good else ():
        title = f"{asked.kind} {asked.name}"
        found = live.get((asked.kind, asked.name))
        if found is None:
            yield Change(title, "gone", "there", "drift")
            continue
        counts = {"replicas": (found.replicas, asked.replicas)}
        pairs = {
            **({} if scaled and asked.component == "control_plane" else counts),
            "config hash": (found.config_hash, asked.config_hash),
            **{f"image of {k}": (found.images.get(k), v) for k, v in asked.images.items()},
        }
        for what, (before, after) in pairs.items():
            if before != after:
                yield Change(f"{title}: {what}", before, after, "drift")


def _reason(changes: tuple[Change, ...]) -> str:
    words = {
        "asked": "asked for",
        "drift": "changed by hand",
        "removed": "gone from the inventory",
        "default": "laid in by default",
    }
    counts = {why: sum(change.why == why for change in changes) for why in words}
    return ", ".join(f"{count} {words[why]}" for why, count in counts.items() if count)


def _sealed(
    steps: tuple[Step, ...],
    findings: Iterable[Finding],
    foreign: tuple[str, ...],
    *,
    complete: bool = True,
    scaled: bool = False,
) -> Plan:
    """The plan with its digest.

    Args:
        scaled: An autoscaler decides over the replicas: with another count of them it is the same plan.
    """
    unique = tuple(dict.fromkeys(findings))
    same = tuple(_without_count(step) for step in steps) if scaled else steps
    return Plan(steps, unique, foreign, digest([same, unique, foreign]), complete)


def _without_count(step: Step) -> Step:
    """The step whatever the count of replicas is, unless it is about that: then whatever was measured."""
    if any(path_of(change.path) == REPLICAS for change in step.changes):
        return replace(step, reason="")
    if step.values is None:
        return step
    values = merged(step.values, build([(REPLICAS, None)]))
    return replace(step, values=values, disruption=Disruption(step.disruption.kind))
