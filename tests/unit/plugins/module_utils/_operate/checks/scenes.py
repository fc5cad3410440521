# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A healthy vCluster of two replicas, for checks to look at."""

from __future__ import annotations

from typing import Any

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.check import CheckResult
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access, Spec

SPEC = Spec("tenant-a", "tenant-a", "vcluster-tenant-a", "hc1", Access())
NS = "/namespaces/vcluster-tenant-a"
LEASE = f"/apis/coordination.k8s.io/v1{NS}/leases/vcluster-tenant-a-controller"
BUDGET = f"/apis/policy/v1{NS}/poddisruptionbudgets/tenant-a"
FRESH = "2026-11-24T11:59:40.000000Z"
STALE = "2026-11-24T11:50:00.000000Z"


def lease(holder: str, renewed: str) -> dict[str, Any]:
    """The syncer's Lease."""
    return {"spec": {"holderIdentity": holder, "renewTime": renewed, "leaseDurationSeconds": 60}}


def result(found: Any, check_id: str) -> CheckResult:
    """One of several results."""
    return next(item for item in found if item.id == check_id)
