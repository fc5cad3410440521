# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which store a vCluster uses, told from little: its configuration, or only its workloads."""

from __future__ import annotations

from collections.abc import Iterable

from .._core.observation import Workload
from .etcd_deployed import EtcdDeployed
from .registry import store_in
from .store import Values


def store_seen(config: Values | None, workloads: Iterable[Workload]) -> str:
    """The type of the store; empty when it cannot be told.

    Args:
        config: Effective values, as the control plane reads them; None when they are not known.
        workloads: All that the vCluster has.
    """
    if config is not None:
        return store_in(config).type
    kinds = {workload.component: workload.kind for workload in workloads}
    # A control plane with a volume of its own may be one that left its deployed etcd for an embedded one; without
    # etcd it runs on any of the others.
    if "etcd" in kinds and kinds.get("control_plane") == "Deployment":
        return EtcdDeployed.type
    return ""


def needs_licence(config: Values | None) -> bool:
    """Whether the store warns that it runs with the vendor's licence only (G33)."""
    if config is None:
        return False
    return any(finding.guard == "G33" for finding in store_in(config).findings(config))
