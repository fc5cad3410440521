# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever state members are found in, the course leads to the count asked for, and never through a lost quorum."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    EMPTY,
    REMOVED,
    MemberList,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import Members
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.membership import (
    Course,
    course,
    odd_counts,
)


def listed(*voters: int, learner: int | None = None) -> MemberList:
    return MemberList(frozenset(voters), frozenset() if learner is None else frozenset({learner}))


@pytest.mark.parametrize(
    ("seen", "pods", "wanted", "lost", "mend", "scale"),
    [
        # Nothing was left behind.
        (None, 3, 3, [], [], []),
        (None, 1, 3, [], [], [Members(1, 2), Members(2, 3)]),
        (listed(0, 1, 2), 3, 1, [], [], [Members(3, 1)]),
        # Growing was cut off: the learner has a pod, or has none yet.
        (listed(0, learner=1), 2, 3, [], [Members(1, 2)], [Members(2, 3)]),
        (listed(0, learner=1), 2, 1, [], [], [Members(2, 1)]),
        (listed(0, learner=1), 1, 3, [], [], [Members(1, 2), Members(2, 3)]),
        (listed(0, learner=1), 1, 1, [], [], [Members(2, 1)]),
        # Shrinking was cut off: removed from the list, pods still there.
        (listed(0), 3, 1, [1, 2], [], [Members(3, 1, (1, 2))]),
        (listed(0), 3, 3, [1, 2], [Members(3, 1, (1, 2))], [Members(1, 2), Members(2, 3)]),
        (listed(0, 1), 3, 1, [2], [], [Members(3, 1, (2,))]),
        # Pods were taken away by values: voters are missing.
        (listed(0, 1, 2), 1, 1, [], [Members(1, 3, listed=True)], [Members(3, 1)]),
        (listed(0, 1, 2), 1, 3, [], [Members(1, 3, listed=True)], []),
        # Lost members, one that goes among them, and replacing that was cut off.
        (listed(0, 1, 2), 3, 3, [1], [Members(3, 3, (1,))], []),
        (listed(0, 1, 2), 3, 1, [2], [], [Members(3, 1, (2,))]),
        (listed(0, 2), 3, 3, [1], [Members(3, 3, (1,))], []),
        (listed(0, 2, learner=1), 3, 3, [], [Members(3, 3, (1,))], []),
    ],
)
def test_g48_g63_the_course_by_what_is_found(
    seen: MemberList | None,
    pods: int,
    wanted: int,
    lost: list[int],
    mend: list[Members],
    scale: list[Members],
) -> None:
    why = dict.fromkeys(lost, EMPTY)
    assert course(seen, pods, wanted, why) == Course(tuple(mend), tuple(scale))


def test_g63_a_pod_that_is_no_member_is_replaced_only_where_its_log_says_why() -> None:
    seen = listed(0, 2)
    assert course(seen, 3, 3, {}).unknown == (1,)
    # One that a run which was cut off has removed, and whose data is corrupt, never gets to know that it was.
    for why in (REMOVED, EMPTY, "its database is corrupt"):
        assert course(seen, 3, 3, {1: why}) == Course((Members(3, 3, (1,)),))
    assert course(listed(0, 1), 3, 3, {2: REMOVED}) == Course((Members(3, 3, (2,)),))


def test_g05_g06_pods_that_are_no_members_are_known_where_they_were_removed_or_are_empty() -> None:
    """Any other one may be of another store; a corrupt one may be mended by hand, so it does not go for good either."""
    why = {1: REMOVED, 2: "its database is corrupt", 3: EMPTY}
    for wanted, unknown in ((1, (2, 4)), (3, (4,)), (5, (4,))):
        assert course(listed(0), 5, wanted, why).unknown == unknown
    assert course(listed(0, 2, 4), 5, 1, why).unknown == ()


