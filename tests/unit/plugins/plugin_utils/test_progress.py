# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lines that say how far a wave is."""

from __future__ import annotations

import pytest

from ansible_collections.fleetops.vcluster.plugins.plugin_utils._progress import Progress

WAVES = {"1": ["canary"], "2": ["a", "b", "c", "d"]}


class Clock:
    """Seconds as a test wants them."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def progress(clock: Clock) -> Progress:
    return Progress({"waves": WAVES}, clock)


def test_a_wave_of_one_says_nothing(progress: Progress) -> None:
    progress.started("canary")
    assert progress.finished("canary", False) == ""


def test_done_failed_left_and_the_time_by_the_pace_so_far(progress: Progress, clock: Clock) -> None:
    progress.started("a")
    clock.now += 30
    assert progress.finished("a", False) == "  Wave 2: 1 of 4 done, 3 left, about 90 s"
    clock.now += 330
    assert progress.finished("b", True) == "  Wave 2: 1 of 4 done, 1 failed, 2 left, about 6 min"


def test_lines_keep_apart_and_the_last_is_always_said(progress: Progress, clock: Clock) -> None:
    progress.started("a")
    assert progress.finished("a", False)
    clock.now += 1
    assert progress.finished("b", False) == ""
    assert progress.finished("c", False) == ""
    assert progress.finished("d", True) == "  Wave 2: 3 of 4 done, 1 failed"


def test_a_host_of_no_wave_is_left_alone(progress: Progress) -> None:
    progress.started("x")
    assert progress.finished("x", False) == ""
