# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The part of a plan that moves a vCluster to another store, and what is there after it.

Everything else is planned from there, as for versions (see upgrade): the step takes the values that run along, with the
one store's out and the other's in, and one replica. The others come when that one is proved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from .._core.finding import Finding, refusals, refuse
from .._core.migration import Migration, Phase
from .._core.observation import Observation, Release, Workload
from .._core.plan import Change, Kind, Step, View
from .._core.ports import ChartArchive
from .._core.spec import Spec
from .._stores.base import number
from .._stores.registry import plane_kind, store_in, store_named
from .._stores.store import Store
from .desired import BACKING_STORE, REPLICAS, Desired, desired_values
from .disruption import copied_store
from .guards.snapshots import moving_findings, return_findings
from .revisions import way_back
from .values import ABSENT, Tree, build, leaves, merged, pointer, read

ALLOWED = "migrate"  # in `vcluster_allow`


@dataclass(frozen=True)
class StoreChange:
    """A change of store.

    Attributes:
        arrived: The observation as it will be after it.
        steps: Empty where there is none, or it is refused.
    """

    arrived: Observation
    steps: tuple[Step, ...] = ()
    findings: tuple[Finding, ...] = ()


def store_change(
    spec: Spec, observation: Observation, chart: ChartArchive, view: View, *, hops: bool
) -> StoreChange:
    """The change to the store that is asked for, where that is another one and may be moved to.

    Args:
        spec: With references resolved.
        chart: The chart asked for, else the running one.
        hops: Versions would move, too.
    """
    good, cut_off = observation.last_good, observation.moving
    here = StoreChange(observation)
    if good is None:
        return here
    if cut_off and (hops or view not in (View.EVERYTHING, View.STORE)):
        return replace(here, findings=tuple(moving_findings(spec, observation)))
    desired = desired_values(spec, observation)
    source = store_in(merged(chart.defaults, good.values or {}))
    target = _asked(spec, merged(chart.defaults, desired.values))
    if cut_off and target.type != cut_off.target:
        return replace(here, findings=(_elsewhere(spec, cut_off),))
    allowed = view is View.EVERYTHING and ALLOWED in spec.allow
    if source.type == target.type or not (allowed or cut_off or view is View.STORE):
        return here
    move = _Move(spec, observation, chart, source, target, desired)
    findings = () if cut_off else tuple(move.findings(hops=hops))
    steps = () if refusals(findings) else tuple(move.steps(cut_off))
    return StoreChange(move.arrived, steps, findings)


def source_step(spec: Spec, observation: Observation) -> Step | None:
    """What gives up the store that was left; None where there is none."""
    noted, good = observation.migration, observation.last_good
    if noted is None or noted.phase is not Phase.DONE or good is None:
        return None
    claims = observation.claimed(store_named(noted.source).data_claims(spec.name))
    held = f"claims {', '.join(claims)}" if claims else "its keys"
    reason = (
        f"what {noted.source} held until {noted.at}, when it was left for {noted.target}: {held}; "
        f"snapshot {noted.snapshot} has it"
    )
    return Step(Kind.RETIRE_SOURCE, reason, version=good.chart_version or "", parts=tuple(claims))


def _asked(spec: Spec, wanted: Mapping[str, Any]) -> Store:
    """The store asked for: by its variable where there is one, so that what is left of another does not hide it."""
    return store_named(spec.store.type) if spec.store else store_in(wanted)


def _elsewhere(spec: Spec, noted: Migration) -> Finding:
    return refuse(
        "G03",
        f"{spec.title} was on its way from {noted.source} to {noted.target} when a run was cut off.",
        f"{noted.target} holds everything, and may have been let in.",
        f"Let that come to its end first: vcluster_store.type {noted.target}.",
    )


