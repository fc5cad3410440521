# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan a whole fleet: a fixed number of list calls a host cluster, and a closer look only where something differs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .._core.errors import FleetError, Refused, Unreachable, defect
from .._core.finding import refuse
from .._core.observation import Observation
from .._core.plan import Plan
from .._core.ports import Fleet, HostCluster
from .._core.spec import Spec
from .._plan.load_advice import Verdict
from .._stores.registry import data_place, endpoint_of
from .context import Context
from .load_report import load_as_data
from .render import live_as_data, plan_as_data
from .verbs import LOOK, SITE, Verb

# Seconds for all of the planning of one host cluster.
PLANNING_LIMIT = 900.0


@dataclass(frozen=True)
class Entry:
    """One vCluster in the plan of the fleet.

    Attributes:
        host: Inventory host.
        wave: 1 to 10.
        spec: None when its variables could not be read.
        error: Why there is no plan: refused, unreachable or failed.
        verdict: What came of a look at the load; None without one.
    """

    host: str
    wave: int = 1
    spec: Spec | None = None
    observation: Observation = field(default_factory=Observation)
    plan: Plan = field(default_factory=Plan)
    secret_paths: tuple[str, ...] = ()
    error: FleetError | None = None
    verdict: Verdict | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The step kinds, or the outcome of an error."""
        return (self.error.outcome,) if self.error else self.plan.kinds

    @property
    def status(self) -> str:
        """unchanged, planned, refused, unreachable or failed."""
        if self.error:
            return self.error.outcome
        if self.plan.refusals:
            return "refused"
        return "planned" if self.plan.steps else "unchanged"


@dataclass(frozen=True)
class FleetPlan:
    """The plan of a fleet.

    Attributes:
        entries: In inventory order.
        notes: What a reader should know of a host cluster, by its name.
        seconds: How long planning took.
        words: What the verb says of those that have steps.
    """

    entries: tuple[Entry, ...]
    notes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    seconds: float = 0.0
    words: str = SITE.words


def plan_fleet(entries: Iterable[Entry], context: Context, verb: Verb = SITE) -> FleetPlan:
    """Plan every entry that has a spec and no error yet; one thread a host cluster.

    Args:
        entries: With spec, or with the error of their variables.
        verb: What the run is for; LOOK plans nothing (for a status).
    """
    began = time.monotonic()
    given = _without_doubles(tuple(entries))
    groups: dict[str, list[Entry]] = {}
    for entry in given:
        if entry.spec and not entry.error:
            groups.setdefault(entry.spec.access.key, []).append(entry)
    works = [_Work(group, context, verb) for group in groups.values()]
    for work in works:
        work.start()
    try:
        for work in works:
            work.join(max(0.0, PLANNING_LIMIT - (time.monotonic() - began)))
    finally:
        verb.stop()
    done = {entry.host: entry for work in works for entry in work.results()}
    notes = {work.cluster: work.notes for work in works if work.notes}
    return FleetPlan(
        tuple(done.get(entry.host, entry) for entry in given),
        notes,
        time.monotonic() - began,
        verb.words,
    )


def _without_doubles(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Two inventory hosts in one namespace, which takes one vCluster (G39), or with their data on the same servers."""
    namespaces = _sharing(entries, lambda spec: (spec.access.key, spec.namespace))
    stores = _sharing(entries, data_place)

    def judged(entry: Entry) -> Entry:
        if entry.error or not entry.spec:
            return entry
        findings = []
        if others := namespaces.get(entry.host):
            findings.append(
                refuse(
                    "G39",
                    f"{entry.spec.title} shares its namespace with {', '.join(others)}.",
                    "A namespace takes one vCluster.",
                    "Give each its own vcluster_namespace.",
                )
            )
        if others := stores.get(entry.host):
            findings.append(
                refuse(
                    "spec",
                    f"{entry.spec.title} shares the store at {endpoint_of(entry.spec)} with {', '.join(others)}.",
                    "They would read and delete each other's keys.",
                    "Give each a store of its own.",
                )
            )
        return replace(entry, error=Refused(tuple(findings))) if findings else entry

    return tuple(judged(entry) for entry in entries)


