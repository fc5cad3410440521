#!/usr/bin/python
# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: maintenance
short_description: Care for the store of one vCluster where it is due, and prove it
version_added: 0.1.0
author: fleetops.vcluster contributors (@fleetops)
description:
  - Looks at the store, its size and what of it is free, quota and volume, growth and the day it is full, alarms, how
    far it was compacted, how slow its disk is. Does what O(maintenance) calls due, and proves the vCluster then.
  - V(etcd_deployed) is compacted where its API server does not, and its members rewrite their databases one after the
    other, all of them well in between, the one that leads last and as a follower.
  - Where it has no space left, the alarm V(NOSPACE) is taken back when that made room. What is at the quota with its
    data alone stays, and the error says how to raise it.
  - The file of V(sqlite) is rewritten while the control plane is stopped, if O(maintenance.allow_outage) consents. The
    new one is checked, and holds as many keys, before the old one goes.
  - Of V(etcd_external) only is told how it is.
  - How much it held is noted on the Lease of the vCluster, once a day, for the last 8 looks.
  - O(run), O(by) and O(reason) go into the report.
extends_documentation_fragment:
  - fleetops.vcluster.vcluster
  - fleetops.vcluster.access
  - fleetops.vcluster.autoscaling
  - fleetops.vcluster.vcluster.audit
  - fleetops.vcluster.vcluster.attributes
attributes:
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: What is due now, by the defaults
  fleetops.vcluster.maintenance:
    name: tenant-a
    kubeconfig: ~/.kube/hc1

- name: Rewrite what is half free, and stop a control plane on SQLite for it
  fleetops.vcluster.maintenance:
    from_inventory: true
    maintenance:
      fragmentation: 50
      allow_outage: true
"""

RETURN = r"""
msg:
  description: The outcome in one sentence.
  returned: always
  type: str
outcome:
  description:
    - V(done), V(unchanged) or V(planned).
    - Where it failed V(refused), V(failed), V(unreachable) or V(locked).
  returned: always
  type: str
steps:
  description: What was done, such as V(compact), V(defragment), V(disarm), V(vacuum).
  returned: when something was due
  type: list
  elements: str
checks:
  description: The checks of the proof.
  returned: when something was due
  type: list
  elements: dict
store:
  description:
    - How the store is, after what was done. V(size), V(used), V(quota), V(volume), V(free) of each of its V(parts) in
      bytes; V(growth) in bytes a day and V(full_at), both none where too few looks tell.
    - V(revision), V(compacted), V(keys), V(alarms), V(latencies) in seconds, V(due) in words.
  returned: when it was looked at
  type: dict
"""

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import run_module
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.maintenance import (
    run_maintenance,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.options import (
    MAINTENANCE_SPEC,
)


def main() -> None:
    """Run the engine of this module."""
    run_module(MAINTENANCE_SPEC, run_maintenance)


if __name__ == "__main__":
    main()
