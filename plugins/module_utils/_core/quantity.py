# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Quantities of Kubernetes (apimachinery, pkg/api/resource): `512Mi`, `.5Gi`, `1.5e9`, `200m`."""

from __future__ import annotations

import re
from decimal import Decimal

_FORM = re.compile(
    r"(?P<number>[+-]?(?:\d+\.?\d*|\.\d+))(?:(?P<suffix>[KMGTPE]i|[numkMGTPE])|[eE](?P<power>[+-]?\d{1,2}))?"
)
_DECIMAL = {
    "n": -9,
    "u": -6,
    "m": -3,
    **dict(zip("kMGTPE", range(3, 19, 3), strict=True)),
}


def quantity(text: str) -> Decimal | None:
    """The number that a quantity stands for; None for a text that is none."""
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    number, suffix = Decimal(match["number"]), match["suffix"]
    if suffix is None:
        return number.scaleb(int(match["power"] or 0))
    if suffix.endswith("i"):
        return number * Decimal(1024) ** ("KMGTPE".index(suffix[0]) + 1)
    return number.scaleb(_DECIMAL[suffix])
