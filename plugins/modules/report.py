#!/usr/bin/python
# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is a virtual module that is entirely implemented as an action plugin and runs on the controller.

from __future__ import annotations

DOCUMENTATION = r"""
module: report
short_description: Report what a run planned and what came of it
version_added: 0.1.0
author: fleetops.vcluster contributors (@fleetops)
description:
  - Reads the plan that M(fleetops.vcluster.plan) registered as C(fleetops_plan) and the results that the waves
    registered as C(fleetops_outcome), prints the report, and writes it beside the plan file as JSON and HTML.
options:
  command:
    description: The command that goes on from here, for the reader of the report.
    type: str
    default: the same command
extends_documentation_fragment:
  - fleetops.vcluster.vcluster.attributes
attributes:
  check_mode:
    support: full
    details: It changes nothing but its own files.
  diff_mode:
    support: none
"""

EXAMPLES = r"""
- name: Report
  fleetops.vcluster.report:
  run_once: true
"""

RETURN = r"""
failed_hosts:
  description: The vClusters that failed.
  returned: when there was a plan
  type: list
  elements: str
not_reached:
  description: The vClusters whose wave did not begin.
  returned: when there was a plan
  type: list
  elements: str
json:
  description: The report as JSON (mode 0600).
  returned: when there was a plan
  type: str
html:
  description: The report as HTML (mode 0600).
  returned: when there was a plan
  type: str
"""
