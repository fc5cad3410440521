# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine of module `move`: a vCluster gives its place to another one, which takes over all that it holds.

The source stops before its last snapshot is taken and never runs again unless the move is given up, so nothing that it
acknowledged is missing at the target. Both workloads carry the annotation `fleetops.vcluster/move` with that snapshot:
a run that is cut off anywhere is finished by the next one, and a target that serves is never filled again. In the end
the source is paused as the vendor's tool does it, until somebody retires it or wakes it up.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from .._cluster.repository import Repository
from .._core.errors import FleetError, Locked, about
from .._core.moments import moment_text
from .._core.observation import RESTORING, Observation, Workload
from .._core.plan import Disruption, Kind, Step
from .._core.ports import HostCluster, Lock
from .._core.snapshot import Manifest
from .._core.spec import Spec
from .._plan.guards.moves import move_findings, wanted_source
from .audit import Audit, audit_of
from .context import Context
from .door import Arguments, Result
from .kubeconfig import address_of
from .options import spec_of
from .plane import Plane
from .planning import Planned, accepted, one_step
from .render import live_as_data
from .report_text import duration
from .restore import RATE, SECONDS
from .restoring import Restoring
from .saved import of_snapshot
from .taking import Taking
from .wait import Deadline

MOVE = (
    "fleetops.vcluster/move"  # annotation of both workloads: the snapshot, and who the other one is
)
PAUSED, REPLICAS, SINCE = "loft.sh/paused", "loft.sh/paused-replicas", "loft.sh/paused-date"


def run_move(arguments: Arguments, context: Context) -> Result:
    """Move a vCluster to where the inventory has it now.

    Raises:
        Refused: There is no source or no target, or what the source holds does not fit the target.
        FleetError: A host cluster cannot be asked.
    """
    spec = spec_of(arguments, context)
    source = wanted_source(spec)
    ends = Ends(spec, source, context.host(spec.access), context.host(source.access))
    if ends.done:
        return _unchanged(ends)
    accepted(spec, ends.findings, context)
    if context.check:
        step = move_step(ends)
        msg = f"{spec.title}: would move {step.reason}; {step.disruption.estimate}"
        return {"changed": True, "outcome": "planned", "msg": msg}
    with ends.away.lock(source) as away, ends.host.lock(spec) as lock:
        again = Ends(spec, source, ends.host, ends.away)
        if again.done:  # by another run, while this one waited for the locks
            return _unchanged(again)
        accepted(spec, again.findings, context)
        return Move(again, context, audit_of(arguments), away, lock).carry_out()


def _unchanged(ends: Ends) -> Result:
    msg = f"{ends.spec.title}: moved from {ends.source.title} already"
    return {"changed": False, "outcome": "unchanged", "msg": msg}


def move_plan(spec: Spec, host: HostCluster, context: Context) -> Planned | None:
    """The plan of a move; None when it is done, or the inventory says nothing of one.

    Raises:
        Refused: It would be moved to where it is.
        FleetError: A host cluster cannot be asked.
    """
    if spec.move_from is None:
        return None
    source = wanted_source(spec)
    ends = Ends(spec, source, host, context.host(source.access))
    if ends.done:
        return None
    return one_step(spec, ends.seen, ends.findings, lambda: move_step(ends))


@dataclass(frozen=True)
class Ends:
    """Both vClusters as they are.

    Attributes:
        spec: The target.
        source: The other one.
        host: Host cluster of the target.
        away: That of the source.
    """

    spec: Spec
    source: Spec
    host: HostCluster
    away: HostCluster

    @cached_property
    def seen(self) -> Observation:
        """The target."""
        return self.host.observe(self.spec)

    @cached_property
    def left(self) -> Observation:
        """The source."""
        return self.away.observe(self.source)

    @property
    def begun(self) -> Mapping[str, str]:
        """What a move that has begun noted at the source: its snapshot, empty before there is one, and where to.

        Nothing where the source runs: then it is not being moved.
        """
        plane = self.left.workload("control_plane")
        return {} if plane is None or plane.replicas else _mark(plane)

    @property
    def filled(self) -> bool:
        """The target holds that snapshot, and serves."""
        taken = self.begun.get("snapshot")
        there = _mark(self.seen.workload("control_plane")).get("snapshot")
        return bool(taken) and taken == there and self.seen.paused != RESTORING

    @property
    def done(self) -> bool:
        """And the source is parked, or retired."""
        retired = self.left.release is None and not self.left.workloads
        mark = _mark(self.seen.workload("control_plane"))
        return (self.filled and self.left.paused == PAUSED) or (
            retired and mark.get("from") == self.source.title
        )

    @property
    def findings(self) -> Any:
        """What speaks against it."""
        to = self.spec.title if self.filled else self.begun.get("to", "")
        return move_findings(self.spec, self.source, self.seen, self.left, to)


def _mark(plane: Workload | None) -> dict[str, str]:
    found: dict[str, str] = json.loads(plane.annotations.get(MOVE, "{}")) if plane else {}
    return found


def move_step(ends: Ends) -> Step:
    """The step: from where, and for how long the API is away."""
    seconds = 2 * SECONDS
    reason = f"from {ends.source.title}; all that is here now is lost"
    estimate = f"the API is away for about {seconds} s, and {1_000_000_000 // RATE} s more for each GB; then it is here"
    return Step(Kind.MOVE, reason, (), Disruption("outage", seconds, estimate))


