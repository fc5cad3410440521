# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Take over vClusters as they run: look at each closely and plan with what would be written."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._cluster.installed import installed_chart
from .._core.errors import FleetError, Unreachable, defect
from .._core.observation import Observation
from .._core.plan import Step
from .._core.ports import HostCluster
from .._core.spec import Spec
from .._plan.adoption import TOLD, Adoption, adoption
from .context import Context
from .render import dotted

# Seconds for all that is looked at on one host cluster.
ADOPTION_LIMIT = 900.0


@dataclass(frozen=True)
class Adopted:
    """One vCluster of the new inventory.

    Attributes:
        spec: Which vCluster it is.
        arguments: Its variables without their prefix, where it is and how to get there aside.
        notes: What is not written, one line each.
        held_back: Why it is written as a comment only; empty when its first plan changes nothing.
    """

    spec: Spec
    arguments: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    held_back: str = ""


def adopt(specs: Iterable[Spec], context: Context) -> tuple[Adopted, ...]:
    """What to write of each; a thread a host cluster, and a bad vCluster is data."""
    began = time.monotonic()
    groups: dict[str, list[Spec]] = {}
    given = tuple(specs)
    for spec in given:
        groups.setdefault(spec.access.key, []).append(spec)
    works = [_Work(group, context) for group in groups.values()]
    for work in works:
        work.start()
    for work in works:
        work.join(max(0.0, ADOPTION_LIMIT - (time.monotonic() - began)))
    done = {found.spec.host: found for work in works for found in work.results()}
    return tuple(done[spec.host] for spec in given)


class _Work(threading.Thread):
    """The vClusters of one host cluster. A daemon: one that hangs keeps nothing from ending."""

    def __init__(self, specs: Sequence[Spec], context: Context) -> None:
        super().__init__(daemon=True)
        self._specs = specs
        self._context = context
        self._done: dict[str, Adopted] = {}

    def run(self) -> None:
        try:
            host = self._context.host(self._specs[0].access)
        except FleetError as error:
            self._done = {spec.host: Adopted(spec, held_back=str(error)) for spec in self._specs}
            return
        for spec in self._specs:
            self._done[spec.host] = _looked_at(spec, host)

    def results(self) -> tuple[Adopted, ...]:
        late = Unreachable(f"It was not looked at within {ADOPTION_LIMIT:.0f} s.")
        done = dict(self._done)
        return tuple(
            done.get(spec.host, Adopted(spec, held_back=str(late))) for spec in self._specs
        )


def _looked_at(spec: Spec, host: HostCluster) -> Adopted:
    try:
        observation = host.observe(spec)
        good = observation.last_good
        if good is None:
            return Adopted(spec, held_back=_without_release(observation))
        chart = installed_chart(host.api, spec.namespace, spec.name, good.revision)
        taken = adoption(spec, observation, chart)
    except FleetError as error:
        return Adopted(spec, held_back=str(error))
    except Exception as error:
        return Adopted(spec, held_back=defect(error))
    return Adopted(spec, taken.arguments, taken.notes, _held_back(taken))


def _without_release(observation: Observation) -> str:
    if observation.release:
        return f"No revision of it was ever deployed (the newest is {observation.release.status})."
    if observation.workloads:
        return "Helm did not install it (Argo CD renders charts itself); whoever did would undo what is changed here."
    return "There is no such vCluster."


def _held_back(taken: Adoption) -> str:
    if taken.harmless:
        return ""
    plan = taken.plan
    if plan.refusals:
        return f"The plan is refused: {'; '.join(f'{f.guard}: {f.what}' for f in plan.refusals)}"
    return f"The first plan would change it: {'; '.join(map(_step, plan.steps))}."


def _step(step: Step) -> str:
    """A step in a line: what differs by name, never by value (G38)."""
    paths = [dotted(change.path) for change in step.changes]
    more = [f"{len(paths) - TOLD} more"] if len(paths) > TOLD else []
    names = f" ({', '.join([*paths[:TOLD], *more])})" if paths else ""
    return f"{step.kind.value}, {step.reason}{names}"


def bare(spec: Spec) -> Spec:
    """Which vCluster it is and how to get there, without anything that is asked of it."""
    return Spec(spec.host, spec.name, spec.namespace, spec.cluster, spec.access)
