# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chart line 0.30.

Source: values.yaml, values.schema.json, config/default_extra_values.go and the templates of each release tag.
Hosts: the vendor's documentation for this line, lifecycle policy.
"""

from __future__ import annotations

from .distros import k3s, k8s
from .line import FIRST_METRICS, Line, Moved, Patch, Removed

LINE = Line(
    name="0.30",
    patches=(
        Patch("0.30.0", "1.34.0", "3.6.4-0"),
        Patch("0.30.1", "1.34.0", "3.6.4-0"),
        Patch("0.30.2", "1.34.0", "3.6.4-0"),
        Patch("0.30.3", "1.34.0", "3.6.4-0"),
        Patch("0.30.4", "1.34.0", "3.6.4-0"),
        Patch("0.30.5", "1.34.0", "3.6.4-0"),
    ),
    distros=(
        k8s("1.30.2", "1.31.1", "1.32.1", "1.33.4", "1.34.0"),
        k3s("1.30.2", "1.31.1", "1.32.1", "1.33.3", "1.34.1"),
    ),
    hosts=((1, 30), (1, 31), (1, 32), (1, 33), (1, 34)),
    removed=(
        Removed(
            "privateNodes.autoNodes.dynamic",
            "a list under privateNodes.autoNodes, one entry a provider",
            (Moved("privateNodes.autoNodes.dynamic", "", "off"),),
        ),
        Removed(
            "privateNodes.autoNodes.static",
            "a list under privateNodes.autoNodes, one entry a provider",
            (Moved("privateNodes.autoNodes.static", "", "off"),),
        ),
        Removed(
            "controlPlane.standalone.autoNodes.requirements",
            "controlPlane.standalone.autoNodes.nodeTypeSelector",
            (Moved("controlPlane.standalone.autoNodes.requirements", "", "off"),),
        ),
    ),
    metrics=FIRST_METRICS,
)
