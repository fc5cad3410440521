# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Documentation of the options by which sizes change by themselves."""

    DOCUMENTATION = r"""
options:
  autoscaling:
    description: What decides over the replicas of the control plane, O(replicas) being the least of them.
    type: dict
    suboptions:
      max:
        description: Most replicas.
        type: int
        required: true
      by:
        description: V(hpa), a HorizontalPodAutoscaler, or V(load), the playbook C(autoscale) whenever it is run.
        type: str
        choices: [hpa, load]
      requests:
        description: By V(load), requests a second for each replica above which there is one more; 100 by default.
        type: int
      latency_ms:
        description: By V(load), p99 of the requests in milliseconds above which there is one more; 1000 by default.
        type: int
      cool_down:
        description: By V(load), seconds after a change in which no replica goes; 600 by default.
        type: int
      cpu:
        description: Percent of the CPU request that replicas use on average, 70 by default; 0 for none.
        type: int
      memory:
        description: Percent of the memory request; 0, the default, for no such metric.
        type: int
      metrics:
        description: More metrics, as autoscaling/v2 has them.
        type: list
        elements: dict
      scale_in_window:
        description: Seconds; the highest count that was asked for in that time holds. 600 by default.
        type: int
  vertical_autoscaling:
    description: A VerticalPodAutoscaler of the control plane, where the host cluster has that API.
    type: dict
    suboptions:
      mode:
        description: What it may do; V(Off), the default, only recommends.
        type: str
        choices: ["Off", Initial, Recreate, InPlaceOrRecreate]
      resources:
        description: What it decides over, V(cpu) and V(memory) by default.
        type: list
        elements: str
      min:
        description: Least requests, 2 CPU and 4Gi by default.
        type: dict
      max:
        description: Highest requests, 4 CPU and 8Gi by default.
        type: dict
      evict_single_replica:
        description: It may end the only replica, whose API is away meanwhile; false by default.
        type: bool
"""
