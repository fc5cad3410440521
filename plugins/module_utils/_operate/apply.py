# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carry out the plan of one vCluster: steps, proof, way back.

A run may be cut off anywhere; the next one observes again and goes on (G48).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from .._cluster.repository import Repository
from .._core.check import CheckResult
from .._core.errors import FleetError, HelmError, Locked, ProofFailed, Unready, about
from .._core.moments import moment_text
from .._core.observation import SCALED_LABEL, STUCK, UNFINISHED, Observation, Proved, Release
from .._core.plan import HOPS, RETURNING, Kind, Members, Step
from .._core.ports import HostCluster, Lock
from .._core.spec import Spec
from .._plan.autoscaling import with_count
from .._plan.desired import REPLICAS
from .._plan.digest import applied_digest
from .._plan.upgrade import reruns
from .._plan.values import path_of
from .._stores.registry import change_members, store_in
from .._stores.work import Work
from .audit import Audit
from .autoscalers import put_autoscaler
from .claims import grown
from .companions import ensure_companions
from .context import Context
from .images import images_come
from .moved import StoreMove, arrived, let_in, retire_source, same_tenant
from .planning import Planned, present
from .pods import look
from .put_back import HELM_SECONDS, put_back, scaled_label
from .render import live_as_data
from .renewal import renew
from .taking import Taking, resume
from .verify import proof_of, prove
from .wait import Deadline, rollout, wait_until
from .way_back import WayBack, newer_ran


