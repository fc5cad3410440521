# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chart line 0.26.

Source: values.yaml, values.schema.json, config/default_extra_values.go and the templates of each release tag.
"""

from __future__ import annotations

from .distros import k3s, k8s
from .line import FIRST_METRICS, Line, Moved, Patch, Removed

LINE = Line(
    name="0.26",
    patches=(
        Patch("0.26.0", "1.32.1", "3.5.21-0"),
        Patch("0.26.1", "1.32.8", "3.5.21-0"),
        Patch("0.26.2", "1.32.8", "3.5.21-0"),
        Patch("0.26.3", "1.32.8", "3.5.21-0"),
        Patch("0.26.4", "1.32.8", "3.5.21-0"),
        Patch("0.26.5", "1.32.8", "3.5.25-0"),
    ),
    distros=(
        k8s("1.30.2", "1.31.1", "1.32.8"),
        k3s("1.30.2", "1.31.1", "1.32.7"),
    ),
    removed=(
        Removed(
            "controlPlane.distro.k0s",
            "controlPlane.distro.k8s, in a new vCluster",
            (Moved("controlPlane.distro.k0s", "", "off"),),
        ),
        Removed(
            "experimental.multiNamespaceMode",
            "sync.toHost.namespaces",
            (Moved("experimental.multiNamespaceMode", "", "off"),),
        ),
        Removed(
            "experimental.syncSettings.disableSync",
            "nothing: remove it",
            (Moved("experimental.syncSettings.disableSync", "", "off"),),
        ),
        Removed(
            "experimental.syncSettings.rewriteKubernetesService",
            "nothing: remove it",
            (Moved("experimental.syncSettings.rewriteKubernetesService", "", "off"),),
        ),
    ),
    metrics=FIRST_METRICS,
)
