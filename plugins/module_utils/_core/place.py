# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What work on pods has to know of what they are of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Place(Protocol):
    """A vCluster, or what else has pods in a namespace."""

    @property
    def title(self) -> str:
        """How messages name it."""

    @property
    def namespace(self) -> str:
        """Where its pods are."""

    @property
    def name(self) -> str:
        """Its name there."""


@dataclass(frozen=True)
class Site:
    """A Place that is no vCluster."""

    title: str
    namespace: str
    name: str
