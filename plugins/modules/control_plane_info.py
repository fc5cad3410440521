#!/usr/bin/python
# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: control_plane_info
short_description: Say what is there of one vCluster
version_added: 0.1.0
author: fleetops.vcluster contributors (@fleetops)
description:
  - Reads the release, workloads, pods and claims of one vCluster. Changes nothing.
extends_documentation_fragment:
  - fleetops.vcluster.vcluster
  - fleetops.vcluster.access
  - fleetops.vcluster.autoscaling
  - fleetops.vcluster.vcluster.attributes
attributes:
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: What runs there
  fleetops.vcluster.control_plane_info:
    name: tenant-a
    kubeconfig: ~/.kube/hc1
  register: found
"""

RETURN = r"""
exists:
  description: Whether there is anything of this vCluster.
  returned: always
  type: bool
control_plane:
  description:
    - Release, workloads, pods, claims, chart version, store and values (secrets masked).
    - C(migration) is the latest store migration, V(null) without one or after its source was retired - C(source),
      C(target), C(phase) V(copying), V(switching) or V(done), C(at), C(snapshot), C(run), C(place).
  returned: always
  type: dict
"""

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import run_module
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.info import run_info
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.options import INFO_SPEC


def main() -> None:
    """Run the engine of this module."""
    run_module(INFO_SPEC, run_info)


if __name__ == "__main__":
    main()
