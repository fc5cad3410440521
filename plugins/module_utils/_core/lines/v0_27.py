# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chart line 0.27.

Source: values.yaml, values.schema.json, config/default_extra_values.go and the templates of each release tag.
"""

from __future__ import annotations

from .distros import k3s, k8s
from .line import FIRST_METRICS, Line, Moved, Patch, Removed

LINE = Line(
    name="0.27",
    patches=(
        Patch("0.27.0", "1.33.1", "3.5.21-0"),
        Patch("0.27.1", "1.33.4", "3.5.21-0"),
        Patch("0.27.2", "1.33.4", "3.5.21-0"),
        Patch("0.27.3", "1.33.4", "3.5.25-0"),
    ),
    distros=(
        k8s("1.30.2", "1.31.1", "1.32.1", "1.33.4"),
        k3s("1.30.2", "1.31.1", "1.32.1", "1.33.3"),
    ),
    removed=(
        Removed(
            "controlPlane.standalone.joinNode.containerd.importImages",
            "nothing: remove it",
            (Moved("controlPlane.standalone.joinNode.containerd.importImages", "", "off"),),
        ),
        Removed(
            "controlPlane.standalone.joinNode.name",
            "nothing: remove it",
            (Moved("controlPlane.standalone.joinNode.name", "", "off"),),
        ),
        Removed(
            "privateNodes.autoUpgrade.bundleRepository",
            "nothing: remove it",
            (Moved("privateNodes.autoUpgrade.bundleRepository", "", "off"),),
        ),
        Removed(
            "privateNodes.importNodeBinaries",
            "nothing: private nodes always get them",
            (Moved("privateNodes.importNodeBinaries", "", "drop"),),
        ),
        Removed(
            "privateNodes.joinNode.containerd.importImages",
            "nothing: remove it",
            (Moved("privateNodes.joinNode.containerd.importImages", "", "off"),),
        ),
        Removed(
            "privateNodes.kubelet.cgroupDriver",
            "privateNodes.kubelet.config.cgroupDriver",
            (
                Moved("privateNodes.kubelet.cgroupDriver", "", "off"),
                Moved(
                    "privateNodes.kubelet.cgroupDriver", "privateNodes.kubelet.config.cgroupDriver"
                ),
            ),
        ),
    ),
    metrics=FIRST_METRICS,
)
