#!/usr/bin/python
# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: snapshot_info
short_description: List the snapshots of one vCluster
version_added: 0.1.0
author: fleetops.vcluster contributors (@fleetops)
description:
  - Reads the manifests in the target, newest first. Changes nothing and does not ask the host cluster.
  - Only snapshots that were read back have a manifest. One that cannot be read is a warning.
extends_documentation_fragment:
  - fleetops.vcluster.vcluster
  - fleetops.vcluster.access
  - fleetops.vcluster.autoscaling
  - fleetops.vcluster.vcluster.attributes
attributes:
  diff_mode:
    support: none
requirements:
  - botocore 1.36 or later, for O(snapshots.s3)
"""

EXAMPLES = r"""
- name: What is there
  fleetops.vcluster.snapshot_info:
    from_inventory: true
  register: found
"""

RETURN = r"""
snapshots:
  description: The manifests, newest first.
  returned: always
  type: list
  elements: dict
  contains:
    id:
      description: Its id; ids sort by time.
      type: str
    taken_at:
      description: When, by the host cluster's clock, RFC 3339 in UTC.
      type: str
    verified_at:
      description: When it was read back, by the controller's clock.
      type: str
    verified:
      description: It was fetched again, opened, counted and hashed. No other one is listed.
      type: bool
    size:
      description: Bytes in the target.
      type: int
    revision:
      description: Revision of the store.
      type: int
    contents:
      description: How many keys it holds, and a digest of keys and values that any store can be compared by.
      type: dict
    way:
      description: Form of its data, V(etcd) for a database as C(etcdctl snapshot save) writes it, V(sqlite) for kine's
        database as one SQLite file.
      type: str
    store:
      description: The store's type.
      type: str
    store_version:
      description: Version of the store's server.
      type: str
    chart_version:
      description: Of the release that ran.
      type: str
    kubernetes_version:
      description: Of the tenant.
      type: str
    recipients:
      description: age public keys it is encrypted to.
      type: list
      elements: str
    parts:
      description: Its files, with size and SHA-256.
      type: dict
    run:
      description: Id of the run that took it.
      type: str
    by:
      description: Who took it.
      type: str
    reason:
      description: Why.
      type: str
    safety_of:
      description: Id of the snapshot before whose restore it was taken; empty for one that was asked for.
      type: str
"""

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import run_module
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.options import (
    SNAPSHOT_INFO_SPEC,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.snapshot_info import (
    run_snapshot_info,
)


def main() -> None:
    """Run the engine of this module."""
    run_module(SNAPSHOT_INFO_SPEC, run_snapshot_info)


if __name__ == "__main__":
    main()
