#!/usr/bin/python
# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: restore
short_description: Put a snapshot back into the vCluster it was taken of, or into another, and prove it
version_added: 0.1.0
author: fleetops.vcluster contributors (@fleetops)
description:
  - Opens and checks the snapshot before anything is touched, takes a snapshot of what is there now, stops the control
    plane and the members, fills every member with etcd's own tool, puts the certificates back where others are there,
    compares the store with the snapshot by count and hash, starts everything and proves it.
  - The revision is raised above all that clients have seen, so informers and watches go on. Kubeconfigs stay valid.
  - When the proof fails, what was there before is put back in the same way, and proved.
  - Whatever was written after the snapshot is lost; in check mode the module counts it.
  - While it works, and after a run that was cut off, the workload carries the annotation C(loft.sh/restoring) and
    every other change is refused. Running the restore again begins anew and keeps the first safety snapshot.
  - Pods wait for a node afterwards and are started again, those that had ended stay as they were. Volumes of tenants
    are in no snapshot.
  - With O(snapshots.from) it is the snapshot of another vCluster, under another name or of another host cluster. It
    takes its authorities and tokens over, and is reached at its own address.
  - An external etcd is emptied and filled key by key from the controller; one that holds other keys than a
    vCluster's is refused.
  - O(run), O(by) and O(reason) go into the manifest of the safety snapshot.
options:
  snapshot:
    description:
      - Id of the snapshot, or V(latest), which leaves out what earlier restores saved before they began.
      - V(survivor) recovers a V(etcd_deployed) that has lost its quorum for good. A snapshot of the member that got
        furthest is taken and restored; refused where there is a quorum, or might be one among members that run and do
        not answer.
    type: str
    required: true
  consent:
    description: Inventory hosts that may be recovered by V(survivor), as what only the lost members had acknowledged is
      lost.
    type: list
    elements: str
  safety:
    description: Take a snapshot of what is there before. Without it a restore that fails cannot be undone.
    type: bool
    default: true
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
- name: What would be lost
  fleetops.vcluster.restore:
    from_inventory: true
    snapshot: latest
  check_mode: true

- name: Put it back
  fleetops.vcluster.restore:
    name: tenant-a
    kubeconfig: ~/.kube/hc1
    snapshot: 20260317T093000Z-1a2b3c4d
    snapshots:
      directory: /backups
      identity: "{{ vault_age_key }}"
"""

RETURN = r"""
msg:
  description: The outcome in one sentence.
  returned: always
  type: str
outcome:
  description:
    - V(done) or V(planned).
    - Where it failed V(rolled_back), V(refused), V(failed), V(unreachable) or V(locked).
  returned: always
  type: str
outage:
  description: Seconds the tenant's API was away.
  returned: when the control plane was stopped
  type: float
checks:
  description: The checks of the proof.
  returned: when they were run
  type: list
  elements: dict
other_values:
  description: JSON pointers of the values that were others when the snapshot was taken. They stay as they are.
  returned: when the control plane was stopped
  type: list
  elements: str
told:
  description: What the report says of it.
  returned: when it is done
  type: str
snapshot:
  description: The manifest of what was restored, as RV(fleetops.vcluster.snapshot_info#module:snapshots) has it.
  returned: when the control plane was stopped
  type: dict
"""

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import run_module
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.options import (
    RESTORE_SPEC,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.restore import (
    run_restore,
)


def main() -> None:
    """Run the engine of this module."""
    run_module(RESTORE_SPEC, run_restore)


if __name__ == "__main__":
    main()
