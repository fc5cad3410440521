#!/usr/bin/python
# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: drill
short_description: Restore the newest snapshot of a vCluster beside it, prove the copy, time it, and remove it
version_added: 0.1.0
author: fleetops.vcluster contributors (@fleetops)
description:
  - Makes the namespace NAMESPACE-drill on the same host cluster, with a quota that has room for the control plane and
    its store alone, and a NetworkPolicy that lets nothing in from other namespaces.
  - Installs there what the snapshot says, its chart version and values, without ingress, load balancer or node port,
    and restores the newest snapshot into it as M(fleetops.vcluster.restore) does, compared by count and hash, proved.
  - Nothing of the tenant runs in the copy, workloads outside kube-system are left out.
  - Tells how long it took (RTO) and how old the snapshot was (RPO), and fails over O(snapshots.rto) or
    O(snapshots.rpo).
  - The namespace and all that the chart made is removed at the end, also after a failure. What a run that was killed
    left is removed by the next. A namespace of that name that no drill made is never touched.
  - The vCluster itself is not touched, and need not be there any more. Stores V(sqlite) and V(etcd_deployed), for now.
  - O(run), O(by) and O(reason) go onto the release of the copy.
extends_documentation_fragment:
  - fleetops.vcluster.vcluster
  - fleetops.vcluster.access
  - fleetops.vcluster.autoscaling
  - fleetops.vcluster.vcluster.audit
  - fleetops.vcluster.vcluster.attributes
attributes:
  diff_mode:
    support: none
requirements:
  - pyrage
  - zstandard
  - botocore 1.36 or later, for O(snapshots.s3)
"""

EXAMPLES = r"""
- name: Could it be restored, and how long would it take
  fleetops.vcluster.drill:
    name: tenant-a
    kubeconfig: ~/.kube/hc1
    snapshots:
      directory: /backups
      identity: "{{ vault_age_key }}"
      rto: 900
      rpo: 86400
"""

RETURN = r"""
msg:
  description: The outcome in one sentence.
  returned: always
  type: str
outcome:
  description:
    - V(done) or V(planned).
    - Where it failed V(refused), V(failed), V(unreachable) or V(locked).
  returned: always
  type: str
rto:
  description: Seconds from the beginning until the copy was proved.
  returned: when it was proved
  type: float
rpo:
  description: Seconds from the snapshot to the beginning.
  returned: when a copy was begun
  type: float
checks:
  description: The checks of the proof of the copy.
  returned: when they were run
  type: list
  elements: dict
told:
  description: What the report says of it.
  returned: when it is done
  type: str
snapshot:
  description: The manifest of what was restored, as RV(fleetops.vcluster.snapshot_info#module:snapshots) has it.
  returned: when a copy was begun
  type: dict
"""

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import run_module
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.drill import run_drill
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.options import DRILL_SPEC


def main() -> None:
    """Run the engine of this module."""
    run_module(DRILL_SPEC, run_drill)


if __name__ == "__main__":
    main()
