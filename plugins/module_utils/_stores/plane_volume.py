# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stores that keep their data in the volume of the control plane: where that is, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._core.finding import Finding, refuse
from .base import PERSISTENCE, PLANE_CLAIM, at, truthy
from .store import Values


@dataclass(frozen=True)
class DataPlace:
    """Where a store in the volume of the control plane keeps its data.

    Attributes:
        title: In words.
        of: What tells two such places apart.
        kept: It is a claim of the pod: there without the pod, and for another pod beside it.
    """

    title: str
    of: Any = None
    kept: bool = True


CLAIMED = DataPlace("the volume of volumeClaim")


def data_place(values: Values) -> DataPlace:
    """Where such a store keeps its data.

    0.36.1, templates/_persistence.tpl and statefulset.yaml: `auto` makes a claim for these stores.
    """
    templates = at(values, *PERSISTENCE, "volumeClaimTemplates")
    if templates:
        return DataPlace("a volume of volumeClaimTemplates", templates)
    enabled = at(values, *PLANE_CLAIM, "enabled")
    if enabled in (None, "auto") or truthy(enabled):
        return CLAIMED
    own = at(values, *PERSISTENCE, "dataVolume")
    return DataPlace("a dataVolume", own, False) if own else DataPlace("an emptyDir", kept=False)


def plane_room(values: Values) -> list[str]:
    """The size of the volume of such a store, where it has one."""
    size = at(values, *PLANE_CLAIM, "size")
    return [str(size)] if size and data_place(values) == CLAIMED else []


def lacks_volume(store: str, values: Values) -> list[Finding]:
    """G02 for a store in the volume of the control plane."""
    if data_place(values).kept:
        return []
    return [
        refuse(
            "G02",
            f"The store {store} has no volume (volumeClaim.enabled is off).",
            "Its data is gone when the pod moves.",
            "Leave persistence on, or set vcluster_allow: [G02].",
        )
    ]


def moved_data(store: str, live: Values, values: Values) -> list[Finding]:
    """G03 for a store in the volume of the control plane: another volume is another, empty store."""
    before, after = data_place(live), data_place(values)
    if before == after:
        return []
    there, then = before.title, after.title
    moves = f"move from {there} to {then}" if there != then else f"stand in another {then}"
    return [
        refuse(
            "G03",
            f"The data of the store {store} would {moves} (controlPlane.statefulSet.persistence).",
            "It would not be copied: the tenant would be empty, and everything green.",
            "Put persistence back as it runs; only the type of a store can be moved.",
        )
    ]
