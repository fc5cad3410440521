#!/usr/bin/python
# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is a virtual module that is entirely implemented as an action plugin and runs on the controller.

from __future__ import annotations

DOCUMENTATION = r"""
module: plan
short_description: Plan all vClusters of the play
version_added: 0.1.0
author: fleetops.vcluster contributors (@fleetops)
description:
  - Observes every host cluster with a fixed number of list calls, looks closer only where something differs, and
    prints what would be done, by wave, and why.
  - Every inventory host of the play with a C(vcluster_*) variable is a vCluster.
  - Changes nothing, and does not fail for a vCluster that cannot be planned; that is part of the result.
  - Set C(run_once) on the task, so that the result is registered for every host of the play.
options:
  verb:
    description:
      - What is planned.
      - V(site) brings each vCluster to the state that is asked for.
      - V(scale) brings each to its size, V(upgrade) to its versions, and V(certificates)
        renews certificates that end soon.
      - V(autoscale) looks at the load first, for a minute.
      - V(maintenance) looks at the stores, and does what they are due for.
      - V(backup) takes a snapshot of each, V(restore) puts one back, V(move) brings them from elsewhere.
    type: str
    choices:
      - site
      - scale
      - upgrade
      - migrate_store
      - retire_source
      - autoscale
      - certificates
      - maintenance
      - backup
      - drill
      - move
      - restore
    default: site
  snapshot:
    description: With O(verb=restore), the id of a snapshot, V(latest), or V(survivor).
    type: str
  consent:
    description: With O(snapshot=survivor), the inventory hosts that may be recovered.
    type: list
    elements: str
  sample:
    description: Plan as many of them, chosen by chance; all by default. For drills.
    type: int
  show:
    description:
      - V(plan) prints the plan.
      - V(none) prints nothing.
    type: str
    choices: [plan, none]
    default: plan
  directory:
    description:
      - Where the folder of the run is made, which holds the plan file and the report.
      - By default C($XDG_STATE_HOME/fleetops.vcluster/runs), C(~/.local/state) standing in for an unset variable.
    type: path
  approved:
    description:
      - The digests of an approved plan by host, as an earlier run returned them in RV(digests).
      - A plan that is not among them is refused. Without it all plans are good.
    type: dict
  last_wave:
    description: The last wave that is carried out; V(1) is the canary alone. The later ones are left for another run.
    type: int
    default: 10
extends_documentation_fragment:
  - fleetops.vcluster.vcluster.attributes
attributes:
  check_mode:
    support: full
    details: It never changes anything.
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Plan the fleet
  fleetops.vcluster.plan:
  run_once: true
  register: fleetops_plan
"""

RETURN = r"""
summary:
  description: How many vClusters, and what is with them.
  returned: always
  type: str
  sample: "6 vClusters: 6 to change, 0 unchanged, 0 refused (0.4 s)"
hosts:
  description: The step kinds of each vCluster that is not unchanged, or V(refused), V(unreachable), V(failed).
  returned: always
  type: dict
  sample: {tenant-a: [install], tenant-b: [values]}
refused:
  description: Why each vCluster that is refused is.
  returned: always
  type: dict
waves:
  description: The vClusters of each wave; refused ones come in the first.
  returned: always
  type: dict
budgets:
  description: The failures that each wave may have.
  returned: always
  type: dict
digests:
  description: The digest of each plan, for O(fleetops.vcluster.control_plane#module:planned).
  returned: always
  type: dict
decisions:
  description: The count of replicas that the load asks for, where that is another one, with the reason.
  returned: always
  type: dict
unchanged:
  description: How many vClusters need nothing.
  returned: always
  type: int
run:
  description: Id of the run, the name of its folder.
  returned: always
  type: str
last_wave:
  description: See O(last_wave).
  returned: always
  type: int
path:
  description:
    - The plan file (mode 0600), which has everything, secrets masked.
    - With O(verb=autoscale) each vCluster has its C(load), as M(fleetops.vcluster.control_plane) returns it.
  returned: always
  type: str
"""
