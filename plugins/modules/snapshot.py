#!/usr/bin/python
# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: snapshot
short_description: Take a snapshot of one vCluster's store, and read it back
version_added: 0.1.0
author: fleetops.vcluster contributors (@fleetops)
description:
  - Streams the store from a healthy member into the target, compressed by zstd and encrypted by age, with the
    certificates and the user values beside it.
  - It counts only when it was fetched again, opened, and holds as many keys as the store has at its revision.
    Nothing is left of one that does not.
  - Then deletes those that neither O(snapshots.keep_count) nor O(snapshots.keep_days) keeps, never the newest.
  - Reading back needs no secret key.
  - Stores V(sqlite), V(etcd_deployed) and V(etcd_external), for now.
  - One of V(sqlite) is copied by a pod beside the control plane, while it runs. The copy counts only when SQLite's
    write-ahead log proves that it is consistent; where none does, the control plane is stopped for it if
    O(snapshots.allow_outage) consents, and the module fails otherwise.
  - O(run), O(by) and O(reason) go into its manifest.
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
- name: Take one
  fleetops.vcluster.snapshot:
    name: tenant-a
    kubeconfig: ~/.kube/hc1
    snapshots:
      directory: /backups
      recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p]
      keep_count: 7

- name: Take one to a bucket
  fleetops.vcluster.snapshot:
    from_inventory: true
    snapshots:
      s3:
        bucket: backups
        endpoint: https://s3.example.com:9000
        access_key: fleetops
        secret_key: "{{ vault_s3_key }}"
      recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p]
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
deleted:
  description: Ids of snapshots that no rule kept.
  returned: when one was taken
  type: list
  elements: str
snapshot:
  description: The manifest, as RV(fleetops.vcluster.snapshot_info#module:snapshots) has it.
  returned: when one was taken
  type: dict
"""

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import run_module
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.options import (
    SNAPSHOT_SPEC,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.snapshot import (
    run_snapshot,
)


def main() -> None:
    """Run the engine of this module."""
    run_module(SNAPSHOT_SPEC, run_snapshot)


if __name__ == "__main__":
    main()
