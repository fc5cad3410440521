# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a step costs the tenant, estimated.

Any values change alters the pod template annotation vClusterConfigHash (chart, _vclusterconfighash.tpl), so every
control-plane pod restarts at every change: nothing is called restart-free (G11).
"""

from __future__ import annotations

from .._core.observation import Workload
from .._core.plan import Disruption

# Seen on two cores, chart 0.36.1: one control-plane pod is ready 19 s after its start; three replicas with three
# members 42 s after the install.
POD_SECONDS = 20


def restart(plane: Workload | None, replicas: int) -> Disruption:
    """All control-plane pods restart, one after the other."""
    name = plane.name if plane else "control plane"
    if min(plane.replicas if plane else replicas, replicas) > 1:
        return Disruption(
            "rolling",
            POD_SECONDS * replicas,
            f"{replicas} pods of {name} restart one after the other, about {POD_SECONDS} s each",
        )
    return Disruption(
        "outage", POD_SECONDS, f"the only pod of {name} restarts, about {POD_SECONDS} s"
    )
