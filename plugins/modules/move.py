#!/usr/bin/python
# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: move
short_description: Move a vCluster to another host cluster, namespace or name
version_added: 0.1.0
author: fleetops.vcluster contributors (@fleetops)
description:
  - Stops the vCluster that O(move_from) names, takes a snapshot of it, restores it into this one as
    M(fleetops.vcluster.restore) does, proves it, and pauses the other one as C(vcluster pause) does. Nothing that was
    acknowledged is missing, since no write comes after the snapshot.
  - This one has to be there already, with the same store; what it holds is lost, and saved before.
  - What fails before it serves starts the other one again. A run that was cut off is finished by running it again; one
    that serves is never filled again.
  - Kubeconfigs and tokens stay valid, at the new address (RV(ignore:server)). To bring clients there is up to you.
  - The other one stays, paused, until somebody retires it; C(vcluster resume) wakes it up.
  - O(run), O(by) and O(reason) go into the manifest of the snapshot.
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
- name: From one host cluster to another
  fleetops.vcluster.move:
    name: tenant-a
    kubeconfig: ~/.kube/hc2
    move_from:
      kubeconfig: ~/.kube/hc1
    snapshots:
      directory: /backups
      recipients: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p]
      identity: "{{ vault_age_key }}"
"""

RETURN = r"""
msg:
  description: The outcome in one sentence.
  returned: always
  type: str
outcome:
  description:
    - V(done), V(unchanged) or V(planned).
    - Where it failed V(rolled_back), V(refused), V(failed), V(unreachable) or V(locked).
  returned: always
  type: str
server:
  description: The address of the tenant's API now; empty where it has none from outside yet.
  returned: when something was touched
  type: str
checks:
  description: The checks of the proof.
  returned: when something was touched
  type: list
  elements: dict
told:
  description: What the report says of it.
  returned: when it is done
  type: str
snapshot:
  description: The manifest of what was moved, as RV(fleetops.vcluster.snapshot_info#module:snapshots) has it.
  returned: when something was touched
  type: dict
"""

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import run_module
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.move import run_move
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.options import MOVE_SPEC


def main() -> None:
    """Run the engine of this module."""
    run_module(MOVE_SPEC, run_move)


if __name__ == "__main__":
    main()
