# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leases as they lie in the cluster: the syncer's, by which one replica leads."""

from __future__ import annotations

from datetime import datetime

from .._core.observation import Leader
from .._core.ports import Json


def leader_lease(name: str) -> str:
    """Name of the Lease that the syncers of a vCluster elect by (0.36, pkg/leaderelection)."""
    return f"vcluster-{name}-controller"


def leader_of(lease: Json, now: datetime) -> Leader:
    """Holder and age.

    Args:
        now: The clock of the server that keeps the Lease (G55).
    """
    spec = lease["spec"]
    return Leader(
        spec.get("holderIdentity") or "", age(lease, now), spec.get("leaseDurationSeconds", 60)
    )


def age(lease: Json, now: datetime) -> float:
    """Seconds since a Lease was renewed, never negative."""
    text = lease["spec"].get("renewTime") or lease["metadata"]["creationTimestamp"]
    return max(0.0, (now - datetime.fromisoformat(text.replace("Z", "+00:00"))).total_seconds())
