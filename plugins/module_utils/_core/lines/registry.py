# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The chart lines known here. A new line is a new file and a name in LINES."""

from __future__ import annotations

from ..versions import version_of
from . import v0_30, v0_31, v0_32, v0_33, v0_34, v0_35, v0_36
from .line import Line, Removed

LINES: tuple[Line, ...] = tuple(
    module.LINE for module in (v0_30, v0_31, v0_32, v0_33, v0_34, v0_35, v0_36)
)


def line_of(version: str) -> Line | None:
    """The line of a chart version, or None when it is not known here."""
    found = version_of(version)
    return next((line for line in LINES if found and line.minor == found.minor), None)


def removed_until(version: str) -> tuple[tuple[str, Removed], ...]:
    """The keys that are gone in a version, each with the line it went with."""
    found = version_of(version)
    return tuple(
        (line.name, key)
        for line in LINES
        if found and line.minor <= found.minor
        for key in line.removed
    )
