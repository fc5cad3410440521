# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking over a vCluster as it runs: the variables that say what is there and ask for nothing else (G52). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from .._core.observation import Observation
from .._core.plan import Change, Kind, Plan
from .._core.ports import ChartArchive
from .._core.spec import Spec, StoreSpec
from .._stores.registry import store_in
from .desired import REPLICAS, desired_values
from .merge import three_way, without
from .planner import plan
from .revisions import running_kubernetes
from .values import merged, path_of, read

# Names of kept values that are told; there may be hundreds.
TOLD = 6


@dataclass(frozen=True)
class Adoption:
    """How an inventory takes over one vCluster.

    Attributes:
        arguments: Variables without their prefix: version, and what else the user values say themselves.
        notes: What is not written, and why; one line each.
        plan: The first plan with these variables.
    """

    arguments: dict[str, Any]
    notes: tuple[str, ...] = ()
    plan: Plan = field(default_factory=Plan)

    @property
    def harmless(self) -> bool:
        """The first plan changes nothing: it is empty, or only proves."""
        steps = self.plan.steps
        return not self.plan.refusals and all(step.kind is Kind.PROVE for step in steps)


def adoption(spec: Spec, observation: Observation, chart: ChartArchive) -> Adoption:
    """The variables with which the first plan changes as little as it can.

    A variable that only repeats a default of the chart would be a change: the release has no such value yet. It is
    left out, with a note.

    Args:
        spec: Says which vCluster it is, and asks for nothing.
        observation: A complete one, of a vCluster that has a good revision.
        chart: The chart of that revision.
    """
    asked = replace(spec, version=chart.version)
    changes = _changes(asked, observation)
    arguments: dict[str, Any] = {"version": chart.version}
    notes: list[str] = []
    for name, value, said in _candidates(observation, chart):
        with_it = replace(asked, **said)
        then = _changes(with_it, observation)
        # Fewer are welcome: what this collection asked for once is asked for again.
        if all(change in changes for change in then):
            asked, changes = with_it, then
            arguments[name] = value
        else:
            default = (
                f"vcluster_{name}: {_shown(value)} is what runs by default; it stays while unset."
            )
            notes.append(default)
    store = store_in(merged(chart.defaults, _live(observation)))
    if "store" not in arguments:
        notes.append(
            f"vcluster_store cannot say what runs (store {store.type}); it stays as it is while unset."
        )
    first = plan(asked, observation, chart)
    notes += [f"{finding.guard}: {finding.what}" for finding in first.findings]
    notes += _kept(first.foreign)
    return Adoption(arguments, tuple(notes), first)


def _candidates(
    observation: Observation, chart: ChartArchive
) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Name of a variable, its value in an inventory, and what a Spec says with it."""
    kubernetes = running_kubernetes(observation)
    if kubernetes:
        yield "kubernetes_version", kubernetes, {"kubernetes_version": kubernetes}
    values = merged(chart.defaults, _live(observation))
    replicas = read(values, REPLICAS)
    if isinstance(replicas, int) and not isinstance(replicas, bool):
        yield "replicas", replicas, {"replicas": replicas}
    store = store_in(values)
    options = store.options_in(_live(observation))
    if options is not None:
        said = {"store": StoreSpec(store.type, options)}
        yield "store", {"type": store.type, **options}, said


def _changes(spec: Spec, observation: Observation) -> tuple[Change, ...]:
    """What the user values would become; the versions are not among them."""
    base = observation.base
    desired = desired_values(spec, observation)
    known = without(base.values or {}, base.foreign) if base else None
    return three_way(known, _live(observation), desired.values, desired.defaults).changes


def _live(observation: Observation) -> dict[str, Any]:
    good = observation.last_good
    return dict(good.values or {}) if good else {}


def _shown(value: Any) -> str:
    """A value in one line of YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {below}" for key, below in value.items()) + "}"
    return str(value)


def _kept(pointers: tuple[str, ...]) -> list[str]:
    """Names of values that stay although nobody asks for them, never their content (G38)."""
    if not pointers:
        return []
    names = [".".join(path_of(pointer)) for pointer in pointers]
    more = f" and {len(names) - TOLD} more" if len(names) > TOLD else ""
    return [f"Values kept as they are: {', '.join(names[:TOLD])}{more}."]
