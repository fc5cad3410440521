#!/usr/bin/python
# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is a virtual module that is entirely implemented as an action plugin and runs on the controller.

from __future__ import annotations

DOCUMENTATION = r"""
module: soak
short_description: Watch what a wave changed before the next wave begins
version_added: 0.1.0
author: fleetops.vcluster contributors (@fleetops)
description:
  - Watches the vClusters of a wave that were changed and proved, for C(vcluster_soak.seconds), if another wave follows.
  - Workloads must stay ready, containers must not restart, the tenants' API servers must not answer with errors, and in
    the end every check of the proof must pass once more, without writing.
  - Does not fail. What broke counts as failed for the budget of its wave, and for the verdict of the run.
  - Set C(run_once) on the task, and register it as C(fleetops_soak).
options:
  wave:
    description: Number of the wave.
    type: int
    required: true
extends_documentation_fragment:
  - fleetops.vcluster.vcluster.attributes
attributes:
  check_mode:
    support: full
    details: There is nothing to watch then.
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Watch it before the next wave
  fleetops.vcluster.soak:
    wave: 1
  run_once: true
  register: fleetops_soak
"""

RETURN = r"""
broken:
  description: What broke, by inventory host.
  returned: always
  type: dict
  sample: {tenant-a: "restarts: tenant-a-0 1"}
watched:
  description: The vClusters that were watched.
  returned: when there was something to watch
  type: list
  elements: str
began:
  description: When the watching began, RFC 3339, in UTC by the controller's clock.
  returned: when there was something to watch
  type: str
  sample: "2026-01-31T13:17:24Z"
seconds:
  description: How long it was watched.
  returned: when there was something to watch
  type: float
"""
