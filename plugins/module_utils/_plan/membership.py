# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the members that a store has to those that are asked for, whatever a run that was cut off, or a person, left.

Three things are compared: who the members say they are, how many pods the StatefulSet has, and what is asked for. What
the first two disagree on is mended before anything else is changed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from .._core.observation import EMPTY, REMOVED, MemberList, Observation
from .._core.plan import Members, Turn
from .._stores.registry import store_in
from .._stores.store import Store


@dataclass(frozen=True)
class Course:
    """What happens to the members, in order.

    Attributes:
        mend: Until list and pods agree and none is lost.
        scale: From there to the count asked for; those that go leave together.
        unknown: Ordinals of pods that are no members, and nothing tells why: they may be members of another store.
    """

    mend: tuple[Members, ...] = ()
    scale: tuple[Members, ...] = ()
    unknown: tuple[int, ...] = ()

    @property
    def all(self) -> tuple[Members, ...]:
        """Both."""
        return (*self.mend, *self.scale)

    @property
    def joins(self) -> bool:
        """Whether a member joins that was not there, or comes back without its data."""
        return any(move.turn in (Turn.JOIN, Turn.REPLACE) for move in self.all)


def course_of(
    observation: Observation, live: Mapping[str, Any], values: Mapping[str, Any]
) -> Course:
    """The course of a vCluster that runs; empty where its store would be another one, or has no members of its own.

    Args:
        live: User values that run, or those with the chart's defaults below.
        values: The same of what is asked for.
    """
    store = store_in(values)
    if not store.members(values) or store_in(live).type != store.type or store.replicas_are_members:
        return Course()
    seen, pods = observation.members, members_of(observation, live)
    if seen and seen.trouble:
        seen = None  # A guard speaks of it where it matters.
    return course(seen, pods, store.members(values), observation.lost_members)


def members_of(observation: Observation, live: Mapping[str, Any]) -> int:
    """Members there are, as far as pods and values tell; 0 for a store without members.

    A run that was cut off within Helm may have changed the StatefulSet and not the release, so that one counts, unless
    somebody stopped it. Replicas that are members cannot be asked who votes: those that no Helm took away still do.
    """
    store = store_in(live)
    asked, pods = store.members(live), _pods(observation, store)
    if not asked or not pods:
        return asked
    newest = observation.release
    begun = asked if newest is None or newest.values is None else store.members(newest.values)
    return max(pods, asked) if store.replicas_are_members and pods != begun else pods


def absent(observation: Observation, live: Mapping[str, Any]) -> range:
    """Ordinals of replicas that are members and have no pod; a store that tells its members has them in its course."""
    store = store_in(live)
    pods = _pods(observation, store)
    return range(pods, members_of(observation, live) if store.replicas_are_members else pods)


def _pods(observation: Observation, store: Store) -> int:
    found = observation.workload("control_plane" if store.replicas_are_members else "etcd")
    return found.replicas if found else 0


def odd_counts(before: int, after: int) -> tuple[int, ...]:
    """The counts from one to another of replicas that are members: over every odd one in between (G07).

    From nothing the first is 1 (G08); and of those that are there a majority stays wherever that can be (G06).
    """
    way = 1 if after > before else -1
    between = (count for count in range(before + way, after, way) if count % 2)
    return (*between, after) if before != after else ()


def course(seen: MemberList | None, pods: int, wanted: int, lost: Mapping[int, str]) -> Course:
    """The course of a store that is there.

    Args:
        seen: None when nothing gave a reason to ask: list and pods agree.
        pods: Of the StatefulSet.
        wanted: Members asked for.
        lost: Why a member's data is of no use any more, by ordinal.
    """
    mend: list[Members] = []
    voters = seen.voters if seen else frozenset(range(pods))
    learners = seen.learners if seen else frozenset[int]()
    listed = voters | learners
    useless = {n for n, why in lost.items() if n in listed or why in (REMOVED, EMPTY)}
    # One that stays begins anew, whatever its log says: a run that was cut off may have removed it, and not told it.
    known = listed | useless | {n for n in lost if n < wanted}
    unknown = tuple(n for n in range(pods) if n not in known)
    if voters and max(voters) >= pods:
        # Their pods are gone, and their votes are missed: first of all they come back.
        mend.append(Members(pods, max(voters) + 1, listed=True))
        pods = max(voters) + 1
    first = next((n for n in range(pods) if n not in listed), pods)
    shrinking = bool(listed) and max(listed) < first < min(pods, wanted)
    if shrinking and not (first == pods - 1 and first in lost):
        # Removed, and the pods not yet: their shrinking is finished, then they come again.
        mend.append(Members(pods, first, _going(useless, first, pods)))
        pods = first
    for number in range(min(pods, wanted)):
        if number in learners and not any(voter > number for voter in voters):
            mend.append(Members(number, number + 1))
        elif number in learners or number in lost:
            mend.append(Members(pods, pods, (number,)))
    scale: tuple[Members, ...]
    if wanted < pods:
        scale = (Members(pods, wanted, _going(useless, wanted, pods)),)
    elif wanted == pods and any(learner >= pods for learner in learners):
        scale = (Members(pods + 1, pods),)  # A learner that never got its pod.
    else:
        scale = tuple(Members(n, n + 1) for n in range(pods, wanted))
    return Course(tuple(mend), scale, unknown)


def _going(useless: Collection[int], wanted: int, pods: int) -> tuple[int, ...]:
    return tuple(sorted(number for number in useless if wanted <= number < pods))
