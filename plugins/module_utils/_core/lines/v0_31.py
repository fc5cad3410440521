# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chart line 0.31.

Source: values.yaml, values.schema.json, config/default_extra_values.go and the templates of each release tag.
Hosts: the vendor's documentation for this line, lifecycle policy.

The rules were egress rules before, and are now (templates/networkpolicy.yaml).
"""

from __future__ import annotations

from .distros import k3s, k8s
from .line import FIRST_METRICS, Broken, Line, Moved, Patch, Removed

LINE = Line(
    name="0.31",
    patches=(
        Patch("0.31.0", "1.34.0", "3.6.4-0"),
        Patch("0.31.1", "1.34.0", "3.6.4-0"),
        Patch("0.31.2", "1.34.0", "3.6.4-0"),
        Patch("0.31.3", "1.34.0", "3.6.4-0"),
    ),
    distros=(
        k8s("1.30.2", "1.31.1", "1.32.1", "1.33.4", "1.34.0"),
        k3s("1.30.2", "1.31.1", "1.32.1", "1.33.3", "1.34.1"),
    ),
    hosts=((1, 30), (1, 31), (1, 32), (1, 33), (1, 34)),
    removed=(
        Removed(
            "policies.networkPolicy.extraControlPlaneRules",
            "policies.networkPolicy.controlPlane.egress",
            (
                Moved(
                    "policies.networkPolicy.extraControlPlaneRules",
                    "policies.networkPolicy.controlPlane.egress",
                ),
            ),
        ),
        Removed(
            "policies.networkPolicy.extraWorkloadRules",
            "policies.networkPolicy.workload.egress",
            (
                Moved(
                    "policies.networkPolicy.extraWorkloadRules",
                    "policies.networkPolicy.workload.egress",
                ),
            ),
        ),
        Removed(
            "policies.networkPolicy.outgoingConnections",
            "policies.networkPolicy.workload.publicEgress",
            (
                Moved("policies.networkPolicy.outgoingConnections.platform", "", "on"),
                Moved(
                    "policies.networkPolicy.outgoingConnections.ipBlock.cidr",
                    "policies.networkPolicy.workload.publicEgress.cidr",
                ),
                Moved(
                    "policies.networkPolicy.outgoingConnections.ipBlock.except",
                    "policies.networkPolicy.workload.publicEgress.except",
                ),
            ),
        ),
    ),
    broken=(
        Broken(
            versions=("0.31.0", "0.31.1", "0.31.2", "0.31.3"),
            key="policies.networkPolicy.enabled",
            what="the ingress rules leave out port 8443: the tenant API cannot be reached from outside",
            fixed="0.33.2, and all from 0.34.0",
        ),
    ),
    metrics=FIRST_METRICS,
)
