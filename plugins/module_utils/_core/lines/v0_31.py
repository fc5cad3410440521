# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chart line 0.31.

Source: values.yaml, values.schema.json and the templates of each release tag.
"""

from __future__ import annotations

from .line import Broken, Line, Patch, Removed

LINE = Line(
    name="0.31",
    patches=(
        Patch("0.31.0", "1.34.0", "3.6.4-0"),
        Patch("0.31.1", "1.34.0", "3.6.4-0"),
        Patch("0.31.2", "1.34.0", "3.6.4-0"),
        Patch("0.31.3", "1.34.0", "3.6.4-0"),
    ),
    removed=(
        Removed(
            "policies.networkPolicy.extraControlPlaneRules",
            "the policies under policies.networkPolicy.controlPlane and .workload",
        ),
        Removed(
            "policies.networkPolicy.extraWorkloadRules",
            "the policies under policies.networkPolicy.controlPlane and .workload",
        ),
        Removed(
            "policies.networkPolicy.outgoingConnections",
            "the policies under policies.networkPolicy.controlPlane and .workload",
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
)
