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
from .._core.plan import COUNTING, SIZING, Change, Disruption, Kind, Plan, Step, View
from .._core.ports import ChartArchive
from .._core.spec import Spec
from .._core.versions import version_of
from .._stores.base import number
from .._stores.registry import store_in
from .autoscaling import autoscaler_steps, scaled_to, with_count
from .claims import growths
from .desired import REPLICAS, desired_values, kubernetes_path
from .digest import digest
from .disruption import restart
from .guards.case import Case
from .guards.catalogue import findings_of
from .guards.stores import same_store
from .merge import Merge, three_way, without
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
from .values import Tree, build, merged, path_of, pointer, read

# Name of the init container that brings the tenant's Kubernetes (templates/_init-containers.tpl, 0.25 on).
KUBERNETES_CONTAINER = "kubernetes"


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
    good, base = observation.last_good, observation.base
    live = dict(with_count(spec, observation, good.values or {})) if good else {}
    desired = desired_values(spec, observation)
    compared = three_way(
        without(base.values or {}, base.foreign) if base else None,
        live,
        desired.values,
        desired.defaults,
    )
    findings = list(desired.contradictions)
    asked = compared
    if view is not View.EVERYTHING:
        whole = _case(spec, observation, chart, live, asked)
        # A store that would be another one has no members to scale.
        findings += same_store(whole)
        compared = only_sizes(whole, asked, replicas=view is View.REPLICAS)
    case = replace(_case(spec, observation, chart, live, compared), view=view)
    findings += findings_of(case)
    if not refusals(findings):
        findings += schema_findings(compared.values, chart.schema, chart.defaults, chart.version)
    if refusals(findings):
        return _sealed((), findings, ())
    steps = _steps(case, compared)
    if view is not View.EVERYTHING:
        kinds = SIZING if view is View.SIZE else COUNTING if spec.decision else ()
        sized = any(step.kind in kinds for step in steps)
        steps = tuple(step for step in steps if sized and step.kind in {*kinds, Kind.PROVE})
    complete = asked.changes == compared.changes and spec.version in (None, chart.version)
    scaled = scaled_to(spec, observation) is not None or spec.decision is not None
    return _sealed(steps, findings, compared.foreign, complete=complete, scaled=scaled)


def _case(
    spec: Spec,
    observation: Observation,
    chart: ChartArchive,
    live: Mapping[str, Any],
    compared: Merge,
) -> Case:
    good = observation.last_good
    # A new vCluster without a pin runs the chart's default; a running one keeps what it has.
    pinned = merged(chart.defaults, compared.values) if good is None else compared.values
    running = running_kubernetes(observation)
    if running and read(live, ("privateNodes", "enabled")) is True:
        # The chart adds this to the tag (_init-containers.tpl); it is no part of what values say.
        running = running.removesuffix("-full")
    return Case(
        spec=spec,
        observation=observation,
        chart=chart,
        live=live,
        values=compared.values,
        running=good.chart_version if good else None,
        kubernetes=running,
        target_kubernetes=_kubernetes_in(pinned),
    )


def _kubernetes_in(values: Mapping[str, Any]) -> str | None:
    """The tenant's Kubernetes by the value that decides; None without one, or when it is no version (G59)."""
    return _kubernetes(str(read(values, kubernetes_path(values))).partition("@")[0])


def running_kubernetes(observation: Observation) -> str | None:
    """The tenant's Kubernetes by the image that brings it, for example `1.36.3`.

    Where the live image does not tell (it has a digest only, or the workload is gone), the one that was asked for does.
    """
    good = observation.last_good
    found = (*observation.workloads, *(good.workloads if good else ()))
    tags = (w.tag(KUBERNETES_CONTAINER) for w in found if w.component == "control_plane")
    return next((version for tag in tags if (version := _kubernetes(tag))), None)


def _kubernetes(tag: str) -> str | None:
    return tag.removeprefix("v") if version_of(tag) else None


