# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carry out the steps of an etcd of our own. Cut off anywhere, the next run observes again and goes on (G48)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from .._core.backend_etcd import SeenEtcd
from .._core.check import CheckResult, failed
from .._core.errors import FleetError, ProofFailed
from .._core.observation import Pod
from .._core.plan import Growth, Kind, Members, Step, Turn
from .._core.ports import Lock
from .._core.spec import Limits
from .._plan.backend_objects import members_map, path_of
from .._stores.etcd_checks import member_checks
from .._stores.etcd_members import MemberWork
from .._stores.work import Work
from .backend_site import EtcdSite
from .claims import grown
from .wait import Deadline, came, rollout, wait_until

PAUSE = 2.0  # seconds between two rounds of checks


@dataclass
class EtcdWork:
    """One run over one etcd.

    Attributes:
        trust: Digest of the authorities that the pods are to trust.
        say: Takes a line of progress.
        done: Step kinds that are carried out and proved.
        checks: Of the last proof.
    """

    site: EtcdSite
    seen: SeenEtcd
    trust: str
    limits: Limits
    lock: Lock
    say: Callable[[str], None]
    done: list[str] = field(default_factory=list)
    checks: Sequence[CheckResult] = ()

    def __post_init__(self) -> None:
        self._count = self.seen.pods or self.site.etcd.members

    def carry_out(self, steps: Sequence[Step]) -> None:
        """All steps in order, each proved.

        Raises:
            FleetError: The first that failed; what was done before it stays.
        """
        for step in steps:
            self.lock.check()
            self.say(f"{step.kind.value}: {step.reason}")
            if step.members is not None:
                self._change_members(step.members)
            elif step.growth is not None:
                self._grow_claims(step.growth)
            elif step.kind is Kind.INSTALL:
                self._install()
            else:
                self._roll()
            self.prove()
            self.done.append(step.kind.value)

    def prove(self) -> None:
        """Every member answers, all agree, none misses data.

        Raises:
            ProofFailed: They did not in time.
        """
        wanted = list(map(self.site.seats.pod, range(self._count)))

        def passed() -> bool:
            self.checks = member_checks(wanted, wanted, self.site.member)
            return not failed(self.checks)

        if not came(passed, Deadline(self.limits.proof), PAUSE):
            words = "; ".join(f"{check.id}: {check.evidence}" for check in failed(self.checks))
            raise ProofFailed(
                f"{self.site.etcd.title}: {words}.",
                "Run again when the cause is gone.",
                tuple(self.checks),
            )

    def _install(self) -> None:
        """The members begin; once they have found each other, none may ever begin again (G05)."""
        begins = not self.seen.claims or self.seen.begun
        self._apply(begins=begins)
        self._rolled_out()
        self.prove()
        self._list_members(begins=False)

    def _roll(self) -> None:
        """What is asked for of the pods: one restarts after the other, and each has to serve before the next."""
        self._lead_from_the_first()
        waiting = self._unready()
        self._apply()
        for pod in waiting:
            # One that does not come up with the template before is not replaced by the controller.
            self.site.api.delete(self.site.path("pods", pod))
        self._rolled_out()

    def _grow_claims(self, growth: Growth) -> None:
        limit = Deadline(self.limits.rollout)
        site = self.site
        with grown(site.api, site.place, growth, self.lock, limit, self.say, site.look):
            self.seen = replace(self.seen, size=growth.size)
            self._apply()
        self._rolled_out()

    def _change_members(self, change: Members) -> None:
        site = self.site
        until = partial(wait_until, site.place, Deadline(self.limits.rollout))

        def pods() -> Sequence[Pod]:
            return site.look(site.api, site.place).pods

        work = MemberWork(site.seats, change, Work(site.api, site, pods, until, self.say))
        if change.turn is Turn.REPLACE:
            # Nothing comes between the new place in the list and the new pod: the old one must not take that place.
            self._list_members(begins=False)
            work.prepare()
        else:
            work.prepare()
            self._count = change.after
            self._list_members(begins=False)
            scaled = {"spec": {"replicas": change.after}}
            site.api.merge(site.path("statefulsets", site.etcd.name), scaled)
        work.follow()
        self._rolled_out(work.nudge)

    def _list_members(self, *, begins: bool) -> None:
        item = members_map(self.site.etcd, self._count, begins=begins)
        self.site.api.apply(path_of(item), item)

    def _apply(self, *, begins: bool = False) -> None:
        for item in self.site.asked(self._count, begins=begins, trust=self.trust, seen=self.seen):
            self.site.api.apply(path_of(item), item)

    def _rolled_out(self, nudge: Callable[[], bool] = lambda: True) -> None:
        site = self.site
        limit = Deadline(self.limits.rollout)
        rollout(site.api, site.place, limit, self.say, nudge, site.look)

    def _unready(self) -> list[str]:
        live = self.site.look(self.site.api, self.site.place)
        return [pod.name for pod in live.pods if not pod.ready]

    def _lead_from_the_first(self) -> None:
        """The first pod restarts last (StatefulSet, RollingUpdate): so the lead changes hands once."""
        names = list(map(self.site.seats.pod, range(self._count)))
        found = self.site.statuses(names)
        first = found.get(names[0])
        leads = next((name for name, status in found.items() if status.id == status.leader), "")
        if first is None or leads in ("", names[0]):
            return
        # Where it does not want to, another election follows, no more.
        with suppress(FleetError), self.site.member(leads) as etcd:
            etcd.move_leader(first.id)
