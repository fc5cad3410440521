# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long a request is tried again: backoff with jitter, Retry-After honoured, bounded (G47)."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """Time in seconds that one request may spend on trying again.

    Attributes:
        busy: While the server answers 429 or 5xx.
        silent: While it cannot be reached at all.
        first: Delay before the second attempt; each further one is twice as long.
        longest: Longest delay of our own; a longer Retry-After is honoured while it fits into `busy`.
        connect: Timeout of a connection attempt, TLS handshake included.
        read: Timeout between two pieces of an answer.
    """

    busy: float = 60.0
    silent: float = 15.0
    first: float = 0.25
    longest: float = 8.0
    connect: float = 10.0
    read: float = 30.0


class Attempts:
    """The attempts of one request.

    Args:
        patience: See Patience.
        clock: Monotonic seconds.
        sleep: Waits so many seconds.
        jitter: A number in [0, 1): how much of a delay's second half is taken.
    """

    def __init__(
        self,
        patience: Patience,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._delay = patience.first
        self._longest = patience.longest
        self._started = clock()
        self.count = 1

    @property
    def seconds(self) -> float:
        """How long this request has been going on."""
        return self._clock() - self._started

    def again(self, budget: float, retry_after: float = 0.0) -> bool:
        """Wait for the next attempt; False, at once, when it would begin after `budget` seconds.

        Args:
            budget: Seconds since the first attempt.
            retry_after: What the server asked for, in seconds.
        """
        delay = self._delay * (0.5 + self._jitter() / 2)
        self._delay = min(self._delay * 2, self._longest)
        delay = max(delay, retry_after)
        if self.seconds + delay > budget:
            return False
        self._sleep(delay)
        self.count += 1
        return True
