#!/usr/bin/python
# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is a virtual module that is entirely implemented as an action plugin and runs on the controller.


from __future__ import annotations

DOCUMENTATION = r"""
module: snapshots
short_description: List the snapshots of all vClusters of the play
version_added: 0.1.0
author: fleetops.vcluster contributors (@fleetops)
description:
  - Reads the manifests in the targets and shows how many snapshots each vCluster has, how old the newest is, how large
    it and all of them are, and one state.
  - No host cluster is asked, but for targets that are claims on one; ages are by the controller's clock.
  - Every inventory host of the play with a C(vcluster_*) variable is a vCluster.
  - Does not fail for one whose target cannot be read; that is part of the result.
  - Set C(run_once) on the task. M(fleetops.vcluster.snapshot_info) has everything about those of one vCluster.
options:
  format:
    description:
      - V(table) has 80 columns.
      - V(json) is a list of objects.
    type: str
    choices: [table, json]
    default: table
  dest:
    description:
      - A file on the controller to write it to (mode 0644), in one step. Its folder must exist.
      - Without it, it is printed.
    type: path
extends_documentation_fragment:
  - fleetops.vcluster.vcluster.attributes
attributes:
  check_mode:
    support: full
    details: The file is not written then.
  diff_mode:
    support: none
requirements:
  - botocore 1.36 or later, for buckets
"""

EXAMPLES = r"""
- name: Nobody goes without
  fleetops.vcluster.snapshots:
  run_once: true
  register: found
  failed_when: found.not_saved | length > 0
"""

RETURN = r"""
states:
  description:
    - How many vClusters are in each state.
    - V(saved) or V(not encrypted); V(old), over C(vcluster_snapshots.rpo); V(damaged), with a manifest that cannot be
      read; V(none); V(unreadable), a target that cannot be read; V(refused), with wrong variables or without a target.
  returned: always
  type: dict
  sample: {saved: 5, none: 1}
not_saved:
  description: The vClusters in any state but V(saved) and V(not encrypted).
  returned: always
  type: list
  elements: str
dest:
  description: The file that was written.
  returned: always
  type: str
"""
