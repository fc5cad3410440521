# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the bounded retry (G47)."""

from __future__ import annotations

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.retry import (
    Attempts,
    Patience,
)


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def attempts(time: Time, jitter: float = 0.999999, **patience: float) -> Attempts:
    return Attempts(Patience(**patience), lambda: time.now, time.sleep, lambda: jitter)


def test_delays_double_up_to_the_longest() -> None:
    time = Time()
    tries = attempts(time, first=1.0, longest=4.0)
    assert all(tries.again(100) for _ in range(5))
    assert time.slept == pytest.approx([1, 2, 4, 4, 4], rel=1e-4)
    assert tries.count == 6


def test_jitter_takes_up_to_half_of_a_delay() -> None:
    time = Time()
    assert attempts(time, jitter=0.0, first=1.0).again(100)
    assert time.slept == [0.5]


def test_g47_the_budget_is_never_passed() -> None:
    time = Time()
    tries = attempts(time, first=1.0, longest=4.0)
    while tries.again(20):
        pass
    assert 15 < time.now - 100 <= 20
    assert tries.seconds <= 20


def test_g47_retry_after_is_honoured_within_the_budget() -> None:
    time = Time()
    tries = attempts(time, first=1.0)
    assert tries.again(60, retry_after=30)
    assert time.slept == [30]
    assert not tries.again(60, retry_after=31)
    assert time.slept == [30]
