# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How values of removed keys are turned into those of the keys that stand for them, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


class NotExact(Exception):
    """The value cannot be turned: a person has to look."""


def same(value: Any) -> Any:
    """The value as it is."""
    return value


def seconds(value: Any) -> str:
    """A number of seconds as a duration of Go (0.32, config/warnings.go). 0 may be "never" as well as "at once"."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise NotExact
    return f"{value}s"


def on(value: Any) -> None:
    """Nothing, for a switch that is on: that is all there is now."""
    if value is not True:
        raise NotExact


def off(value: Any) -> None:
    """Nothing, for what does nothing: a switch that is off, an empty value, a section that is not enabled."""
    enabled = value.get("enabled") if isinstance(value, Mapping) else value
    if enabled:
        raise NotExact


def drop(value: Any) -> None:
    """Nothing: what it said has no effect any more."""


TURNS: Mapping[str, Callable[[Any], Any]] = {
    turn.__name__: turn for turn in (same, seconds, on, off, drop)
}
