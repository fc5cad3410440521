# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chart line 0.21.

Source: values.yaml, values.schema.json, config/default_extra_values.go and the templates of each release tag.

Removed key of deployed etcd: values.schema.json of 0.21.2.
"""

from __future__ import annotations

from .distros import k0s, k3s, k8s_parts
from .line import FIRST_METRICS, Line, Moved, Patch, Removed

LINE = Line(
    name="0.21",
    patches=(
        Patch("0.21.0", "1.31.1", "3.5.15-0"),
        Patch("0.21.1", "1.31.1", "3.5.15-0"),
        Patch("0.21.2", "1.31.1", "3.5.15-0"),
        Patch("0.21.3", "1.31.1", "3.5.15-0"),
        Patch("0.21.4", "1.31.1", "3.5.15-0"),
        Patch("0.21.5", "1.31.1", "3.5.15-0"),
        Patch("0.21.6", "1.31.1", "3.5.15-0"),
    ),
    distros=(
        k8s_parts("1.27.16", "1.28.11", "1.29.6", "1.30.2", "1.31.1"),
        k3s("1.27.16", "1.28.11", "1.29.6", "1.30.2", "1.31.1"),
        k0s("1.27.16", "1.28.11", "1.29.6", "1.30.2"),
    ),
    removed=(
        Removed(
            "experimental.syncSettings.syncLabels",
            "nothing: remove it",
            (Moved("experimental.syncSettings.syncLabels", "", "off"),),
        ),
        Removed(
            "controlPlane.backingStore.etcd.deploy.headlessService.enabled",
            "nothing: the Service is always there",
            (Moved("controlPlane.backingStore.etcd.deploy.headlessService.enabled", "", "on"),),
            since="0.21.2",
        ),
    ),
    metrics=FIRST_METRICS,
)
