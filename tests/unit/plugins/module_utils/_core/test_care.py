# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Size, growth and the day a store is full."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.care import (
    APART,
    DAY,
    FEWEST,
    KEPT,
    MIB,
    Condition,
    Maintenance,
    Part,
    Point,
    full_at,
    growth,
    with_point,
)

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
AT = int(NOW.timestamp())
WANTED = Maintenance()


def line(pace: float, days: int, first: int = 100 * MIB) -> list[Point]:
    """A store that grew by so many bytes a day."""
    return [Point(AT - (days - day - 1) * DAY, first + round(pace * day)) for day in range(days)]


@given(st.integers(-5_000_000, 50_000_000), st.integers(FEWEST, KEPT))
def test_g43_a_line_is_found_again(pace: int, days: int) -> None:
    assert growth(line(pace, days, 1 << 40)) == pytest.approx(pace, abs=1)


@pytest.mark.parametrize("points", [[], line(1e6, 1), line(1e6, 2), [Point(AT, 1)] * 3])
def test_g43_too_few_looks_tell_no_growth(points: list[Point]) -> None:
    assert growth(points) is None
    condition = Condition("etcd", (Part("a", MIB, MIB),), quota=2 * MIB)
    assert full_at(condition, points, NOW) is None


def test_g43_one_look_that_is_out_of_line_does_not_make_the_rate() -> None:
    points = line(10 * MIB, 7)
    points[3] = Point(points[3].at, points[3].used + 30 * MIB)
    assert growth(points) == pytest.approx(10 * MIB, rel=0.01), "it is in the middle"


@pytest.mark.parametrize(
    ("pace", "days"), [(10 * MIB, 90), (100 * MIB, 9), (0.2 * MIB, None), (0, None), (-MIB, None)]
)
def test_g44_the_day_it_is_full_is_where_the_line_meets_the_limit(
    pace: float, days: int | None
) -> None:
    """A store that does not grow, or would take more than ten years, is never full."""
    condition = Condition("etcd", (Part("a", 500 * MIB, 100 * MIB),), 1000 * MIB, 9000 * MIB)
    found = full_at(condition, line(pace, 5), NOW)
    assert found == (NOW + timedelta(days=days) if days else None)


def test_g44_what_is_over_its_limit_already_is_full_today() -> None:
    condition = Condition("etcd", (Part("a", 3 * MIB, 3 * MIB),), 2 * MIB)
    assert full_at(condition, line(MIB, 3), NOW) == NOW


def test_without_a_limit_nothing_is_ever_full() -> None:
    assert full_at(Condition("etcd", (Part("a", 3, 3),)), line(MIB, 3), NOW) is None


@given(st.lists(st.integers(0, 20 * DAY), max_size=60))
def test_the_looks_that_are_kept_are_few_and_apart(moments: list[int]) -> None:
    points: tuple[Point, ...] = ()
    for moment in sorted(moments):
        points = with_point(points, Point(moment, 1))
    assert len(points) <= KEPT
    assert all(later.at - sooner.at >= APART for sooner, later in pairwise(points))
    if moments:
        assert points[-1].at > max(moments) - APART


def test_g55_looks_of_a_clock_that_was_put_back_are_left_out() -> None:
    ahead = (Point(AT, 1), Point(AT + 30 * DAY, 2))
    assert with_point(ahead, Point(AT + 2 * DAY, 3)) == (Point(AT, 1), Point(AT + 2 * DAY, 3))


@pytest.mark.parametrize(
    ("size", "used", "due"),
    [
        (1000, 600, True),
        (1000, 701, False),  # less than 30 %
        (300, 201, False),  # less than 100 MiB
        (300, 200, True),
        (1300, 1160, True),  # beyond 60 % of the quota a tenth is worth it
        (1300, 1180, False),
        (1200, 1090, False),
        (0, 0, False),
    ],
)
def test_g43_what_is_due_for_a_rewrite(size: int, used: int, due: bool) -> None:
    part = Part("a", size * MIB, used * MIB)
    assert Condition("etcd", (part,), 2048 * MIB).loose(part, WANTED) is due


def test_the_nearest_limit_counts_and_is_named() -> None:
    assert Condition("etcd", quota=2, volume=5).bound == "quota"
    assert (Condition("etcd", quota=9, volume=5).room, Condition("x", quota=9, volume=5).bound) == (
        5,
        "volume",
    )
    assert Condition("etcd").room == 0


@pytest.mark.parametrize(
    ("revision", "compacted", "lag"),
    [(10, 4, 6), (10, -1, 11), (None, 4, 0), (10, None, 0), (3, 4, 0)],
)
def test_what_is_not_compacted(revision: int | None, compacted: int | None, lag: int) -> None:
    assert Condition("etcd", revision=revision, compacted=compacted).lag == lag
