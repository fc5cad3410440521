#!/usr/bin/python
# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: snapshot_request
short_description: Have the vendor's own controller write an archive into a bucket, and read it back
version_added: 0.1.0
author: fleetops.vcluster contributors (@fleetops)
description:
  - Asks the controller in the control plane for what C(vcluster snapshot create) gives, waits for it, and reads it back
    out of the bucket.
  - It counts only when it was fetched, is whole, is of this vCluster, and holds as many keys as the store says that it
    had at a revision of that time. V(sqlite) does not say it.
  - Nothing is left of one that does not count. The error is the controller's own.
  - C(vcluster restore) takes it by RV(url); so does O(snapshots.from.archive) of M(fleetops.vcluster.restore).
  - It lies in the folder of O(snapshots.s3.prefix) as C(CLUSTER/NAMESPACE/NAME_archives/ID.tar.gz). It is not
    encrypted, which V(G38) in O(allow) consents to, and holds the tenant's Secrets and the chart values, and no
    certificates. Nothing deletes it.
  - The control plane has to reach the bucket by O(snapshots.s3.endpoint). It gets the keys, the region and the
    certificates of O(snapshots.s3) in a Secret of its namespace, which is deleted in the end; where this run is cut
    off, by the next one. Nothing of Ansible's environment is given to it; without O(snapshots.s3.access_key) it uses
    the credentials of its pod.
  - Charts from 0.30.5. Before 0.29 there is no such controller, and in between its archives are not of one revision.
  - Stores V(sqlite), V(etcd_deployed) and V(etcd_external).
extends_documentation_fragment:
  - fleetops.vcluster.vcluster
  - fleetops.vcluster.access
  - fleetops.vcluster.autoscaling
  - fleetops.vcluster.vcluster.attributes
attributes:
  diff_mode:
    support: none
requirements:
  - botocore 1.36 or later
"""

EXAMPLES = r"""
- name: An archive by the vendor's controller
  fleetops.vcluster.snapshot_request:
    from_inventory: true
    allow: [G38]
  register: archive

- name: Put it back later
  fleetops.vcluster.restore:
    from_inventory: true
    snapshot: latest
    snapshots:
      s3:
        bucket: backups
        access_key: fleetops
        secret_key: "{{ vault_s3_key }}"
      recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p]
      identity: "{{ vault_age_key }}"
      from:
        archive: "{{ archive.url }}"
"""

RETURN = r"""
url:
  description: Where it is, as V(s3://BUCKET/KEY).
  returned: when one was written
  type: str
key:
  description: Of the object in the bucket.
  returned: when one was written
  type: str
count:
  description: How many keys it holds.
  returned: when one was written
  type: int
digest:
  description: Of its keys and values; a store with the same ones has the same digest.
  returned: when one was written
  type: str
compared:
  description:
    - Whether the store said that it held as many keys.
    - V(sqlite) does not say it, and an etcd not of a revision that it compacted.
  returned: when one was written
  type: bool
phase:
  description: What the controller said in the end.
  returned: when one was written
  type: str
  sample: Completed
seconds:
  description: How long it took, in seconds.
  returned: when one was written
  type: float
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
"""

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import run_module
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.options import (
    SNAPSHOT_REQUEST_SPEC,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.snapshot_request import (
    run_snapshot_request,
)


def main() -> None:
    """Run the engine of this module."""
    run_module(SNAPSHOT_REQUEST_SPEC, run_snapshot_request)


if __name__ == "__main__":
    main()
