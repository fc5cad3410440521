#!/usr/bin/python
# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is a virtual module that is entirely implemented as an action plugin and runs on the controller.

from __future__ import annotations

DOCUMENTATION = r"""
module: proof
short_description: Prove all vClusters of the play
version_added: 0.1.0
author: fleetops.vcluster contributors (@fleetops)
description:
  - Runs the checks of M(fleetops.vcluster.verify) on every vCluster of the play, many at once in one process, and
    prints what failed.
  - Every inventory host of the play with a C(vcluster_*) variable is a vCluster.
  - Does not fail for a vCluster whose proof fails; that is part of the result, and for the playbook to judge.
  - Set C(run_once) on the task, so that the result is registered for every host of the play.
options:
  due:
    description:
      - Leave out the vClusters whose running revision was proved more recently than this, and that are well by the
        light pass. A span such as V(90s), V(30m), V(24h) or V(7d).
      - Without it all are proved.
    type: str
  concurrency:
    description: How many vClusters are looked at at once.
    type: int
    default: 10
  directory:
    description:
      - Where the folder of the run is made, which holds the results.
      - By default C($XDG_STATE_HOME/fleetops.vcluster/runs), C(~/.local/state) standing in for an unset variable.
    type: path
  dest:
    description:
      - A file on the controller to write to (mode 0644), in one step, which checks passed, in the OpenMetrics text
        format, for the textfile collector of Prometheus's node exporter. Its folder must exist.
    type: path
extends_documentation_fragment:
  - fleetops.vcluster.vcluster.attributes
attributes:
  check_mode:
    support: full
    details: Nothing is written in the tenants then, nor O(dest).
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Prove what was not proved since yesterday
  fleetops.vcluster.proof:
    due: 24h
  run_once: true
  register: fleetops_proof
"""

RETURN = r"""
failures:
  description: What to say of each vCluster whose proof failed.
  returned: always
  type: dict
not_due:
  description: The vClusters that were left out.
  returned: always
  type: list
  elements: str
path:
  description: The results of all checks (mode 0600), by inventory host.
  returned: always
  type: str
"""
