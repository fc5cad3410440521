# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots in words and as data."""

from __future__ import annotations

import json
from typing import Any

from .._core.snapshot import Manifest, to_text

UNITS = ("B", "kB", "MB", "GB", "TB")


def as_data(manifest: Manifest) -> dict[str, Any]:
    """A manifest as a module returns it: with the size of all its parts, in bytes."""
    document: dict[str, Any] = json.loads(to_text(manifest))
    del document["format"]
    return {**document, "size": size_of(manifest), "verified": True}


def size_of(manifest: Manifest) -> int:
    """Bytes in the target."""
    return sum(part.size for part in manifest.parts.values())


def summary(manifest: Manifest) -> str:
    """A snapshot that was taken, in a line."""
    return (
        f"{manifest.id}, {manifest.contents.keys:,} keys at revision {manifest.revision:,}, "
        f"{bytes_text(size_of(manifest))}, read back"
    )


def bytes_text(size: float) -> str:
    """A size for people, such as 1.2 MB."""
    unit = 0
    while size >= 1000 and unit < len(UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.0f} {UNITS[unit]}" if unit == 0 else f"{size:.1f} {UNITS[unit]}"
