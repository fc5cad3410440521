# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep the members of an etcd small: compact, rewrite one after the other, take NOSPACE back (G43).

A member that rewrites its database answers nobody meanwhile (etcd 3.5 and 3.6, backend.Defrag), so it is one at a time,
all of them well before and after, the one that leads last and as a follower. Each is looked at again when it is its
turn: a run that was cut off is simply done again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .._core.at_once import at_once
from .._core.backend_etcd import METRICS_PORT
from .._core.care import CORRUPT, MARGIN, MIB, NOSPACE, Condition, Latency, Part, Speed
from .._core.check import failed
from .._core.errors import FleetError, TimedOut
from .._core.etcd import MemberStatus
from .._core.load import latency_of
from .._core.plan import Kind, Step
from .._core.ports import Backend, Dial, Reach
from .etcd_checks import member_checks
from .source import NOBODY
from .work import Upkeep

# What a member counts, in the text format of Prometheus, by the name of its pod.
Metrics = Callable[[str], str]
# Checks that say how full it is: they are what the care is for.
FULL = frozenset({"etcd_alarms", "etcd_size"})
HISTOGRAMS: dict[Speed, str] = {
    "fsync": "etcd_disk_wal_fsync_duration_seconds",
    "commit": "etcd_disk_backend_commit_duration_seconds",
}
# Share of the quota from which the alarm stays: etcd would raise it again with one of the next writes.
ALMOST = 0.95
PAUSE = 1.0  # seconds between two looks at a member that compacts


def condition_of(
    wanted: Sequence[str],
    pods: Sequence[str],
    reach: Dial,
    *,
    quota: int,
    volume: int,
    metrics: Metrics | None = None,
) -> Condition:
    """How the members are.

    Args:
        wanted: Names of the pods there should be; members are named after them.
        pods: Names of the pods there are.
        quota: Bytes; of those that do not tell theirs (before etcd 3.6).
        volume: Bytes of each member's.
        metrics: Tells how slow their disks are, too; None where nobody asks.
    """
    title = f"etcd of {len(wanted)} members" if len(wanted) > 1 else "etcd of one member"
    try:
        told = _statuses(wanted, reach)
        with reach.member(wanted[0]) as etcd:
            revision, keys = etcd.count() or (0, 0)
            _hash, compacted = etcd.hash(revision)
        latencies, advice = _latencies(wanted, metrics) if metrics else ((), ())
    except FleetError as error:
        return Condition(title, quota=quota, volume=volume, trouble=str(error))
    raised = {alarm for status in told.values() for alarm in status.alarms}
    return Condition(
        title,
        tuple(map(_part, told, told.values())),
        min((status.quota for status in told.values() if status.quota), default=quota),
        volume,
        keys,
        revision,
        compacted,
        tuple(sorted(raised)),
        trouble_of(wanted, pods, reach),
        latencies,
        advice,
        compacts=True,
        rewrite="defragment",
    )


def metrics_of(namespace: str, reach: Reach) -> Metrics:
    """How the members in a namespace are asked what they count."""
    return lambda pod: reach.metrics(Backend(namespace, pod, METRICS_PORT))


def trouble_of(wanted: Sequence[str], pods: Sequence[str], reach: Dial) -> str:
    """Why no member is to be worked on; empty where all of them are well and agree."""
    results = member_checks(wanted, pods, reach.member)
    ill = [f"{result.id}: {result.evidence}" for result in failed(results) if result.id not in FULL]
    ill += [result.evidence for result in failed(results) if CORRUPT in result.evidence]
    return "; ".join(ill)


