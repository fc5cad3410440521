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
  - Reads the plan that M(fleetops.vcluster.plan) registered as C(fleetops_plan), the results that the waves
    registered as C(fleetops_outcome) and those of the soaks as C(fleetops_soak), prints the report, and writes it
    beside the plan file as JSON, Markdown and HTML.
  - A run of the playbook C(fleetops.vcluster.site) that does not come to this task, because it was interrupted or a
    worker died, is reported too. A callback beside the playbooks writes the same files while the run goes on.
options:
  command:
    description:
      - The command that goes on from here, for the reader of the report.
      - By default that of this run, without extra variables that stand in it.
    type: str
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
markdown:
  description: The report as Markdown, for a merge request or a ticket (mode 0600).
  returned: when there was a plan
  type: str
html:
  description: The report as one HTML file that needs nothing beside it (mode 0600).
  returned: when there was a plan
  type: str
"""
