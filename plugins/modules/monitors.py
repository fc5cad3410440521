#!/usr/bin/python
# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: monitors
short_description: Say to Prometheus what gives metrics of a vCluster
version_added: 0.1.0
author: fleetops.vcluster contributors (@fleetops)
description:
  - Reads which chart line and which store a vCluster runs, and says where its metrics are - of each replica's API and
    controller manager, of kine or of each etcd member.
  - Each series gets the labels C(vcluster) (the inventory name), C(namespace), C(host_cluster), C(pod) and
    C(component); the alert rules and dashboards of the role P(fleetops.vcluster.monitoring#role) go by them.
  - The API and the controller manager are left to the chart's own ServiceMonitor where that is on, with a warning.
  - Nothing of the vCluster itself is changed and no pod restarts.
options:
  form:
    description:
      - V(operator) makes PodMonitors (monitoring.coreos.com/v1) in the vCluster's namespace, and takes away those of
        its own that a change of the store left.
      - V(files) writes a file with C(scrape_configs), and the certificates that it names, below O(dest).
    type: str
    choices: [operator, files]
    default: operator
  interval:
    description: Between two scrapes.
    type: str
    default: 30s
  labels:
    description: Of the PodMonitors, by which a Prometheus chooses its own.
    type: dict
    default: {}
  dest:
    description:
      - A folder for O(form=files), on the machine that runs the task. In it are C(HOST.scrape.yml), for
        C(scrape_config_files) of Prometheus, and the folder C(HOST) with certificates, by relative paths.
      - All files have mode 0600; one of them is a private key that opens the tenant.
    type: path
  discovery_kubeconfig:
    description: Kubeconfig with which Prometheus finds the pods, as it sees that file; within the host cluster none.
    type: str
    default: ""
extends_documentation_fragment:
  - fleetops.vcluster.vcluster
  - fleetops.vcluster.access
  - fleetops.vcluster.autoscaling
  - fleetops.vcluster.vcluster.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Certificates are not shown.
"""

EXAMPLES = r"""
- name: For the operator's Prometheus with this selector
  fleetops.vcluster.monitors:
    from_inventory: true
    labels: {release: prometheus}

- name: For a Prometheus of its own
  fleetops.vcluster.monitors:
    from_inventory: true
    form: files
    dest: /etc/prometheus/vclusters
    discovery_kubeconfig: /etc/prometheus/west.kubeconfig
"""

RETURN = r"""
monitors:
  description: Names of the PodMonitors, or paths of the files.
  returned: success
  type: list
  elements: str
msg:
  description: The outcome in one sentence.
  returned: always
  type: str
"""

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import run_module
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.monitors import (
    run_monitors,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.options import (
    MONITORS_SPEC,
)


def main() -> None:
    """Run the engine of this module."""
    run_module(MONITORS_SPEC, run_monitors)


if __name__ == "__main__":
    main()
