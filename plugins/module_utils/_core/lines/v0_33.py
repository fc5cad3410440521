# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chart line 0.33.

Source: values.yaml, values.schema.json, config/default_extra_values.go and the templates of each release tag.
"""

from __future__ import annotations

from .distros import k8s
from .line import FIRST_METRICS, Broken, Line, Moved, Patch, Removed

LINE = Line(
    name="0.33",
    patches=(
        Patch("0.33.0", "1.35.0", "3.6.4-0"),
        Patch("0.33.1", "1.35.0", "3.6.4-0"),
        Patch("0.33.2", "1.35.0", "3.6.4-0"),
        Patch("0.33.3", "1.35.0", "3.6.4-0"),
        Patch("0.33.4", "1.35.0", "3.6.4-0"),
    ),
    distros=(k8s("1.30.2", "1.31.1", "1.32.1", "1.33.4", "1.34.0", "1.35.0"),),
    removed=(
        Removed(
            "controlPlane.distro.k3s",
            "controlPlane.distro.k8s, after the vCluster was moved to it on a chart from 0.25 to 0.32",
            (Moved("controlPlane.distro.k3s", "", "off"),),
        ),
    ),
    broken=(
        Broken(
            versions=("0.33.0", "0.33.1"),
            key="policies.networkPolicy.enabled",
            what="the ingress rules leave out port 8443: the tenant API cannot be reached from outside",
            fixed="0.33.2, and all from 0.34.0",
        ),
    ),
    metrics=FIRST_METRICS,
)