@dataclass(frozen=True)
class MemberCare:
    """The work of one step on the members of one vCluster.

    Attributes:
        title: The vCluster, for messages.
        wanted: Pods of the members; there are no others.
        pods: Names of the pods there are now.
        reach: Ways to the members.
        quota: Bytes; of members that do not tell theirs, 0 where it is not known.
    """

    title: str
    wanted: Sequence[str]
    pods: Callable[[], Sequence[str]]
    reach: Dial
    quota: int
    upkeep: Upkeep

    def carry_out(self, step: Step) -> None:
        """Do what a step says.

        Raises:
            FleetError: The members are not all well, or what they hold is more than they may.
        """
        match step.kind:
            case Kind.COMPACT:
                self.compact()
            case Kind.DEFRAGMENT:
                self.defragment(step.parts)
            case Kind.DISARM:
                self.disarm()
            case _:
                raise NotImplementedError(step.kind)

    def compact(self) -> None:
        """Forget what was before; without any space to write nobody is behind, and all of it may go."""
        self._well()
        with self.reach.member(self._leader()) as etcd:
            revision, _keys = etcd.count() or (0, 0)
            until = revision - (0 if self._full() else MARGIN)
            if until > 0:
                self.upkeep.say(f"compacting up to revision {until} of {revision}")
                etcd.compact(until)

    def defragment(self, names: Sequence[str]) -> None:
        """Rewrite those of them that are due, all of them where there is no space left."""
        left = list(names)
        self._well()
        full = self._full()
        while left:
            self._well()
            self.upkeep.held()
            leads = self._leader()
            pod = next((name for name in left if name != leads), leads)
            left.remove(pod)
            self._settled(pod)
            before = self._part(pod)
            if not full and not self._condition(before).loose(before, self.upkeep.wanted):
                continue
            if pod == leads and len(self.wanted) > 1:
                self._lead_elsewhere(pod)
            self.upkeep.say(f"rewriting the database of {pod}, {before.free // MIB} MiB are free")
            with self.reach.member(pod) as etcd:
                etcd.defragment()
            after = self._part(pod)
            self.upkeep.say(f"{pod}: {before.size // MIB} MiB -> {after.size // MIB} MiB")
        self._well()

    def disarm(self) -> None:
        """Take NOSPACE back, where there is space again."""
        told = _statuses(self.wanted, self.reach)
        over = {
            name: status
            for name, status in told.items()
            if status.db_size >= ALMOST * (status.quota or self.quota or math.inf)
        }
        if over:
            name, status = max(over.items(), key=lambda one: one[1].db_size)
            quota = status.quota or self.quota
            raise FleetError(
                f"{self.title}: etcd member {name} holds {status.db_size // MIB} MiB of which nothing could go, "
                f"and its quota is {quota // MIB} MiB. It takes no writes, only deletions.",
                "Raise the quota in vcluster_values (controlPlane.backingStore.etcd.deploy.statefulSet.extraArgs: "
                f"[--quota-backend-bytes={2 * quota}]) and run fleetops.vcluster.site, or delete what the tenant does "
                "not need; then run fleetops.vcluster.maintenance again.",
            )
        self.upkeep.held()
        self.upkeep.say("taking the alarm NOSPACE back")
        with self.reach.member(self._leader()) as etcd:
            etcd.disarm()
        self.upkeep.until("the members to have no alarm NOSPACE", lambda: not self._full())

    def _well(self) -> None:
        """All members are well and agree.

        Raises:
            TimedOut: They do not come to be; says what is wrong with them.
        """
        trouble = ""

        def none() -> bool:
            nonlocal trouble
            trouble = trouble_of(self.wanted, self.pods(), self.reach)
            return not trouble

        try:
            self.upkeep.until("all etcd members to be well", none)
        except TimedOut as error:
            what = f"{error.what} {trouble}. No other member was touched."
            raise TimedOut(
                what, "Mend that first; fleetops.vcluster.verify looks again."
            ) from error

    def _settled(self, pod: str) -> None:
        """A compaction is over here too: each member does it by itself, piece by piece, and the rest would stay."""
        last = 0

        def steady() -> bool:
            nonlocal last
            before, last = last, self._part(pod).used
            if before and last >= before:
                return True
            time.sleep(PAUSE)
            return False

        self.upkeep.until(f"etcd member {pod} to have compacted", steady)

    def _lead_elsewhere(self, pod: str) -> None:
        """Who leads hands over to another one before it stops answering."""
        heir = next(name for name in self.wanted if name != pod)
        with self.reach.member(pod) as etcd:
            self.upkeep.say(f"etcd member {heir} takes the lead over from {pod}")
            etcd.move_leader(next(m.id for m in etcd.members() if m.name == heir))
        self.upkeep.until(f"another etcd member than {pod} to lead", lambda: self._leader() != pod)
        self._well()

    def _leader(self) -> str:
        """The pod of the member that leads; an election is waited for."""
        found = ""

        def leads() -> bool:
            nonlocal found
            told = _statuses(self.wanted, self.reach).items()
            found = next((n for n, s in told if s.leader not in NOBODY and s.id == s.leader), "")
            return bool(found)

        self.upkeep.until("an etcd member to lead", leads)
        return found

    def _full(self) -> bool:
        told = _statuses(self.wanted, self.reach)
        return any(NOSPACE in status.alarms for status in told.values())

    def _part(self, pod: str) -> Part:
        return _part(pod, _statuses([pod], self.reach)[pod])

    def _condition(self, part: Part) -> Condition:
        """By which one member is judged: its disk space is known, its volume was looked at before."""
        with self.reach.member(part.name) as etcd:
            return Condition(part.name, (part,), etcd.status().quota or self.quota)


def _statuses(names: Sequence[str], reach: Dial) -> dict[str, MemberStatus]:
    """What each of them says of itself.

    Raises:
        FleetError: One of them does not answer.
    """

    def asked(name: str) -> MemberStatus:
        with reach.member(name) as etcd:
            return etcd.status()

    return at_once({name: name for name in names}, asked)


def _part(name: str, status: MemberStatus) -> Part:
    return Part(name, status.db_size, status.in_use)


def _latencies(
    names: Sequence[str], metrics: Metrics
) -> tuple[tuple[Latency, ...], tuple[str, ...]]:
    """How slow their disks are, and which of them do not tell."""
    found, silent = [], []
    for name in names:
        try:
            text = metrics(name)
        except FleetError as error:
            silent.append(f"nobody knows how slow the disk of {name} is: {error.what.rstrip('.')}")
            continue
        told = ((speed, latency_of(text, named)) for speed, named in HISTOGRAMS.items())
        found += [Latency(name, speed, seconds) for speed, seconds in told if seconds is not None]
    return tuple(found), tuple(silent)
