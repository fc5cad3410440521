# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all targets share: how files may be named."""

from __future__ import annotations

import re

from .._core.errors import FleetError

_PART = r"[A-Za-z0-9%_][A-Za-z0-9%._~:+=@,-]*"
_NAME = re.compile(f"{_PART}(/{_PART})*")


def proper(name: str, place: str) -> str:
    """The name, which does not lead out of a target.

    Args:
        place: What messages call the target.
    """
    if not _NAME.fullmatch(name):
        raise FleetError(f"{name!r} is no name of a file in a {place}.")
    return name