@dataclass
class Application:
    """One run over one vCluster.

    Attributes:
        begun: Step kinds that were begun.
        done: Step kinds that are carried out and proved.
        checks: Results of the latest proof.
        seen: What ran when it was proved; None before the first proof.
        base: The revision that was proved last, to go back to; None before the first proof.
        clock: When it began, by the controller's clock.
    """

    planned: Planned
    host: HostCluster
    context: Context
    lock: Lock
    deadline: Deadline
    audit: Audit
    begun: list[Kind] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    checks: tuple[CheckResult, ...] = ()
    seen: Observation | None = None
    base: Release | None = field(init=False)
    began: float = field(default_factory=time.monotonic)
    clock: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        self.base = self.planned.observation.base

    @property
    def spec(self) -> Spec:
        """What the inventory asks."""
        return self.planned.spec

    def say(self, text: str) -> None:
        """Progress, with the vCluster's name."""
        self.context.say(f"{self.spec.host}: {text}")

    def carry_out(self) -> dict[str, Any]:
        """All steps in order; the first failure ends them, after its way back.

        Returns:
            The result of the module. It is one whatever happens: once a step is begun, what was done must be told.
        """
        try:
            return self._all_steps()
        except Locked as error:
            return self._result(error.outcome, about(self.spec.title, error), failed=True)
        except FleetError as error:
            return self._result("failed", about(self.spec.title, error), failed=True)
        except Exception as error:
            text = f"{self.spec.title}: {self.context.defect(error)}"
            return self._result("failed", text, failed=True)

    def _all_steps(self) -> dict[str, Any]:
        steps = self.planned.plan.steps
        resume(self.spec, self.host, self.planned.observation, self.deadline, self.say)
        for number, step in enumerate(steps, 1):
            last = number == len(steps) and self.planned.plan.complete
            self.lock.check()
            self.say(f"{step.kind.value}: {step.reason}")
            if step.kind in HOPS or step.kind in (Kind.SNAPSHOT, Kind.MIGRATE):
                # The last hop of a long way is no worse than the first: it is not cut short.
                self.deadline = Deadline(self.spec.limits.total)
            self.begun.append(step.kind)
            try:
                self._step(step, last)
            except ProofFailed as error:
                self.checks = error.checks
                return self._way_back(step, error)
            except Unready as error:
                if step.kind not in RETURNING:
                    raise
                return self._way_back(step, error)
            except HelmError as error:
                # The next run tries a hop again; what Helm refuses even then would stand before every other one. Where
                # the store changes the control plane waits for it.
                if not reruns(step) and step.kind is not Kind.MIGRATE:
                    raise
                return self._way_back(step, error)
            self.done.append(step.kind.value)
        adopted = self.done == [Kind.PROVE.value] and self.planned.observation.base is None
        return self._result(
            "adopted" if adopted else "done", f"{self.spec.title}: {', '.join(self.done)}, proved"
        )

    def _step(self, step: Step, last: bool) -> None:
        self.seen = None
        if self._is_proved_later(step):
            return
        if step.kind in HOPS:
            self.say("asking for the images of the hop")
            images_come(self.spec, self.host, self.planned.observation, step, self.deadline)
        if step.kind is Kind.RENEW:
            limit = Deadline(self.spec.limits.rollout, self.deadline)
            renew(self.host.api, self.spec, self.planned.observation, limit, self.say)
        if step.kind is Kind.MIGRATE and step.values is not None:
            self._move(step, step.values)
        with self._around(step):
            with self._changing(step.members):
                if step.values is not None:
                    self._upgrade(step, step.values)
                if step.kind is Kind.MIGRATE:
                    let_in(self.spec, self.host, self.deadline, self.say)
            self._prove()
        self._mark(step, last)

    def _around(self, step: Step) -> AbstractContextManager[None]:
        """What has to be the same after a step as before it."""
        if step.kind is Kind.MIGRATE and store_in(step.values or {}).way is None:
            return same_tenant(self.spec, self.host)
        return nullcontext()

    def _is_proved_later(self, step: Step) -> bool:
        """Do what comes before Helm; whether that is all, and restarts nothing: what comes next is proved."""
        if step.kind is Kind.REPAIR:
            self._repair()
            if step.values is None:
                return True
        if step.kind is Kind.SNAPSHOT:
            self._save()
            return True
        if step.kind is Kind.RETIRE_SOURCE:
            retire_source(self.spec, self.host, self.planned.observation, self._own)
            return True
        if step.scaler:
            limit = Deadline(self.spec.limits.proof, self.deadline)
            put_autoscaler(self.host.api, self.spec, step.scaler, limit, self.say)
            return step.scaler.goes and step is not self.planned.plan.steps[-1]
        if self._lays_in_defaults(step):
            self._companions(step)
        return False

    @property
    def _own(self) -> Repository:
        return Repository(self.context.target(self.spec), self.spec)

    def _move(self, step: Step, values: Mapping[str, Any]) -> None:
        """The other store holds everything; the vendor's fills itself."""
        if store_in(values).way is None:
            return
        if step.parts:
            self.say(f"{step.kind.value}: {self._moves.back(values, step.version)}")
        else:
            self._moves.there(values, step.version)

    @property
    def _moves(self) -> StoreMove:
        return StoreMove(
            self.spec, self.host, self.context, self.lock, self.audit, self.deadline, self.say
        )

    def _upgrade(self, step: Step, values: Mapping[str, Any]) -> None:
        """Run Helm, with the count of replicas that an autoscaler has come to meanwhile."""
        chart = self.host.helm.pull(self.spec.chart, step.version)
        note = self.audit.note(step, self.planned.plan.digest)
        decision = self.spec.decision
        if any(path_of(change.path) == REPLICAS for change in step.changes):
            if decision:
                at = scaled_label(self.host, decision.replicas)
                note = replace(note, labels={**note.labels, SCALED_LABEL: at})
        else:
            live = look(self.host.api, self.spec).workloads
            now = replace(self.planned.observation, workloads=live)
            values = with_count(self.spec, now, values)
        with self._growing(step):
            self.host.helm.upgrade(
                self.spec.name, self.spec.namespace, chart, values, HELM_SECONDS, note
            )

    def _growing(self, step: Step) -> AbstractContextManager[None]:
        if step.growth is None:
            return nullcontext()
        limit = Deadline(self.spec.limits.rollout, self.deadline)
        return grown(self.host.api, self.spec, step.growth, self.lock, limit, self.say)

    @contextmanager
    def _changing(self, members: Members | None) -> Iterator[None]:
        """Around Helm: what goes with a change of members, and then the rollout."""
        limit = Deadline(self.spec.limits.rollout, self.deadline)
        if members is None:
            yield
            rollout(self.host.api, self.spec, limit, self.say)
            return
        self._unlabel()
        work = change_members(self.spec, self.planned.observation, members, self._tools(limit))
        work.prepare()
        yield
        work.follow()
        rollout(self.host.api, self.spec, limit, self.say, work.nudge)

    def _unlabel(self) -> None:
        """Whatever becomes of this run, the next one has to look at the members."""
        release = self.base
        if release is None or not release.finished:
            return
        proved = release.proved or Proved(self.host.api.now)
        self.host.mark(self.spec, release.revision, UNFINISHED, release.foreign, proved)

    def _tools(self, limit: Deadline) -> Work:
        api = self.host.api
        until = partial(wait_until, self.spec, limit)
        return Work(
            api, self.host.reach(self.spec), lambda: look(api, self.spec).pods, until, self.say
        )

    def _lays_in_defaults(self, step: Step) -> bool:
        """Nothing is added to a vCluster that somebody else installed, unless it is asked for (G52)."""
        ours = self.planned.observation.base is not None or step.kind is Kind.INSTALL
        return ours or self.spec.defaults.disruption_budgets is not None

    def _companions(self, step: Step) -> None:
        release = self.planned.observation.last_good
        values = step.values if step.values is not None else (release.values if release else None)
        chart = self.host.helm.pull(self.spec.chart, step.version)
        ensure_companions(self.host.api, self.spec, chart, dict(values or {}))

    def _prove(self) -> None:
        self.checks = prove(
            self.spec, self.host, self.context, Deadline(self.spec.limits.proof, self.deadline)
        )

    def _mark(self, step: Step, last: bool) -> None:
        """Put the proof label on the newest revision; a plan that goes on gets a base only, never a no-op."""
        self.lock.check()
        observation = self.seen = self.host.observe(self.spec)
        release = present(self.spec, observation.release)
        digest = applied_digest(self.spec, observation) if last else UNFINISHED
        foreign = self.planned.plan.foreign if step.foreign is None else step.foreign
        proved = self._note(release, digest, foreign)
        self.base = replace(release, foreign=foreign, proved=proved)
        arrived(self.spec, self.host, observation)

    def _note(self, release: Release, digest: str, foreign: tuple[str, ...]) -> Proved:
        proved = proof_of(self.checks, self.host)
        self.host.mark(self.spec, release.revision, digest, foreign, proved)
        return proved

    def _save(self) -> None:
        """A snapshot for the way back; a hop restarts the only replica anyway, so it may stop for it."""
        seen = self.host.observe(self.spec)
        taking = Taking(
            self.spec,
            self.host,
            seen,
            self._own,
            self.context,
            self.lock,
            self.audit,
            self.deadline,
            stoppable=True,
        )
        snapshot = taking.take().id
        self.say(f"took snapshot {snapshot}")
        if self.base:
            # Whoever goes back may be another run.
            self.host.note_snapshot(self.spec, self.base.revision, snapshot)
            self.base = replace(self.base, snapshot=snapshot)

    def _repair(self) -> None:
        """Drop the record of a revision that was left in the middle, so that Helm goes on (G23)."""
        left = present(self.spec, self.planned.observation.release)
        if left.status in STUCK:
            self.host.forget(self.spec, left.revision)

    def _way_back(self, step: Step, error: FleetError) -> dict[str, Any]:
        """What was proved last again, and its proof; or the plain failure where there is no way."""
        base = self.base
        if step.way_back == "none" or base is None:
            return self._result("failed", about(self.spec.title, error), failed=True)
        what = about(self.spec.title, error)
        self.deadline = Deadline(self.spec.limits.total)  # Whatever the step has used up.
        try:
            self.lock.check()
            if step.way_back == "store":
                told = self._store_back(base)
            elif step.way_back == "snapshot" and newer_ran(self.host.api, self.spec, base):
                told = self._restored(base)
            else:
                told = self._values_back(step, base)
            self.seen = self.host.observe(self.spec)
            release = present(self.spec, self.seen.release)
            self._note(release, UNFINISHED, base.foreign)
        except Exception as second:
            if isinstance(second, ProofFailed):
                self.checks = second.checks
            why = str(second) if isinstance(second, FleetError) else self.context.defect(second)
            text = f"{what} Going back to revision {base.revision} failed too: {why}"
            return self._result("failed", text, failed=True)
        return self._result("rolled_back", f"{what} {told}", failed=True)

    def _store_back(self, base: Release) -> str:
        told = self._moves.way_back(base)
        self._prove()
        arrived(self.spec, self.host, self.host.observe(self.spec))
        return told

    def _values_back(self, step: Step, base: Release) -> str:
        self.say(f"it was not proved, going back to revision {base.revision}")
        back = Members(step.members.after, step.members.before) if step.members else None
        with self._changing(back):
            put_back(self.spec, self.host, self.planned.observation, base)
        self._prove()
        return (
            f"The values of revision {base.revision} are back and proved; the change was not kept."
        )

    def _restored(self, base: Release) -> str:
        seen = self.host.observe(self.spec)
        way = WayBack(
            self.spec, self.host, seen, base, self.context, self.lock, self.audit, self.deadline
        )
        self.say(f"it was not proved, going back to the snapshot of revision {base.revision}")
        result = way.restore()
        self.checks = tuple(CheckResult(**check) for check in result["checks"]) or self.checks
        if result["failed"]:
            raise FleetError(result["msg"])
        return (
            f"Chart and values of revision {base.revision} are back with snapshot {result['from']}, and proved; "
            f"what was written since is lost to the tenant, {result['kept']}."
        )

    def _result(self, outcome: str, msg: str, *, failed: bool = False) -> dict[str, Any]:
        return {
            "changed": any(kind is not Kind.PROVE for kind in self.begun),
            "failed": failed,
            "outcome": outcome,
            "msg": msg,
            "steps": self.done,
            "begun": [kind.value for kind in self.begun],
            "checks": [asdict(result) for result in self.checks],
            "live": live_as_data(self.seen) if self.seen else {},
            "began": moment_text(self.clock),
            "seconds": round(time.monotonic() - self.began, 1),
        }
