#!/usr/bin/python
# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is a virtual module that is entirely implemented as an action plugin and runs on the controller.

from __future__ import annotations

DOCUMENTATION = r"""
module: status
short_description: Show the state of all vClusters of the play
version_added: 0.1.0
author: fleetops.vcluster contributors (@fleetops)
description:
  - Reads every host cluster with a fixed number of list calls, nothing in full, and shows what runs - versions, ready
    replicas and members, the age of the leader's lease, of the last proof, the days left on the certificates that it
    read, what it saw that stores are due for, which are on their way to another store or left one, and one state.
  - Every inventory host of the play with a C(vcluster_*) variable is a vCluster.
  - Does not fail for a vCluster that cannot be looked at; that is part of the result.
  - Set C(run_once) on the task.
options:
  format:
    description:
      - V(table) has 80 columns.
      - V(json) is a list of objects.
      - V(openmetrics) is the OpenMetrics text format, which Prometheus and the textfile collector of its node exporter
        read.
    type: str
    choices: [table, json, openmetrics]
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
"""

EXAMPLES = r"""
- name: Feed the textfile collector
  fleetops.vcluster.status:
    format: openmetrics
    dest: /var/lib/node_exporter/vcluster.prom
  run_once: true
"""

RETURN = r"""
states:
  description: How many vClusters are in each state.
  returned: always
  type: dict
  sample: {proved: 5, "not ready": 1}
not_well:
  description: The vClusters in any state but V(proved).
  returned: always
  type: list
  elements: str
dest:
  description: The file that was written.
  returned: always
  type: str
"""
