# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two looks at each of many, as far apart as asked for, however long looking at all of them takes."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

T = TypeVar("T")
S = TypeVar("S")


@dataclass(frozen=True)
class Clock:
    """Time that goes on.

    Attributes:
        now: Seconds.
        sleep: Waits so many.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def once_each(
    asked: Iterable[T], look: Callable[[T], None], threads: int, over: threading.Event
) -> None:
    """Look at each of them once; see `twice`."""
    twice(asked, look, _never, 0.0, threads, Clock(), over)


def _never(_item: object, _seen: object) -> None:
    """There is no second look."""


def twice(
    asked: Iterable[T],
    first: Callable[[T], S | None],
    second: Callable[[T, S], None],
    apart: float,
    threads: int,
    clock: Clock,
    over: threading.Event,
) -> None:
    """Look at each of them twice; a second look that is due comes before any first one.

    Args:
        first: None where there is no second look.
        second: With what the first one saw. Neither raises anything.
        apart: Seconds from the end of a first look to its second one.
        over: No look is begun once it is set.
    """
    lock, fresh = threading.Lock(), deque(asked)
    seen: deque[tuple[float, T, S]] = deque()  # by when they are due

    def turn() -> Callable[[], None] | None:
        with lock:
            if over.is_set():
                return None
            if seen and (not fresh or seen[0][0] <= clock.now()):
                return partial(again, *seen.popleft())
            return partial(begin, fresh.popleft()) if fresh else None

    def begin(item: T) -> None:
        found = first(item)
        if found is not None:
            with lock:
                seen.append((clock.now() + apart, item, found))

    def again(moment: float, item: T, found: S) -> None:
        clock.sleep(max(0.0, moment - clock.now()))
        second(item, found)

    def work() -> None:
        # With nothing left here, what others are still looking at is theirs.
        while next_one := turn():
            next_one()

    # Daemons: a ThreadPoolExecutor's threads would keep a process that was cut off from its end.
    pool = [threading.Thread(target=work, daemon=True) for _number in range(threads)]
    for thread in pool:
        thread.start()
    for thread in pool:
        thread.join()
