#!/usr/bin/python
# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: verify
short_description: Prove that one vCluster works
version_added: 0.1.0
author: fleetops.vcluster contributors (@fleetops)
description:
  - Asks every replica and every store member through port-forwards of the host's API server, TLS verified.
  - Fails, with the names, when a check fails. In check mode nothing is written in the tenant.
  - A proof that passes is noted with its time on the release Secret, for M(fleetops.vcluster.status).
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
- name: Prove it
  fleetops.vcluster.verify:
    name: tenant-a
    kubeconfig: ~/.kube/hc1
"""

RETURN = r"""
msg:
  description: The outcome in one sentence.
  returned: always
  type: str
outcome:
  description: V(passed) or V(failed).
  returned: always
  type: str
checks:
  description: The checks of the proof.
  returned: when they were run
  type: list
  elements: dict
  contains:
    id:
      description: Stable name of the check.
      type: str
    status:
      description: V(pass), V(warn), V(fail) or V(skip).
      type: str
    evidence:
      description: What was seen, or why it was skipped.
      type: str
    seconds:
      description: How long it took.
      type: float
    facts:
      description: What was read, for programs - C(ends) of C(certificates), C(used) and C(care) of C(store_care).
      type: dict
"""

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import run_module
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.options import VERIFY_SPEC
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.verify import run_verify


def main() -> None:
    """Run the engine of this module."""
    run_module(VERIFY_SPEC, run_verify)


if __name__ == "__main__":
    main()
