# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a wave is: a plain line now and then, which a log shows as well as a terminal does."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

# Seconds between two lines of one wave.
PAUSE = 5.0


class Progress:
    """The progress of the waves of one plan.

    Args:
        plan: What the action `plan` returned.
        clock: Monotonic seconds.
    """

    def __init__(
        self, plan: Mapping[str, Any], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._wave = {h: int(wave) for wave, hosts in plan["waves"].items() for h in hosts}
        self._size = {int(wave): len(hosts) for wave, hosts in plan["waves"].items()}
        self._clock = clock
        self._begun: dict[int, float] = {}
        self._failed: dict[str, bool] = {}
        self._said = -PAUSE

    def started(self, host: str) -> None:
        """A host's turn came."""
        if host in self._wave:
            self._begun.setdefault(self._wave[host], self._clock())

    def finished(self, host: str, failed: bool) -> str:
        """The line to say now; empty when it is too early for another, or the wave is one host."""
        wave = self._wave.get(host)
        if wave is None:
            return ""
        self._failed[host] = failed
        here = [bad for name, bad in self._failed.items() if self._wave[name] == wave]
        left = self._size[wave] - len(here)
        now = self._clock()
        if self._size[wave] == 1 or (left and now - self._said < PAUSE):
            return ""
        self._said = now
        parts = [f"{len(here) - sum(here)} of {self._size[wave]} done"]
        parts += [f"{sum(here)} failed"] if any(here) else []
        if left:
            seconds = (now - self._begun.get(wave, now)) / len(here) * left
            parts.append(f"{left} left, about {_rough(seconds)}")
        return f"  Wave {wave}: {', '.join(parts)}"


def _rough(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
