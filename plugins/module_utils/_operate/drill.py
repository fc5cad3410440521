# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine of module `drill`: the newest snapshot restored beside the vCluster, proved, timed, and removed again."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from .._cluster.repository import Repository
from .._core.check import CheckResult
from .._core.errors import FleetError
from .._core.moments import moment_text
from .._core.plan import Disruption, Kind, Step
from .._core.ports import HostCluster
from .._core.snapshot import Manifest
from .._core.spec import Origin, Spec
from .._plan.guards.snapshots import drill_findings, target_findings
from .._plan.scratch import scratch_of
from .apply import Application
from .audit import Audit, audit_of
from .context import Context
from .door import Arguments, Result
from .options import spec_of
from .planning import Planned, accepted, observe_and_plan, one_step
from .report_text import duration
from .restore import SECONDS
from .restoring import Restoring
from .saved import LATEST, Saved, saved_of
from .scratch import Scratch
from .snapshot_text import as_data
from .wait import Deadline


def run_drill(arguments: Arguments, context: Context) -> Result:
    """Restore the newest snapshot into a scratch namespace, prove it, and remove it again.

    Raises:
        Refused: There is no target, or the snapshot cannot be restored there.
        FleetError: There is no snapshot, it is damaged, or the scratch namespace is somebody else's.
    """
    spec = spec_of(arguments, context)
    host = context.host(spec.access)
    saved = _newest(spec, context)
    accepted(spec, drill_findings(spec, saved.manifest), context)
    if context.check:
        msg = f"{spec.title}: would drill {_reason(saved.manifest)}"
        return {"changed": True, "outcome": "planned", "msg": msg}
    return Drill(spec, host, saved, context, audit_of(arguments)).carry_out()


def drill_plan(spec: Spec, host: HostCluster, context: Context) -> Planned:
    """The plan of a drill.

    Raises:
        Refused: There is no target.
        FleetError: There is no snapshot.
    """
    manifest = _newest(spec, context).manifest
    estimate = f"none: it runs beside, for about {2 * SECONDS} s"
    step = Step(Kind.DRILL, _reason(manifest), (), Disruption("none", 0, estimate))
    return one_step(spec, host.observe(spec), drill_findings(spec, manifest), lambda: step)


def _newest(spec: Spec, context: Context) -> Saved:
    """The newest snapshot of this very vCluster."""
    own = replace(spec, snapshots=replace(spec.snapshots, origin=Origin()))
    accepted(spec, target_findings(spec), context)
    return saved_of(own, context, LATEST)


def _reason(manifest: Manifest) -> str:
    return f"snapshot {manifest.id}, {manifest.contents.keys:,} keys"


@dataclass
class Drill:
    """One drill.

    Attributes:
        began: When it began, by the monotonic clock.
        checks: Of the proof of what was restored.
    """

    spec: Spec
    host: HostCluster
    saved: Saved
    context: Context
    audit: Audit
    began: float = field(default_factory=time.monotonic)
    clock: datetime = field(default_factory=lambda: datetime.now(UTC))
    checks: tuple[CheckResult, ...] = ()

    def carry_out(self) -> dict[str, Any]:
        """Everything; nothing of it is left, however it ends."""
        age = (self.host.api.now - self.manifest.taken_at).total_seconds()
        spec = scratch_of(self.spec, self.manifest, self.saved.values)
        deadline = Deadline(self.spec.limits.total)
        took, error = None, ""
        with Scratch(self.host, spec, self.context).namespace():
            try:
                self._install(spec, deadline)
                self._restore(spec, deadline)
                took = time.monotonic() - self.began
            except FleetError as failure:
                error = str(failure)
        return self._result(took, age, error)

    @property
    def manifest(self) -> Manifest:
        """Of what is restored."""
        return self.saved.manifest

    def _install(self, spec: Spec, deadline: Deadline) -> None:
        self.context.say(f"{self.spec.host}: installing it in namespace {spec.namespace}")
        planned = observe_and_plan(spec, self.host, self.context)
        accepted(spec, planned.plan.findings, self.context)
        with self.host.lock(spec) as lock:
            _succeeded(
                Application(
                    planned, self.host, self.context, lock, deadline, self.audit
                ).carry_out()
            )

    def _restore(self, spec: Spec, deadline: Deadline) -> None:
        with self.host.lock(spec) as lock:
            restoring = Restoring(
                spec,
                self.host,
                self.host.observe(spec),
                self.saved,
                Repository(self.context.target(spec), spec),
                self.context,
                lock,
                self.audit,
                deadline,
                safe=False,
                idle=True,
            )
            _succeeded(restoring.carry_out())
            self.checks = restoring.checks

    def _result(self, took: float | None, age: float, error: str) -> dict[str, Any]:
        limits = self.spec.snapshots
        figures = [("RTO", took, limits.rto)] if took is not None else []
        figures.append(("RPO", age, limits.rpo))
        over = any(limit is not None and found > limit for _name, found, limit in figures)
        restored = error or f"{_reason(self.manifest)} restored beside it and proved"
        text = ", ".join(_figure(*figure) for figure in figures)
        failed = took is None or over
        return {
            "changed": True,
            "failed": failed,
            "outcome": "failed" if failed else "done",
            "msg": f"{self.spec.title}: {restored}; {text}",
            "told": text,
            "snapshot": as_data(self.manifest),
            "rto": None if took is None else round(took, 1),
            "rpo": round(age, 1),
            "steps": [] if failed else [Kind.DRILL.value],
            "begun": [Kind.DRILL.value],
            "checks": [asdict(result) for result in self.checks],
            "live": {},
            "began": moment_text(self.clock),
            "seconds": round(time.monotonic() - self.began, 1),
        }


def _figure(name: str, found: float, limit: int | None) -> str:
    text = f"{name} {duration(found)}"
    return f"{text}, over the limit of {limit} s" if limit is not None and found > limit else text


def _succeeded(result: dict[str, Any]) -> None:
    if result.get("failed"):
        raise FleetError(str(result["msg"]))
