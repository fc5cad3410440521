# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verb `autoscale`: the load of every control plane over a while, and the replicas that the rule asks for.

All vClusters of a host cluster are looked at in the same while: looking at hundreds takes little longer than at one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from .._core.errors import FleetError, defect
from .._core.finding import Finding, warn
from .._core.load import Load, Sample, load_between, sample_of
from .._core.observation import Observation, Workload
from .._core.plan import View
from .._core.ports import HostCluster, Reach
from .._core.spec import Autoscaling, Decision, Spec
from .._plan.load_advice import Verdict, advice, size_of
from .._plan.load_rule import decided
from .._plan.values import merged
from .context import Context
from .planning import Planned, plan_observed
from .pods import look
from .two_looks import Clock, twice
from .verbs import Verb

BETWEEN = 60.0  # seconds between the two looks
LASTS = 600.0  # seconds for which a decision holds
AT_ONCE = 8  # vClusters of a host cluster that are asked at once
R = TypeVar("R")
Place = tuple[str, str, str]


@dataclass(frozen=True)
class _First:
    """What the first look saw.

    Attributes:
        reach: The second one goes the same ways.
    """

    reach: Reach
    samples: Mapping[str, Sample]


@dataclass(frozen=True)
class _Told:
    """What came of both looks.

    Attributes:
        at: When the second one was, in seconds since the epoch by the host cluster's clock.
    """

    load: Load
    at: float


class Autoscale(Verb):
    """Brings the replicas to what the load asks for, where `vcluster_autoscaling.by` says load; advice for all."""

    words = "to scale"

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._loads: dict[Place, _Told | FleetError | None] = {}
        self._over = threading.Event()

    def prepare(self, specs: Sequence[Spec], host: HostCluster, context: Context) -> None:
        """See Verb: both looks at all of them."""

        def first(spec: Spec) -> _First | None:
            return self._tried(spec, lambda: self._first(spec, host))

        def second(spec: Spec, seen: _First) -> None:
            self._tried(spec, lambda: self._second(spec, host, seen))

        twice(specs, first, second, BETWEEN, AT_ONCE, self._clock, self._over)

    def stop(self) -> None:
        """See Verb."""
        self._over.set()

    def _tried(self, spec: Spec, question: Callable[[], R]) -> R | None:
        try:
            return question()
        except FleetError as error:
            self._loads[_place(spec)] = error
        except Exception as error:
            text = f"{spec.title}: its load cannot be read: {defect(error)}"
            self._loads[_place(spec)] = FleetError(text)
        return None

    def _first(self, spec: Spec, host: HostCluster) -> _First | None:
        pods = look(host.api, spec).pods
        names = [pod.name for pod in pods if pod.component == "control_plane" and pod.ready]
        reach = host.reach(spec)
        samples = self._samples(reach, names)
        return _First(reach, samples) if samples else None

    def _second(self, spec: Spec, host: HostCluster, seen: _First) -> None:
        load = load_between(seen.samples, self._samples(seen.reach, seen.samples))
        told = _Told(load, host.api.now.timestamp()) if load else None
        self._loads[_place(spec)] = told

    def _samples(self, reach: Reach, names: Iterable[str]) -> dict[str, Sample]:
        """What each replica has counted.

        Raises:
            FleetError: Of the last one, where none tells.
        """
        found: dict[str, Sample] = {}
        failure: FleetError | None = None
        for name in names:
            try:
                with reach.replica(name) as replica:
                    found[name] = sample_of(replica.text("/metrics"), self._clock.now())
            except FleetError as error:
                failure = error
        if failure and not found:
            raise failure
        return found

    def _told(self, spec: Spec) -> _Told | None:
        """The load between the two looks; None where nobody told it and it was only for advice.

        Raises:
            FleetError: Nobody told it, and it is to decide.
        """
        told = self._loads.get(_place(spec))
        if isinstance(told, _Told):
            return told
        if not by_load(spec):
            return None
        raise told or FleetError(
            f"{spec.title}: no replica answered at both looks, {BETWEEN:.0f} s apart.",
            "Run fleetops.vcluster.verify.",
        )

    def judged(
        self, spec: Spec, seen: Observation, host: HostCluster
    ) -> tuple[Spec, Verdict | None]:
        """The same, with a decision where the load asks for another count; and what came of the looks at it.

        Args:
            seen: A complete one.

        Raises:
            FleetError: Nobody told the load, and it is to decide; the chart cannot be read.
        """
        plane, good = seen.workload("control_plane"), seen.last_good
        if plane is None or good is None or seen.paused:
            return spec, None
        told = self._told(spec)
        if told is None:
            return spec, None
        load = told.load
        chart = host.helm.pull(spec.chart, good.chart_version or spec.version or "")
        size = size_of(merged(chart.defaults, seen.live_values), plane.replicas)
        wanted, reason = None, ""
        if by_load(spec) and spec.autoscaling:
            wanted, reason = _wanted(spec, spec.autoscaling, told, plane, seen)
            if wanted != plane.replicas:
                decision = Decision(wanted, reason, plane.replicas, int(told.at))
                spec = replace(spec, decision=decision)
        limits = spec.autoscaling or Autoscaling(max=size.replicas)
        said = tuple(advice(load, spec.autoscaling, size))
        return spec, Verdict(load, size, limits, wanted, reason, said)

    def plan(
        self, spec: Spec, seen: Observation, host: HostCluster, context: Context
    ) -> Planned | None:
        """See Verb.

        Raises:
            FleetError: Nobody told the load, and it is to decide.
        """
        if seen.release is None or seen.paused or self._told(spec) is None:
            return None
        observation = host.observe(spec)
        spec, verdict = self.judged(spec, observation, host)
        planned = plan_observed(spec, observation, host, context, View.REPLICAS)
        plan = replace(planned.plan, findings=(*planned.plan.findings, *findings(verdict)))
        if spec.decision is None:
            plan = replace(plan, steps=())
        return replace(planned, plan=plan, verdict=verdict)


def looked_at(spec: Spec, host: HostCluster, context: Context) -> tuple[Spec, Verdict | None]:
    """One vCluster after a look at its load; see Autoscale.judged.

    Raises:
        FleetError: Nobody told the load, and it is to decide; the chart cannot be read.
    """
    verb = Autoscale()
    verb.prepare([spec], host, context)
    return verb.judged(spec, host.observe(spec), host)


def findings(verdict: Verdict | None) -> tuple[Finding, ...]:
    """The advice, as findings of a plan."""
    return tuple(warn("advice", f"{text}.") for text in verdict.advice) if verdict else ()


def _wanted(
    spec: Spec, asked: Autoscaling, told: _Told, plane: Workload, seen: Observation
) -> tuple[int, str]:
    scaled = seen.release.scaled if seen.release else None
    # Another run may have changed the count since the look: then that load says nothing of what runs now.
    since = max(0.0, told.at - scaled.at) if scaled else None
    return decided(told.load, asked, spec.replicas or 1, plane.replicas, since)


def _place(spec: Spec) -> Place:
    return (spec.access.key, spec.namespace, spec.name)


def by_load(spec: Spec) -> bool:
    """Whether the load decides over the replicas."""
    return spec.autoscaling is not None and not spec.autoscaling.horizontal


def outdated(decision: Decision, observation: Observation, now: float) -> str:
    """Why a decision is not to be carried out any more; empty when it is."""
    plane = observation.workload("control_plane")
    if plane is None or plane.replicas != decision.before:
        return f"there were {decision.before} replicas when the load was looked at"
    if now - decision.at > LASTS:
        return f"the load was looked at {(now - decision.at) / 60:.0f} min ago"
    return ""
