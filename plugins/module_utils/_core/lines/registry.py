# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The chart lines known here. A new line is a new file and a name in LINES."""

from __future__ import annotations

from ..versions import Version, version_of
from . import (
    v0_20,
    v0_21,
    v0_22,
    v0_23,
    v0_24,
    v0_25,
    v0_26,
    v0_27,
    v0_28,
    v0_29,
    v0_30,
    v0_31,
    v0_32,
    v0_33,
    v0_34,
    v0_35,
    v0_36,
)
from .line import Line, MetricsPaths, Patch, Removed

LINES: tuple[Line, ...] = tuple(
    module.LINE
    for module in (
        v0_20,
        v0_21,
        v0_22,
        v0_23,
        v0_24,
        v0_25,
        v0_26,
        v0_27,
        v0_28,
        v0_29,
        v0_30,
        v0_31,
        v0_32,
        v0_33,
        v0_34,
        v0_35,
        v0_36,
    )
)


def line_of(version: str) -> Line | None:
    """The line of a chart version, or None when it is not known here."""
    found = version_of(version)
    return next((line for line in LINES if found and line.minor == found.minor), None)


def patch_of(version: str) -> Patch | None:
    """A released chart, or None when it is not known here."""
    return next((p for line in LINES for p in line.patches if p.version == version), None)


def metrics_of(version: str) -> MetricsPaths:
    """Where a chart version has its metrics; of one that is not known here, where the newest line has them."""
    return (line_of(version) or LINES[-1]).metrics


def lowers(before: Patch, after: Patch) -> bool:
    """Whether a default of a chart is below that of another one (G56): what is not pinned would go down."""
    pairs = ((before.kubernetes, after.kubernetes), (before.etcd, after.etcd))
    found = ((version_of(old), version_of(new)) for old, new in pairs)
    return any(old and new and new.numbers < old.numbers for old, new in found)


def removed_until(version: str) -> tuple[tuple[str, Removed], ...]:
    """The keys that are gone in a version, each with the line or the patch it went with."""
    found = version_of(version)
    return tuple(
        (key.since or line.name, key)
        for line in LINES
        if found and line.minor <= found.minor
        for key in line.removed
        if _reached(found, key, line)
    )


def _reached(version: Version, key: Removed, line: Line) -> bool:
    since = version_of(key.since)
    return since is None or version.minor > line.minor or version.order >= since.order