@dataclass(frozen=True)
class _Move:
    """From one store to another.

    Attributes:
        desired: All that is asked for.
    """

    spec: Spec
    observation: Observation
    chart: ChartArchive
    source: Store
    target: Store
    desired: Desired

    def findings(self, *, hops: bool) -> Iterator[Finding]:
        """Why it cannot be."""
        what = f"The store would move from {self.source.type} to {self.target.type}"
        by_itself = bool(self.target.imports(self.source.type))
        for store in (self.source, self.target):
            if store.way is None and not by_itself:
                yield refuse(
                    "G03",
                    f"{what}.",
                    f"Nobody here can copy what {store.type} holds: the vendor's image for it is closed.",
                    "Keep the store as it runs.",
                )
                return
        if hops:
            yield refuse(
                "G03",
                f"{what}, and versions with it.",
                "Each has a way back of its own.",
                "Move the versions first (fleetops.vcluster.upgrade), or leave them as they run.",
            )
        what_for = "the snapshot of the store that is left"
        yield from return_findings(self.spec, self.observation, what_for)
        yield from self.target.data_findings(merged(self.chart.defaults, self.values))
        if left := self._left():
            yield refuse(
                "G14",
                f"{what}, and there are claims already: {', '.join(left)}.",
                "They may hold the data of somebody, and would be written over.",
                f"Delete them from namespace {self.spec.namespace} when nothing on them is needed.",
            )

    def _left(self) -> list[str]:
        """Claims in the way, which no migration of ours made or left."""
        noted = self.observation.migration
        if noted and self.target.type in (noted.source, noted.target):
            return []
        return self.observation.claimed(self.target.data_claims(self.spec.name))

    @cached_property
    def values(self) -> Tree:
        """User values after it."""
        good = self.observation.last_good
        return self._moved((good.values if good else None) or {})

    def _moved(self, values: Mapping[str, Any]) -> Tree:
        """One replica, the other store, and nothing else."""
        options = self.spec.store.options if self.spec.store else {}
        own = [path for path, _value in leaves(self.target.values(self.spec.name, options))]
        section = read(self.desired.values, BACKING_STORE)
        found = {} if section is ABSENT else dict(leaves(section, BACKING_STORE))
        found |= {path: read(self.desired.values, path) for path in own}
        result = merged(self.source.left(values), build(found.items()))
        many = number(read(values, REPLICAS)) > 1
        return merged(result, build([(REPLICAS, 1)])) if many else result

    @property
    def arrived(self) -> Observation:
        """What will be seen then: nothing differs but what else is asked for."""

        def moved(release: Release | None) -> Release | None:
            if release is None:
                return None
            known = self._moved(release.values or {})
            there = {pointer(path) for path, _value in leaves(known)}
            foreign = tuple(path for path in release.foreign if path in there)
            return replace(release, values=known, foreign=foreign)

        effective = merged(self.chart.defaults, self.values)
        workloads = [_workload("control_plane", plane_kind(effective), self.spec.name, 1)]
        if members := self.target.members(effective):
            workloads.append(_workload("etcd", "StatefulSet", f"{self.spec.name}-etcd", members))
        return replace(
            self.observation,
            last_good=moved(self.observation.last_good),
            base=moved(self.observation.base),
            workloads=tuple(workloads),
            members=None,
            lost_members={},
        )

    def steps(self, cut_off: Migration | None) -> Iterator[Step]:
        """It is proved before, and moved.

        Args:
            cut_off: What a run that was cut off wrote down when the target held everything.
        """
        good, noted = self.observation.last_good, self.observation.migration
        version = (good.chart_version if good else None) or self.chart.version
        move = Step(
            Kind.MIGRATE,
            f"from {self.source.type} to {self.target.type}",
            tuple(self._changes()),
            copied_store(self.source.type, self.target.type),
            "store",
            version,
            self.values,
        )
        if cut_off:
            why = "everything is there, and the change of values was cut off"
            yield replace(move, reason=f"{move.reason}: {why}")
            return
        if self.spec.gives_up and noted and noted.left == self.target.type:
            why = (
                f"back, with all that it holds; or, if {self.source.type} gives no copy, with what was there at "
                f"{noted.at}: what was written since is lost then"
            )
            reason = f"{move.reason}: {why}"
            yield replace(move, reason=reason, way_back="none", parts=(noted.snapshot,))
            return
        why, back = "it is well before its store changes", way_back(self.observation)
        yield Step(Kind.PROVE, why, version=version, way_back=back)
        if own := self.target.imports(self.source.type):
            yield from self._by_itself(move, dict(own))
        else:
            yield move

    def _by_itself(self, move: Step, own: Tree) -> Iterator[Step]:
        """The vendor's own servers fill themselves while some values are set; what they are filled from runs on.

        Nobody here saw it: the image is closed (see the vendor's page about the backing store).
        """
        good = self.observation.last_good
        values = merged((good.values if good else None) or {}, own)
        one = build([(REPLICAS, 1)])
        yield Step(Kind.SNAPSHOT, f"the way back from {move.reason}", version=move.version)
        reason = f"{move.reason}, which copies by itself while migrateFromDeployedEtcd is set"
        yield replace(move, reason=reason, values=merged(values, one), way_back="none")
        why = f"{self.target.type} is proved: what it copied from goes, and its claims stay"
        yield replace(
            move, kind=Kind.VALUES, reason=why, changes=(), way_back="none", values=self.values
        )

    def _changes(self) -> Iterator[Change]:
        """G13: the workload becomes one of another kind with the store."""
        yield Change("vcluster_store.type", self.source.type, self.target.type)
        plane = self.observation.workload("control_plane")
        kind = plane_kind(merged(self.chart.defaults, self.values))
        if plane and plane.kind != kind:
            name = plane.name
            yield Change("workload of the control plane", f"{plane.kind} {name}", f"{kind} {name}")
        if plane and plane.replicas > 1:
            yield Change("vcluster_replicas", plane.replicas, 1)


def _workload(component: str, kind: str, name: str, count: int) -> Workload:
    return Workload(component, kind, name, count, count, count, count)
