# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each is looked at twice, that far apart, however many there are."""

from __future__ import annotations

import threading
import time

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.two_looks import (
    Clock,
    once_each,
    twice,
)


def test_once_each_looks_at_all_and_begins_nothing_more_once_it_is_over() -> None:
    seen: list[int] = []
    once_each(range(50), seen.append, 8, threading.Event())
    assert sorted(seen) == list(range(50))
    over = threading.Event()
    over.set()
    once_each(range(50), seen.append, 8, over)
    assert len(seen) == 50


def spans(count: int, threads: int, look: float, apart: float) -> list[float]:
    """The times between the looks at each, when a look takes so long."""
    first: dict[int, float] = {}
    second: dict[int, float] = {}

    def begin(item: int) -> float:
        time.sleep(look)
        first[item] = time.monotonic()
        return first[item]

    def again(item: int, seen: float) -> None:
        assert seen == first[item]
        second[item] = time.monotonic()
        time.sleep(look)

    twice(range(count), begin, again, apart, threads, Clock(), threading.Event())
    assert sorted(second) == list(range(count))
    return [second[item] - first[item] for item in range(count)]


def test_looking_at_all_of_them_may_take_longer_than_the_time_between() -> None:
    """200 looks of 20 ms by four take a second; the two at each are 0.3 s apart all the same."""
    found = spans(200, 4, 0.02, 0.3)
    assert min(found) >= 0.3
    assert max(found) < 0.8


def test_all_threads_go_on_to_the_end() -> None:
    """What is due together is looked at together: 12 by 12 take no longer than one."""
    began = time.monotonic()
    spans(12, 12, 0.1, 0.2)
    assert time.monotonic() - began < 1.2


def test_a_first_look_that_saw_nothing_has_no_second() -> None:
    seen, slept = [], []
    lock = threading.Lock()

    def again(item: int, found: str) -> None:
        with lock:
            seen.append((item, found))

    clock = Clock(lambda: 5.0, slept.append)
    over = threading.Event()
    twice(range(4), lambda item: f"{item}" if item % 2 else None, again, 60.0, 3, clock, over)
    assert sorted(seen) == [(1, "1"), (3, "3")]
    assert slept == [60.0, 60.0]
    twice([], lambda _item: None, again, 60.0, 3, clock, over)


def test_when_it_is_over_nothing_more_is_begun() -> None:
    over, seen = threading.Event(), []

    def begin(item: int) -> int:
        seen.append(item)
        if item == 2:
            over.set()
        return item

    clock = Clock(lambda: 5.0, lambda _seconds: None)
    twice(range(50), begin, lambda item, _found: seen.append(item), 60.0, 1, clock, over)
    assert seen == [0, 1, 2]


def test_its_threads_keep_no_process_from_its_end() -> None:
    daemons: list[bool] = []

    def begin(_item: int) -> None:
        daemons.append(threading.current_thread().daemon)

    twice(range(4), begin, lambda _item, _found: None, 1.0, 2, Clock(), threading.Event())
    assert daemons == [True] * 4
