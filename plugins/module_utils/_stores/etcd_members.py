# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Change who is a member of a deployed etcd: one at a time, each time proved before and after (G05, G06, G63).

The pods come and go by the chart's values, between `prepare` and `follow`. What a run that was cut off left is seen in
the member list, so the next one goes on from there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from .._core.at_once import at_once
from .._core.check import failed
from .._core.errors import ApiError, FleetError, TimedOut
from .._core.etcd import Etcd, Member
from .._core.plan import Members, Turn
from .._core.ports import Json
from .etcd_checks import member_checks
from .etcd_seats import Seats, claim_of, listed, members_at
from .source import NOBODY
from .work import Work

# It wants the members to have been connected for 5 s before one comes or goes (HealthInterval): they may just be back.
# Each judges by its own connections, and one whose post to a peer's old address failed after the peer was back takes it
# for gone from then on (rafthttp, pipeline and peerStatus, 3.5 and 3.6): so the others are asked too.
UNHEALTHY = "unhealthy cluster"
EXISTS = "Peer URLs already exists"  # etcd, ErrPeerURLExist
NOT_FOUND = 404
LEADS = "leads"
ELECTION = (
    10  # looks, a second apart: electing a leader takes a second or two (etcd, --election-timeout)
)


@dataclass
class MemberWork:
    """The work of one step on the members of one vCluster.

    Attributes:
        change: What the step does to them.
        anew: The pod of the lost member still has what is left of its data.
        removed: Pods whose members were removed from the list.
    """

    seats: Seats
    change: Members
    work: Work
    anew: bool = False
    removed: set[str] = field(default_factory=set)

    def prepare(self) -> None:
        """All that goes before Helm.

        Raises:
            FleetError: The members are not as they have to be, in numbers; no voter was added or removed.
        """
        match self.change.turn:
            case Turn.JOIN:
                self._grow()
            case Turn.LEAVE:
                self._shrink()
            case Turn.REPLACE:
                self._make_room_again(self.seats.pod(self.change.lost[0]))
            case Turn.RETURN:
                pass  # They are members.

    def follow(self) -> None:
        """All that goes right after Helm: nothing of a removed member stays."""
        if self.anew:
            self._start_anew(self.seats.pod(self.change.lost[0]))
        for pod in self._leaving:
            self._ended(pod)

    def nudge(self) -> bool:
        """Give a learner its vote once it is in step: to be called again and again while the pods come up.

        Returns:
            Whether nobody waits for a vote any more.
        """
        try:
            for learner in self._learners():
                with self._leader() as (_name, leader):
                    if leader.promote(learner.id):
                        self.work.say(
                            f"etcd member {self.seats.title(learner)} is in step, and votes"
                        )
            return not self._learners()
        except FleetError:
            return False  # While pods restart there may be no leader; the rollout has its limit.

    def _grow(self) -> None:
        """One more; what a run that was cut off began is gone on with."""
        number = self.change.before
        pod = self.seats.pod(number)
        for learner in self._learners():
            if self.seats.title(learner) != pod or pod not in self._pods():
                self._remove(learner)
        members = self._list()
        if any(self.seats.title(member) == pod for member in members):
            return  # It joins already, or has; the rollout gives it its vote.
        if len(members) != number:
            raise FleetError(
                f"etcd {self._where} has {len(members)} members by their own list, and {number} were expected; none "
                "was added.",
                "Run fleetops.vcluster.verify to see who they are.",
            )
        self._sound([self.seats.pod(n) for n in range(number)], self._pods(), number)
        self._add(pod)

    def _shrink(self) -> None:
        """From the last one down; those that stay have to be well, and those that go as well, unless they are lost."""
        self._of_one_list()
        for learner in self._learners():
            if self._goes(learner):
                self._remove(learner)
        lost = {self.seats.pod(number) for number in self.change.lost}
        while going := [member for member in self._list() if self._goes(member)]:
            titles = [self.seats.title(member) for member in self._list()]
            well = [title for title in titles if title not in lost]
            self._sound(well, well, len(titles))
            gone_first = [m for m in going if self.seats.title(m) in lost] or going
            last = max(gone_first, key=lambda member: self.seats.number(member) or 0)
            self._lead_elsewhere(last)
            self._remove(last)
        staying = [self.seats.pod(number) for number in range(self.change.after)]
        self._sound(staying, staying, self.change.after)
        self._all_known()
        for pod in self._leaving:
            # It goes with its pod (finalizer kubernetes.io/pvc-protection): once that is gone nobody could tell any
            # more whose data it holds, so a run that is cut off must not leave it for later.
            self.work.api.delete(f"{self._claims}/{claim_of(pod)}")

    def _of_one_list(self) -> None:
        """Those that answer are members of one store: the claims of another one's are not ours to delete."""
        found = listed(
            self.seats, max(self.change.before, self.change.after), self.work.reach.member
        )
        if found.trouble:
            raise FleetError(
                f"{self._where}: {found.trouble}. None is removed.",
                "See which of them has the tenant's data before anything else.",
            )

    def _make_room_again(self, pod: str) -> None:
        """The lost member leaves the list, and a learner takes its place in it."""
        members = {self.seats.title(member): member for member in self._list()}
        found = members.get(pod)
        if found and found.learner:
            self.anew = not found.name
            return
        others = [name for name in members if name != pod]
        self._sound(others, others, len(members))
        if found:
            self._remove(found)
        self._add(pod)
        self.anew = True

    def _start_anew(self, pod: str) -> None:
        """The pod begins without the data of the member that was lost."""
        claim = f"{self._claims}/{claim_of(pod)}"
        before = _uid(self.work.api.find(claim))
        self.work.say(f"deleting claim {claim_of(pod)}, whose data is lost, and its pod")
        self.work.api.delete(claim)
        self.work.api.delete(f"/api/v1/namespaces/{self.seats.namespace}/pods/{pod}")
        if before:
            self.work.until(
                f"a new claim {claim_of(pod)}",
                lambda: _uid(self.work.api.find(claim)) not in ("", before),
            )

    def _all_known(self) -> None:
        """Who leaves was removed, or is lost: any other one may be of another store, which the tenant wrote to."""
        known = self.removed | set(map(self.seats.pod, self.change.lost))
        if strangers := [pod for pod in self._leaving if pod not in known]:
            raise FleetError(
                f"{self._where}: {', '.join(strangers)} would go, and the members do not count them. None of the pods "
                "was ended, no claim was deleted.",
                "See whether one of them has the tenant's data before anything else.",
            )

    def _ended(self, pod: str) -> None:
        """The pod is gone, and its claim with it."""
        name = claim_of(pod)
        self.work.until(f"pod {pod} to be gone", lambda: pod not in self._pods())
        claim = f"{self._claims}/{name}"
        self.work.until(f"claim {name} to be gone", lambda: self.work.api.find(claim) is None)
        self.work.say(f"deleted claim {name}: its member was removed")

    def _lead_elsewhere(self, member: Member) -> None:
        """A member that leads hands over before it is removed."""
        title = self.seats.title(member)
        heir = next(found for found in self._list() if not self._goes(found))
        with self._leader() as (name, leader):
            if name != title:
                return
            self.work.say(f"etcd member {self.seats.title(heir)} takes the lead over from {title}")
            leader.move_leader(heir.id)
        self.work.until(
            f"another etcd member than {title} to lead", lambda: self._leader_name() != title
        )

    def _remove(self, member: Member) -> None:
        title = self.seats.title(member)
        self.work.say(f"removing etcd member {title}")
        self._changed(f"etcd to let {title} go", lambda etcd: etcd.remove(member.id))
        self.removed.add(title)
        self.work.until("the other etcd members to know it", self._agreed)

    def _agreed(self) -> bool:
        """Whether all voters count the same; a learner tells nothing (etcd 3.6: rpc not supported for learner)."""
        members = self._list()
        voters = [member.name for member in members if not member.learner]
        told = (members_at(name, self.work.reach.member) for name in voters)
        # Those that are silent are lost already.
        return all(isinstance(found, FleetError) or set(found) == set(members) for found in told)

    def _add(self, pod: str) -> None:
        self.work.say(f"adding etcd member {pod} as a learner")
        url = self.seats.peer_url(pod)
        self._changed(f"etcd to take {pod} as a learner", lambda etcd: etcd.add_learner(url))

    def _changed(self, what: str, change: Callable[[Etcd], object]) -> None:
        """The members have taken a change of who they are; what they said last is told where they have not in time."""
        said = ""

        def taken() -> bool:
            nonlocal said
            for name in self._voters():
                try:
                    with self.work.reach.member(name) as etcd:
                        change(etcd)
                except FleetError as error:
                    # The answer to a first attempt was lost on the way.
                    if EXISTS in error.what:
                        return True
                    if isinstance(error, ApiError) and not _for_now(error):
                        raise
                    # It refuses, or is silent, as a lost one may be: another one may take it.
                    said = f"{name}: {error.what}"
                else:
                    return True
            return False

        try:
            self.work.until(what, taken)
        except TimedOut as error:
            raise TimedOut(f"{error.what} {said}".rstrip(), error.way_out) from error

    def _voters(self) -> list[str]:
        """The pods of those that vote, the one that leads first: it knows best."""
        with self._leader() as (leads, leader):
            names = [member.name for member in leader.members() if not member.learner]
        return [leads, *(name for name in names if name != leads and name in self._pods())]

    def _sound(self, wanted: Sequence[str], pods: Sequence[str], count: int) -> None:
        """Those members are well and agree, and are a quorum of all."""
        results = member_checks(wanted, pods, self.work.reach.member, count)
        words = [f"{result.id}: {result.evidence}" for result in failed(results)]
        if len(wanted) <= count // 2:
            words.append(f"{len(wanted)} of {count} members are no quorum")
        if words:
            raise FleetError(
                f"The members of etcd {self._where} are not all well, so none is added or removed: {'; '.join(words)}.",
                "Mend that first; fleetops.vcluster.verify looks again.",
            )

    def _learners(self) -> list[Member]:
        return [member for member in self._list() if member.learner]

    def _list(self) -> tuple[Member, ...]:
        with self._leader() as (_name, leader):
            return leader.members()

    @contextmanager
    def _leader(self) -> Iterator[tuple[str, Etcd]]:
        """The member that leads, by its pod: all changes go through it."""
        name = self._leader_name()
        with self.work.reach.member(name) as etcd:
            yield name, etcd

    def _leader_name(self) -> str:
        """The pod of the member that leads.

        Raises:
            FleetError: None of those that answer leads: there is no quorum, or the one that leads cannot be reached.
        """
        said: dict[str, str] = {}
        for attempt in range(ELECTION):
            if attempt:
                time.sleep(1)
            said = at_once({name: name for name in self._pods()}, self._role)
            if leading := next((name for name, role in said.items() if role == LEADS), None):
                return leading
        words = "; ".join(f"{name}: {text}" for name, text in said.items())
        raise FleetError(
            f"No member of etcd {self._where} leads: {words or 'there is no pod'}.",
            "Without a leader there is no quorum; fleetops.vcluster.verify tells more.",
        )

    def _role(self, name: str) -> str:
        try:
            with self.work.reach.member(name) as etcd:
                status = etcd.status()
        except FleetError as error:
            return str(error)
        if status.id == status.leader:
            return LEADS
        return "knows no leader" if status.leader in NOBODY else "follows another"

    def _pods(self) -> list[str]:
        return [pod.name for pod in self.work.pods() if pod.component == "etcd"]

    def _goes(self, member: Member) -> bool:
        number = self.seats.number(member)
        return number is not None and number >= self.change.after

    @property
    def _leaving(self) -> list[str]:
        """The pods that Helm takes away."""
        return list(map(self.seats.pod, range(self.change.after, self.change.before)))

    @property
    def _claims(self) -> str:
        return f"/api/v1/namespaces/{self.seats.namespace}/persistentvolumeclaims"

    @property
    def _where(self) -> str:
        return f"{self.seats.namespace}/{self.seats.name}"


def _for_now(error: ApiError) -> bool:
    """Whether etcd may take later what it refuses.

    An id is made of the address and the second (NewMember), and one that was removed stays so: that is not found.
    """
    return UNHEALTHY in error.what or error.status == NOT_FOUND


def _uid(found: Json | None) -> str:
    return str(found["metadata"]["uid"]) if found else ""
