#!/usr/bin/python
# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is a virtual module that is entirely implemented as an action plugin and runs on the controller.

from __future__ import annotations

DOCUMENTATION = r"""
module: adopt
short_description: Write an inventory of the vClusters as they run
version_added: 0.1.0
author: fleetops.vcluster contributors (@fleetops)
description:
  - Looks closely at every vCluster of the play and writes a YAML inventory whose first plan changes none of them.
  - The hosts are usually those of the inventory plugin P(fleetops.vcluster.fleet#inventory).
  - Written are the name, the namespace, the way to the host cluster and the chart version, and Kubernetes version,
    replicas and store as far as the values of the release say them. What the chart decides by default stands in a
    comment, since asking for it would be a change. Chart values are not copied, since what was never set is never
    reset.
  - A vCluster whose first plan would change it or is refused, that Helm did not install, or that cannot be looked at,
    is written as a comment with the reason.
  - The plan is made with the chart that lies in the release; nothing is fetched.
  - Set C(run_once) on the task. Changes nothing on a host cluster.
options:
  dest:
    description: The file to write, mode 0644. No secret is in it; a token of a host cluster is left out.
    type: path
    required: true
  force:
    description: Replace a file that is there and says something else; otherwise that is an error.
    type: bool
    default: false
extends_documentation_fragment:
  - fleetops.vcluster.vcluster.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
"""

EXAMPLES = r"""
- name: Write down what runs
  fleetops.vcluster.adopt:
    dest: inventory.yml
  run_once: true
"""

RETURN = r"""
dest:
  description: The file, absolute.
  returned: when it can be written
  type: str
adopted:
  description: The hosts that the inventory has.
  returned: when it can be written
  type: list
  elements: str
left_out:
  description: The hosts that are comments in it, each with the reason.
  returned: when it can be written
  type: dict
  sample: {tenant-a: "The plan is refused: G34: The vCluster is paused, sleeping or being restored."}
"""