def _steps(case: Case, compared: Merge) -> tuple[Step, ...]:
    release, good = case.observation.release, case.observation.last_good
    steps = [_repair(release, good)] if release and release.status in STUCK else []
    going, coming = autoscaler_steps(case.spec, case.observation, case.chart.version)
    if good is None:
        return (*steps, *_install(case, compared), *coming)
    steps.extend(going)
    plane = case.observation.workload("control_plane")
    cost = restart(plane, plane.replicas if plane else 1)
    version, hop, moves = (
        case.chart.version,
        case.running != case.chart.version,
        _kubernetes_moves(case),
    )
    # The chart, the tenant's Kubernetes and the sizes move apart from each other: what waits is held where it is.
    found = sizes(case, compared.changes)
    kept = held(compared.values, found.all)
    kept = mended(case, _pinned(case, kept) if hop or moves else kept)
    now = mended(case, merged({}, case.live)) if case.course.mend else {}
    changes = tuple(
        c
        for c in found.others
        if not (moves and c.path == pointer(kubernetes_path(compared.values)))
        and not (now and read(now, path_of(c.path)) == c.after)
    )
    mending, scaling = tuple(mend_steps(case)), tuple(scale_steps(case, found, kept))
    steps.extend(mending)
    sizing = mending or scaling
    if hop:
        change = Change("vcluster_version", case.running, version)
        reason = f"chart {case.running} -> {version}, Kubernetes stays at {case.kubernetes}"
        steps.append(Step(Kind.CHART_HOP, reason, (change, *changes), cost, "none", version, kept))
    elif changes or (not sizing and (changes := tuple(_workload_drift(case)))):
        steps.append(Step(Kind.VALUES, _reason(changes), changes, cost, "values", version, kept))
    elif release and release.revision != good.revision and not sizing:
        reason = f"put the objects of revision {good.revision} back, {release.revision} was {release.status}"
        steps.append(Step(Kind.VALUES, reason, (), cost, "values", version, kept))
    if scaling and _needs_proof(case, steps, scaling[0]):
        reason = "replicas are members of the store: all are proved before any comes or goes"
        steps.append(Step(Kind.PROVE, reason, version=case.running or version))
    steps.extend(scaling)
    if moves:
        change = Change("vcluster_kubernetes_version", case.kubernetes, case.target_kubernetes)
        reason = f"Kubernetes {case.kubernetes} -> {case.target_kubernetes}"
        steps.append(
            Step(Kind.KUBERNETES_HOP, reason, (change,), cost, "none", version, compared.values)
        )
    steps.extend(coming)
    return _with_ways_back(case, steps) or (_prove(case),)


def _with_ways_back(case: Case, steps: list[Step]) -> tuple[Step, ...]:
    """The same steps; the first does not go back to another count of members (G05, G06), or to smaller claims (G12).

    A later one goes back to the revision of the step before it.
    """
    base = case.observation.base
    first = next((n for n, step in enumerate(steps) if step.values is not None), None)
    if base is None or first is None:
        return tuple(steps)
    step = steps[first]
    there = step.members.before if step.members else case.members
    back = merged(case.chart.defaults, base.values or {})
    larger = any(growths(case.observation, back, case.effective_live))  # G12
    safe = store_in(case.effective).members(back) == there and not larger
    return (
        *steps[:first],
        step if safe else replace(step, way_back="none"),
        *steps[first + 1 :],
    )


def _kubernetes_moves(case: Case) -> bool:
    wanted = case.target_kubernetes
    return wanted is not None and case.kubernetes is not None and wanted != case.kubernetes


def _pinned(case: Case, values: Tree) -> Tree:
    """The same values, the tenant's Kubernetes held where it is (G19)."""
    if case.kubernetes is None:
        return values
    path = kubernetes_path(values)
    # A pin that runs already stays as it is written: it may carry a digest.
    written = (tree for tree in (values, case.live) if kubernetes_path(tree) == path)
    same = (read(tree, path) for tree in written if _kubernetes_in(tree) == case.kubernetes)
    return merged(values, build([(path, next(same, f"v{case.kubernetes}"))]))


def _repair(release: Release, good: Release | None) -> Step:
    """G23: another run left the release in the middle."""
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
    return Step(Kind.PROVE, reason, version=case.running or case.chart.version)


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
