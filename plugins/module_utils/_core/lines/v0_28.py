# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chart line 0.28.

Source: values.yaml, values.schema.json, config/default_extra_values.go and the templates of each release tag.
Hosts: the vendor's documentation for this line, lifecycle policy.

etcd's probes changed (/livez and /readyz).
"""

from __future__ import annotations

from .distros import k3s, k8s
from .line import FIRST_METRICS, Line, Moved, Patch, Removed

LINE = Line(
    name="0.28",
    patches=(
        Patch("0.28.0", "1.33.4", "3.5.21-0"),
        Patch("0.28.1", "1.33.4", "3.5.21-0"),
        Patch("0.28.2", "1.33.4", "3.5.25-0"),
    ),
    distros=(
        k8s("1.30.2", "1.31.1", "1.32.1", "1.33.4"),
        k3s("1.30.2", "1.31.1", "1.32.1", "1.33.3"),
    ),
    hosts=((1, 30), (1, 31), (1, 32), (1, 33)),
    rolls_etcd=True,
    removed=(
        Removed(
            "controlPlane.standalone.bundle",
            "nothing: remove it",
            (Moved("controlPlane.standalone.bundle", "", "off"),),
        ),
        Removed(
            "controlPlane.standalone.bundleRepository",
            "nothing: remove it",
            (Moved("controlPlane.standalone.bundleRepository", "", "off"),),
        ),
        Removed(
            "controlPlane.standalone.syncConfig",
            "nothing: remove it",
            (Moved("controlPlane.standalone.syncConfig", "", "off"),),
        ),
        Removed(
            "experimental.genericSync",
            "sync.toHost.customResources and sync.fromHost.customResources",
            (
                Moved("experimental.genericSync.clusterRole.extraRules", "", "off"),
                Moved("experimental.genericSync.role.extraRules", "", "off"),
            ),
        ),
        Removed(
            "experimental.isolatedControlPlane",
            "nothing: remove it",
            (
                Moved("experimental.isolatedControlPlane.enabled", "", "off"),
                Moved("experimental.isolatedControlPlane.headless", "", "off"),
            ),
        ),
    ),
    metrics=FIRST_METRICS,
)
