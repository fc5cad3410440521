# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the clients of a vCluster notice of an upgrade, beside `helm upgrade` of another one in the same run.

The client is that of scale_parts. The lab needs both Kubernetes releases for tenants
(`lab up --kubernetes v1.36.3,v1.35.4`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import scale_parts
from harness import Lab
from hosts import KUBERNETES, VERSION, Inventory
from results import Result
from saving import snapshots
from scale_parts import PLACE, Row, Tenant, nested

BEFORE = {"vcluster_version": "0.35.3", "vcluster_kubernetes_version": "1.35.4"}
AFTER = {"vcluster_version": VERSION}
NEWER = {"vcluster_kubernetes_version": KUBERNETES}
MINOR = nested(("controlPlane", "distro", "k8s", "image", "tag"), f"v{KUBERNETES}")
WANTED: dict[str, Any] = {
    "vcluster_store": {"type": "sqlite"},
    "vcluster_timeouts": {"rollout": 300},
    **BEFORE,
}
ETCD = {"vcluster_replicas": 3, "vcluster_store": {"type": "etcd_deployed", "members": 3}}


def alone(inventory: Inventory) -> list[Result]:
    """The only replica, on SQLite: away for a restart at each hop."""
    scale_parts.make_place()
    tenant = _installed(inventory)
    rows = _hops(tenant, "alone")
    return [*scale_parts.beside(rows, rows), *scale_parts.counted("alone", rows)]


def together(ours: Inventory, other: Inventory) -> list[Result]:
    """Three replicas on an etcd of three; another such vCluster goes the same way by Helm."""
    scale_parts.make_place()
    rows = _hops(_installed(ours), "three replicas")
    peer = _installed(other)
    helm = [
        peer.by_hand("helm to the next line", [{}], VERSION, **AFTER),
        peer.by_hand("helm to the next Kubernetes", [MINOR], VERSION, **NEWER),
    ]
    return [*scale_parts.beside(rows, helm), *scale_parts.counted("upgraded", rows)]


def _installed(inventory: Inventory) -> Tenant:
    more = {
        "vcluster_chart": Lab.running().chart_repository,
        "vcluster_snapshots": snapshots(PLACE),
    }
    return scale_parts.installed(replace(inventory, common={**inventory.common, **more}))


def _hops(tenant: Tenant, words: str) -> list[Row]:
    """To the next line, then to the next minor of Kubernetes."""
    return [
        tenant.become(f"{words} to the next line", playbook="upgrade", **AFTER),
        tenant.become(f"{words} to the next Kubernetes", playbook="upgrade", **NEWER),
    ]
