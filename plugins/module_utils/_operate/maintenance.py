# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine of module `maintenance`: look at the store of one vCluster, do what it is due for, prove it (G43, G44)."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from .._core.check import CheckResult
from .._core.errors import FleetError, ProofFailed, about
from .._core.finding import refusals
from .._core.moments import moment_text
from .._core.observation import Observation
from .._core.plan import Kind, Step
from .._core.ports import HostCluster, Lock
from .._core.spec import Spec
from .._plan.care import Due
from .._plan.guards.upkeep import care_findings
from .._stores.registry import tend
from .._stores.work import Upkeep
from .care import Looked, look_closely, note
from .context import Context
from .door import Arguments, Result
from .options import spec_of
from .plane import Plane
from .planning import Planned, accepted, some_steps
from .pods import look
from .render import live_as_data
from .taking import cut_off, resume, stopped
from .verify import proof_of, prove
from .wait import Deadline, wait_until

RESUMED = "start the control plane that an earlier run stopped for its store"


def run_maintenance(arguments: Arguments, context: Context) -> Result:
    """Do what the store is due for, and prove the vCluster.

    Raises:
        Refused: There is no such vCluster, it is paused, or its store is not well enough to be worked on.
        FleetError: The host cluster, the lock or the store ended the work before the first step.
    """
    spec = spec_of(arguments, context)
    host = context.host(spec.access)
    observation = host.observe(spec)
    accepted(spec, care_findings(spec, observation), context)
    if not cut_off(observation):
        looked = look_closely(spec, host, observation)
        if looked is None:
            msg = f"{spec.title}: nothing to do; its store tells nothing of its size from here"
            return {"changed": False, "outcome": "unchanged", "msg": msg}
        accepted(spec, looked.due.findings, context)
        if context.check and looked.due.steps:
            return _preview(spec, looked)
        if not looked.due.steps:
            return _unchanged(spec, host, observation, looked, context)
    elif context.check:
        msg = f"{spec.title}: would {RESUMED}, and look at it then"
        return {"changed": True, "outcome": "planned", "msg": msg}
    deadline = Deadline(spec.limits.total)
    with host.lock(spec) as lock:
        return Care(spec, host, context, lock, deadline).carry_out()


def care_plan(spec: Spec, host: HostCluster, observation: Observation) -> Planned:
    """The plan of its care: what it is due for, or why that is not begun."""
    findings = care_findings(spec, observation)
    if findings:
        return some_steps(spec, observation, findings, ())
    if cut_off(observation):
        return some_steps(spec, observation, (), (Step(Kind.REPAIR, RESUMED),))
    looked = look_closely(spec, host, observation)
    found = looked.due if looked else Due()
    return some_steps(spec, observation, found.findings, found.steps)


def _preview(spec: Spec, looked: Looked) -> Result:
    """What a run would do."""
    words = "; ".join(
        ": ".join(filter(None, (f"{step.kind.value}: {step.reason}", step.disruption.estimate)))
        for step in looked.due.steps
    )
    msg = f"{spec.title}: would {words}"
    return {"changed": True, "outcome": "planned", "msg": msg, "store": looked.as_data()}


def _unchanged(
    spec: Spec, host: HostCluster, observation: Observation, looked: Looked, context: Context
) -> Result:
    if not context.check:
        note(spec, host, observation, looked.condition.used)
    msg = f"{spec.title}: nothing to do; {looked.words}"
    return {"changed": False, "outcome": "unchanged", "msg": msg, "store": looked.as_data()}


@dataclass
class Care:
    """One run over one store.

    Attributes:
        begun: Step kinds that were begun.
        done: Step kinds that are carried out.
        checks: Results of the proof.
        looked: The newest look.
    """

    spec: Spec
    host: HostCluster
    context: Context
    lock: Lock
    deadline: Deadline
    begun: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    checks: tuple[CheckResult, ...] = ()
    looked: Looked | None = None
    began: float = field(default_factory=time.monotonic)
    clock: datetime = field(default_factory=lambda: datetime.now(UTC))

    def say(self, text: str) -> None:
        """Progress, with the vCluster's name."""
        self.context.say(f"{self.spec.host}: {text}")

    def carry_out(self) -> Result:
        """Everything; the first failure ends it. What is done stays done, and the next run goes on from there."""
        try:
            return self._all_steps()
        except ProofFailed as error:
            self.checks = error.checks
            return self._result("failed", about(self.spec.title, error), failed=True)
        except FleetError as error:
            return self._result(error.outcome, about(self.spec.title, error), failed=True)
        except Exception as error:
            text = f"{self.spec.title}: {self.context.defect(error)}"
            return self._result("failed", text, failed=True)

    def _all_steps(self) -> Result:
        observation = self.host.observe(self.spec)
        if cut_off(observation):
            self.begun.append(Kind.REPAIR.value)
            resume(self.spec, self.host, observation, self.deadline, self.say)
            self.done.append(Kind.REPAIR.value)
            observation = self.host.observe(self.spec)
        self.looked = looked = look_closely(self.spec, self.host, observation)
        due = looked.due if looked else Due()
        # Warnings were passed on before.
        accepted(self.spec, refusals(due.findings), self.context)
        for step in due.steps:
            self.lock.check()
            self.say(f"{step.kind.value}: {step.reason}")
            self.begun.append(step.kind.value)
            tend(self.spec, observation, step, self._upkeep(observation))
            self.done.append(step.kind.value)
        if looked and not self.done:
            # Another run has finished it while this one waited for the lock.
            return _unchanged(self.spec, self.host, observation, looked, self.context)
        self._prove(observation)
        after = self.looked = look_closely(self.spec, self.host, observation)
        msg = f"{self.spec.title}: {', '.join(self.done)}, proved"
        if not (looked and after):
            return self._result("done", msg)
        note(self.spec, self.host, observation, after.condition.used)
        told = f"{_mib(looked.condition.size)} -> {_mib(after.condition.size)}"
        return {**self._result("done", f"{msg}; {told}; {after.words}"), "told": told}

    def _upkeep(self, observation: Observation) -> Upkeep:
        api, limit = self.host.api, Deadline(self.spec.limits.rollout, self.deadline)
        plane = Plane(self.spec, self.host, observation, self.deadline, self.say)
        return Upkeep(
            api,
            self.host.reach(self.spec),
            lambda: look(api, self.spec).pods,
            partial(wait_until, self.spec, limit),
            self.say,
            wanted=self.spec.maintenance,
            held=self.lock.check,
            stopped=partial(stopped, plane, self.lock),
            shell_image=plane.workload.images["syncer"],
        )

    def _prove(self, observation: Observation) -> None:
        limit = Deadline(self.spec.limits.proof, self.deadline)
        self.checks = prove(self.spec, self.host, self.context, limit)
        self.lock.check()
        release = observation.release
        if release and release.applied:
            self.host.note_proof(self.spec, release.revision, proof_of(self.checks, self.host))

    def _result(self, outcome: str, msg: str, *, failed: bool = False) -> dict[str, Any]:
        return {
            "changed": bool(self.begun),
            "failed": failed,
            "outcome": outcome,
            "msg": msg,
            "steps": self.done,
            "begun": self.begun,
            "checks": [asdict(result) for result in self.checks],
            "store": self.looked.as_data() if self.looked else {},
            "live": {} if failed else live_as_data(self.host.observe(self.spec)),
            "began": moment_text(self.clock),
            "seconds": round(time.monotonic() - self.began, 1),
        }


def _mib(size: int) -> str:
    return f"{size / (1 << 20):,.1f} MiB"
