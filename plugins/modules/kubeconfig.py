#!/usr/bin/python
# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kubeconfig
short_description: Write a tenant's kubeconfig to a file
version_added: 0.1.0
author: fleetops.vcluster contributors (@fleetops)
description:
  - Takes the kubeconfig that the vCluster keeps on its host cluster and puts an address in it that can be dialled.
options:
  dest:
    description: Where to write it (mode 0600).
    type: path
    required: true
  server:
    description: Address to put in; by default what the vCluster or its Service says.
    type: str
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
- name: A kubeconfig for the tenant
  fleetops.vcluster.kubeconfig:
    from_inventory: true
    dest: "./kubeconfigs/{{ inventory_hostname }}.yaml"
"""

RETURN = r"""
dest:
  description: Where it was written.
  returned: success
  type: str
server:
  description: The address in it.
  returned: success
  type: str
msg:
  description: The outcome in one sentence.
  returned: always
  type: str
"""

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import run_module
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.kubeconfig import (
    run_kubeconfig,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.options import (
    KUBECONFIG_SPEC,
)


def main() -> None:
    """Run the engine of this module."""
    run_module(KUBECONFIG_SPEC, run_kubeconfig)


if __name__ == "__main__":
    main()
