#!/usr/bin/python
# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: snapshot_archive
short_description: Write a snapshot as the archive that the vendor's own tool restores
version_added: 0.1.0
author: fleetops.vcluster contributors (@fleetops)
description:
  - Takes a snapshot of any store out of the target, checks it, writes its keys and values as the archive that
    C(vcluster restore) takes, and reads that back.
  - An archive that C(vcluster snapshot) wrote is restored with O(snapshots.from.archive) of
    M(fleetops.vcluster.restore).
  - The archive is not encrypted (mode 0600). It holds the tenant's Secrets and the chart values, and no certificates.
  - The host cluster is not asked.
options:
  snapshot:
    description: Id of the snapshot, or V(latest).
    type: str
    default: latest
  dest:
    description: Where to write it (mode 0600). One that holds the same keys and values already stays.
    type: path
    required: true
extends_documentation_fragment:
  - fleetops.vcluster.vcluster
  - fleetops.vcluster.access
  - fleetops.vcluster.autoscaling
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
- name: An archive for vcluster restore
  fleetops.vcluster.snapshot_archive:
    from_inventory: true
    dest: "./archives/{{ inventory_hostname }}.tar.gz"
"""

RETURN = r"""
dest:
  description: Where it was written.
  returned: success
  type: str
count:
  description: How many keys it holds.
  returned: success
  type: int
digest:
  description: Of its keys and values; a store with the same ones has the same digest.
  returned: success
  type: str
snapshot:
  description: The manifest of the snapshot, as RV(fleetops.vcluster.snapshot_info#module:snapshots) has it.
  returned: success
  type: dict
msg:
  description: The outcome in one sentence.
  returned: always
  type: str
"""

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import run_module
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.options import (
    SNAPSHOT_ARCHIVE_SPEC,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.snapshot_archive import (
    run_snapshot_archive,
)


def main() -> None:
    """Run the engine of this module."""
    run_module(SNAPSHOT_ARCHIVE_SPEC, run_snapshot_archive)


if __name__ == "__main__":
    main()
