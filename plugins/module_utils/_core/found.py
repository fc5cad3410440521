# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A vCluster that was found on a host cluster, whoever installed it."""

from __future__ import annotations

from dataclasses import dataclass, field

from .observation import Observation


@dataclass(frozen=True)
class Found:
    """One vCluster, as a few lists over the host cluster show it.

    Attributes:
        name: Of the vCluster and of its release.
        namespace: Its namespace on the host cluster.
        chart_version: By the chart's label; empty when there is none.
        store: Type of its backing store; empty when nothing tells.
        needs_licence: Its store runs only with the vendor's licence (G33).
        created: When it was installed, RFC 3339 by the host cluster's clock; empty when nothing tells.
        observation: Release, workloads and pause; not complete. No release: it was not installed by Helm.
    """

    name: str
    namespace: str
    chart_version: str = ""
    store: str = ""
    needs_licence: bool = False
    created: str = ""
    observation: Observation = field(default_factory=Observation)