@dataclass
class Store:
    """A store on paper: who counts, who has a pod, whose data is gone."""

    voters: set[int]
    learners: set[int]
    pods: int
    lost: set[int] = field(default_factory=set)

    @property
    def why(self) -> dict[int, str]:
        """What their logs say."""
        removed = set(range(self.pods)) - self.voters - self.learners - self.lost
        return dict.fromkeys(self.lost, EMPTY) | dict.fromkeys(removed, REMOVED)

    def live(self) -> bool:
        """Whether those that vote and run are a quorum."""
        well = {n for n in self.voters if n < self.pods and n not in self.lost}
        return len(well) > len(self.voters) // 2

    def carry_out(self, move: Members) -> None:
        """As `MemberWork` and Helm do it, each part on its own."""
        if move.listed:
            self.pods = move.after
            return
        assert self.live(), (self, move)
        if move.replaced is not None:
            self.voters.discard(move.replaced)
            assert self.live(), (self, move)
            self.lost.discard(move.replaced)
            self.voters.add(move.replaced)
            self.learners.discard(move.replaced)
        elif move.after > move.before:
            assert move.after == move.before + 1
            assert self.voters == set(range(move.before))
            self.learners.discard(move.before)
            self.pods = move.after
            self.voters.add(move.before)
        else:
            self.learners -= {n for n in self.learners if n >= move.after}
            going = sorted((n for n in self.voters if n >= move.after), reverse=True)
            for number in sorted(going, key=lambda n: n not in move.lost):
                self.voters.remove(number)
                self.lost.discard(number)
                assert self.live(), (self, move)
            self.pods = move.after


counts = st.sampled_from([1, 3, 5, 7])


@st.composite
def found(draw: st.DrawFn) -> tuple[Store, int]:
    """What a run that was cut off, or a person, may have left, while the store still has, or had, its data."""
    size, wanted = draw(st.integers(1, 7)), draw(counts)
    voters = set(range(size))
    kind = draw(st.sampled_from(["whole", "growing", "before_helm", "shrinking", "pods", "lost"]))
    store = Store(voters, set(), size)
    if kind == "growing":
        store = Store(voters, {size}, size + 1)
    elif kind == "before_helm":
        store = Store(voters, {size}, size)
    elif kind == "shrinking":
        store = Store(voters, set(), size + draw(st.integers(1, 3)))
    elif kind == "pods":
        store = Store(voters, set(), draw(st.integers(1, size)))
    elif kind == "lost" and size > 2:
        store = Store(voters, set(), size, {draw(st.integers(0, size - 1))})
    return store, wanted


@given(found())
def test_g06_every_course_arrives_and_keeps_the_quorum(case: tuple[Store, int]) -> None:
    store, wanted = case
    seen = MemberList(frozenset(store.voters), frozenset(store.learners))
    for move in course(seen, store.pods, wanted, store.why).all:
        store.carry_out(move)
    assert store == Store(set(range(wanted)), set(), wanted)


@given(found(), st.integers(0, 8), counts)
def test_g48_a_course_that_is_left_anywhere_is_gone_on_with(
    case: tuple[Store, int], stop: int, later: int
) -> None:
    store, wanted = case
    for goal, end in ((wanted, stop), (later, None)):
        seen = MemberList(frozenset(store.voters), frozenset(store.learners))
        moves = course(seen, store.pods, goal, store.why).all
        for move in moves[:end]:
            store.carry_out(move)
    assert store == Store(set(range(later)), set(), later)


@pytest.mark.parametrize(
    ("before", "after", "counts"),
    [
        (0, 1, (1,)),
        (0, 5, (1, 3, 5)),
        (1, 3, (3,)),
        (3, 3, ()),
        (5, 1, (3, 1)),
        (2, 5, (3, 5)),
        (4, 1, (3, 1)),
        (1, 2, (2,)),
        (1, 4, (3, 4)),
    ],
)
def test_g07_g08_replicas_that_are_members_go_over_odd_counts(
    before: int, after: int, counts: tuple[int, ...]
) -> None:
    assert odd_counts(before, after) == counts
