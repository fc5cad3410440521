# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The verb `autoscale`: the load of every control plane over a while, and the replicas that the rule asks for.

All vClusters of a host cluster are looked at in the same while: looking at hundreds takes no longer than at one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from .._core.errors import FleetError, defect
from .._core.finding import Finding, warn
from .._core.load import Load, Sample, load_between, sample_of
from .._core.observation import Observation
from .._core.plan import View
from .._core.ports import HostCluster
from .._core.spec import Autoscaling, Decision, Spec
from .._plan.desired import RESOURCES
from .._plan.load_rule import Size, advice, decided
from .._plan.quantity import quantity
from .._plan.values import read
from .._stores.registry import store_in
from .context import Context
from .planning import Planned, observe_and_plan
from .pods import look
from .verbs import Verb

BETWEEN = 60.0  # seconds between the two looks
LASTS = 600.0  # seconds for which a decision holds
AT_ONCE = 8  # vClusters of a host cluster that are asked at once
Samples = Mapping[str, Sample]
Place = tuple[str, str, str]


class Autoscale(Verb):
    """Brings the replicas to what the load asks for, where `vcluster_autoscaling.by` says load; advice for all.

    Args:
        sleep: Waits some seconds.
    """

    words = "to scale"

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep
        self._loads: dict[Place, Load | FleetError | None] = {}

    def prepare(self, specs: Sequence[Spec], host: HostCluster, context: Context) -> None:
        """See Verb: both looks at all of them."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            before = list(pool.map(lambda spec: _samples(spec, host), specs))
            self._sleep(BETWEEN)
            after = list(pool.map(lambda spec: _samples(spec, host), specs))
        for spec, first, second in zip(specs, before, after, strict=True):
            failure = next((one for one in (first, second) if isinstance(one, FleetError)), None)
            self._loads[_place(spec)] = failure or load_between(first, second)  # type: ignore[arg-type]

    def load_of(self, spec: Spec) -> Load:
        """The load between the two looks.

        Raises:
            FleetError: No replica told it.
        """
        load = self._loads.get(_place(spec))
        if isinstance(load, FleetError):
            raise load
        if load is None:
            raise FleetError(
                f"{spec.title}: no replica answered at both looks, {BETWEEN:.0f} s apart.",
                "Run fleetops.vcluster.verify.",
            )
        return load

    def plan(
        self, spec: Spec, seen: Observation, host: HostCluster, context: Context
    ) -> Planned | None:
        """See Verb.

        Raises:
            FleetError: No replica told its load.
        """
        if seen.release is None or seen.paused:
            return None
        try:
            load = self.load_of(spec)
        except FleetError:
            if _by_load(spec):
                raise
            return None  # It was only for advice.
        spec = _with_decision(spec, seen, load, host)
        planned = observe_and_plan(spec, host, context, View.REPLICAS)
        found = _advice(planned.full, planned.observation, load)
        plan = replace(planned.plan, findings=(*planned.plan.findings, *found))
        if spec.decision is None:
            plan = replace(plan, steps=())
        return replace(planned, plan=plan)


def with_decision(spec: Spec, host: HostCluster, context: Context) -> Spec:
    """The same after a look at its load; with a decision where that asks for another count.

    Raises:
        FleetError: No replica told its load.
    """
    verb = Autoscale()
    verb.prepare([spec], host, context)
    return _with_decision(spec, host.observe(spec), verb.load_of(spec), host)


def _place(spec: Spec) -> Place:
    return (spec.access.key, spec.namespace, spec.name)


def _samples(spec: Spec, host: HostCluster) -> Samples | FleetError:
    """What each ready replica has counted; the last error where none tells."""
    found: dict[str, Sample] = {}
    failure: FleetError | None = None
    try:
        reach = host.reach(spec)
        for pod in look(host.api, spec).pods:
            if pod.component == "control_plane" and pod.ready:
                try:
                    with reach.replica(pod.name) as replica:
                        found[pod.name] = sample_of(replica.text("/metrics"), time.monotonic())
                except FleetError as error:
                    failure = error
    except FleetError as error:
        failure = error
    except Exception as error:
        failure = FleetError(f"{spec.title}: its load cannot be read: {defect(error)}")
    return found if found or failure is None else failure


def _with_decision(spec: Spec, seen: Observation, load: Load, host: HostCluster) -> Spec:
    """The same; with a decision where it asks for another count."""
    plane, asked = seen.workload("control_plane"), spec.autoscaling
    if plane is None or asked is None or not _by_load(spec):
        return spec
    now, scaled = host.api.now.timestamp(), seen.release.scaled if seen.release else None
    since = now - scaled.at if scaled else None
    count, reason = decided(load, asked, spec.replicas or 1, plane.replicas, since)
    if count == plane.replicas:
        return spec
    return replace(spec, decision=Decision(count, reason, plane.replicas, int(now)))


def _by_load(spec: Spec) -> bool:
    return spec.autoscaling is not None and not spec.autoscaling.horizontal


def outdated(decision: Decision, observation: Observation, now: float) -> str:
    """Why a decision is not to be carried out any more; empty when it is."""
    plane = observation.workload("control_plane")
    if plane is None or plane.replicas != decision.before:
        return f"there were {decision.before} replicas when the load was looked at"
    if now - decision.at > LASTS:
        return f"the load was looked at {(now - decision.at) / 60:.0f} min ago"
    return ""


def _advice(spec: Spec, observation: Observation, load: Load) -> Sequence[Finding]:
    good, plane = observation.last_good, observation.workload("control_plane")
    values = (good.values if good else None) or {}
    store = store_in(values)
    size = Size(
        store.type,
        plane.replicas if plane else 1,
        store.stateless_replicas or store.replicas_are_members,
        _number(read(values, (*RESOURCES, "requests", "cpu"))),
        _number(read(values, (*RESOURCES, "limits", "memory"))),
    )
    rule = spec.autoscaling or Autoscaling(max=size.replicas)
    return [warn("advice", f"{text}.") for text in advice(load, rule, size)]


def _number(text: object) -> float | None:
    found = quantity(str(text))
    return float(found) if found else None