@dataclass
class Move:
    """One move.

    Attributes:
        away: The lock of the source.
        lock: That of the target.
        began: When it began, by the monotonic clock.
        stopped: When the source was stopped, by the same; None while it runs.
    """

    ends: Ends
    context: Context
    audit: Audit
    away: Lock
    lock: Lock
    began: float = field(default_factory=time.monotonic)
    stopped: float | None = None
    clock: datetime = field(default_factory=lambda: datetime.now(UTC))

    def carry_out(self) -> dict[str, Any]:
        """Everything. What fails before the target serves starts the source again."""
        ends, result = self.ends, {}
        if ends.begun:
            self.stopped = self.began
        if not ends.filled:
            try:
                manifest = self._saved()
                result = self._restored(manifest)
                if result.get("failed"):
                    return self._given_up(result["msg"], result)
            except Locked as error:
                return self._result(error.outcome, about(self.spec.title, error), {})
            except FleetError as error:
                return self._given_up(about(self.spec.title, error), {})
            except Exception as error:
                return self._given_up(self.context.defect(error), {})
        took = time.monotonic() - (self.stopped or self.began)
        try:
            self._park()
        except FleetError as error:
            text = f"{self.spec.title}: it runs here, and {ends.source.title} is stopped but not parked: {error}"
            return self._result("failed", text, result)
        told = f"the API was away for {duration(took)}; {ends.source.title} is paused"
        msg = f"{self.spec.title}: moved, proved; {told}"
        return {**self._result("done", msg, result), "told": told}

    @property
    def spec(self) -> Spec:
        """The target."""
        return self.ends.spec

    def _saved(self) -> Manifest:
        """The snapshot of the stopped source: that of a run that was cut off after it, or a new one."""
        repository = self._repository
        taken = self.ends.begun.get("snapshot")
        if taken and (kept := repository.find(taken)):
            return kept
        self.away.check()
        plane = self._plane
        self.stopped = time.monotonic()
        plane.stop(self._marked(""))
        taking = Taking(
            self.ends.source,
            self.ends.away,
            self.ends.left,
            repository,
            self.context,
            self.away,
            self.audit,
            self._deadline,
        )
        manifest = taking.take()
        plane.mark(self._marked(manifest.id))
        return manifest

    def _restored(self, manifest: Manifest) -> dict[str, Any]:
        """The target holds it and is proved, or is as it was."""
        self.away.check()
        mark = json.dumps({"snapshot": manifest.id, "from": self.ends.source.title})
        return Restoring(
            self.spec,
            self.ends.host,
            self.ends.seen,
            of_snapshot(self.spec, self._repository, manifest),
            Repository(self.context.target(self.spec), self.spec),
            self.context,
            self.lock,
            self.audit,
            self._deadline,
            safe=True,
            stays={MOVE: mark},
        ).carry_out()

    def _park(self) -> None:
        """Paused as by the vendor's tool, which can wake it up; its pods on the host end."""
        self.context.say(f"{self.spec.host}: pausing {self.ends.source.title}")
        plane = self._plane
        plane.mark({PAUSED: "true", REPLICAS: str(plane.replicas), SINCE: moment_text(self.clock)})
        plane.end_pods()

    def _given_up(self, why: str, result: dict[str, Any]) -> dict[str, Any]:
        """The source runs again."""
        if self.stopped is None:
            return self._result("failed", f"{why} Nothing was touched.", result)
        if result.get("outcome") == "locked":
            return self._result("locked", why, result)
        try:
            self.away.check()
            self._plane.start()
            self._plane.unmark(MOVE)
        except FleetError as second:
            text = f"{why} Starting {self.ends.source.title} again failed too: {second}"
            return self._result("failed", text, result)
        text = f"{why} {self.ends.source.title} runs again, as before the move."
        return self._result("rolled_back", text, result)

    def _marked(self, snapshot: str) -> dict[str, str]:
        return {MOVE: json.dumps({"snapshot": snapshot, "to": self.spec.title})}

    @cached_property
    def _deadline(self) -> Deadline:
        return Deadline(self.spec.limits.total)

    @cached_property
    def _repository(self) -> Repository:
        return Repository(self.context.target(self.spec), self.ends.source)

    @property
    def _plane(self) -> Plane:
        """Of the source."""

        def say(text: str) -> None:
            self.context.say(f"{self.spec.host}: {self.ends.source.cluster}: {text}")

        return Plane(self.ends.source, self.ends.away, self.ends.left, self._deadline, say)

    def _result(self, outcome: str, msg: str, result: dict[str, Any]) -> dict[str, Any]:
        failed = outcome != "done"
        server = ""
        with suppress(FleetError):
            server = address_of(self.spec, self.ends.host.api)
        return {
            "snapshot": {},
            "checks": [],
            **result,
            "changed": True,
            "failed": failed,
            "outcome": outcome,
            "msg": msg,
            "server": server,
            "steps": [] if failed else [Kind.MOVE.value],
            "begun": [Kind.MOVE.value],
            "live": {} if failed else live_as_data(self.ends.host.observe(self.spec)),
            "began": moment_text(self.clock),
            "seconds": round(time.monotonic() - self.began, 1),
        }