def _sharing(
    entries: tuple[Entry, ...], place: Callable[[Spec], tuple[str, ...]]
) -> dict[str, list[str]]:
    """The others in the same place, by inventory host; an empty place is none."""
    places: dict[tuple[str, ...], list[str]] = {}
    for entry in entries:
        found = place(entry.spec) if entry.spec else ()
        if found:
            places.setdefault(found, []).append(entry.host)
    return {
        host: [other for other in hosts if other != host]
        for hosts in places.values()
        if len(hosts) > 1
        for host in hosts
    }


class _Work(threading.Thread):
    """The planning of one host cluster. A daemon: a task that was cut off leaves nothing behind."""

    def __init__(self, entries: Sequence[Entry], context: Context, verb: Verb) -> None:
        super().__init__(daemon=True)
        self._entries = entries
        self._context = context
        self._verb = verb
        self._done: dict[str, Entry] = {}
        first = entries[0].spec
        self.cluster = first.cluster if first else ""
        self.notes: tuple[str, ...] = ()

    def run(self) -> None:
        try:
            self._plan_all()
        except FleetError as error:
            self._fail_rest(error)
        except Exception as error:
            self._fail_rest(FleetError(f"Host cluster {self.cluster}: {defect(error)}"))

    def _plan_all(self) -> None:
        specs = [entry.spec for entry in self._entries if entry.spec]
        host = self._context.host(specs[0].access)
        fleet = host.fleet(specs, leases=self._verb is LOOK)
        self.notes = fleet.notes
        self._verb.prepare(specs, host, self._context)
        for entry in self._entries:
            self._done[entry.host] = self._planned(entry, host, fleet)

    def _planned(self, entry: Entry, host: HostCluster, fleet: Fleet) -> Entry:
        spec = entry.spec
        if spec is None:
            return entry
        place = (spec.namespace, spec.name)
        seen = fleet.observations.get(place, Observation())
        if place in fleet.failures:
            return replace(entry, error=_as_fleet_error(spec, fleet.failures[place]))
        try:
            planned = self._verb.plan(spec, seen, host, self._context)
        except FleetError as error:
            return replace(entry, observation=seen, error=error)
        if planned is None:
            return replace(entry, observation=seen)
        return replace(
            entry,
            observation=planned.observation,
            plan=planned.plan,
            spec=replace(spec, decision=planned.spec.decision),
            secret_paths=planned.full.secret_paths,
            verdict=planned.verdict,
        )

    def _fail_rest(self, error: FleetError) -> None:
        for entry in self._entries:
            self._done.setdefault(entry.host, replace(entry, error=error))

    def results(self) -> tuple[Entry, ...]:
        """An entry for every host, also when the time ran out."""
        late = Unreachable(
            f"Host cluster {self.cluster} was not planned within {PLANNING_LIMIT:.0f} s.",
            "See whether its API server answers.",
        )
        done = dict(self._done)
        return tuple(done.get(entry.host, replace(entry, error=late)) for entry in self._entries)


def _as_fleet_error(spec: Spec, error: Exception) -> FleetError:
    return (
        error
        if isinstance(error, FleetError)
        else FleetError(f"{spec.title} cannot be looked at: {error}")
    )


def fleet_as_data(fleet: FleetPlan) -> dict[str, Any]:
    """The whole plan, masked, fit for the plan file."""
    return {
        "seconds": round(fleet.seconds, 2),
        "notes": {cluster: list(notes) for cluster, notes in fleet.notes.items()},
        "hosts": {entry.host: entry_as_data(entry) for entry in fleet.entries},
    }


def entry_as_data(entry: Entry) -> dict[str, Any]:
    """One vCluster of the plan file."""
    spec = entry.spec
    return {
        "status": entry.status,
        "wave": entry.wave,
        "cluster": spec.cluster if spec else "",
        "namespace": spec.namespace if spec else "",
        "name": spec.name if spec else entry.host,
        "store": spec.store.type if spec and spec.store else "",
        "live": live_as_data(entry.observation),
        "error": str(entry.error) if entry.error else "",
        **plan_as_data(entry.plan, entry.secret_paths),
        **({"load": load_as_data(entry.verdict)} if entry.verdict else {}),
    }
