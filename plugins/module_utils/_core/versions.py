# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Versions of charts and of Kubernetes. They come from values and from images, so any text has to be expected."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

_FORM = re.compile(
    r"v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?"
)


@dataclass(frozen=True)
class Version:
    """A semantic version; what a build added to it (`+...`) says nothing about the order.

    Attributes:
        numbers: Major, minor, patch.
        suffix: What follows the dash: a pre-release of a chart, the kind of an image.
    """

    numbers: tuple[int, int, int]
    suffix: str = ""

    def __str__(self) -> str:
        numbers = ".".join(map(str, self.numbers))
        return f"{numbers}-{self.suffix}" if self.suffix else numbers

    @property
    def minor(self) -> tuple[int, int]:
        """The line of a chart, or the minor of a Kubernetes."""
        return self.numbers[:2]

    @property
    def order(self) -> tuple[Any, ...]:
        """Sorts versions; a pre-release comes before its release, and rc.9 before rc.10 (semver.org, 11)."""
        parts = self.suffix.split(".") if self.suffix else []
        return (
            *self.numbers,
            not parts,
            tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts),
        )


@lru_cache(maxsize=4096)  # A path asks for the same few versions over and over.
def version_of(text: str) -> Version | None:
    """The version in a text, with or without a leading v; None when it is none."""
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    major, minor, patch = (int(part) for part in match.groups()[:3])
    return Version((major, minor, patch), match[4] or "")
