# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chart line 0.29.

Source: values.yaml, values.schema.json, config/default_extra_values.go and the templates of each release tag.
Hosts: the vendor's documentation for this line, lifecycle policy.

Deprecated keys and what stands for them: values.schema.json of 0.28.
"""

from __future__ import annotations

from .distros import k3s, k8s
from .line import FIRST_METRICS, Line, Moved, Patch, Removed

LINE = Line(
    name="0.29",
    patches=(
        Patch("0.29.0", "1.33.4", "3.6.4-0"),
        Patch("0.29.1", "1.33.4", "3.6.4-0"),
        Patch("0.29.2", "1.33.4", "3.6.4-0"),
        Patch("0.29.3", "1.33.4", "3.6.4-0"),
    ),
    distros=(
        k8s("1.30.2", "1.31.1", "1.32.1", "1.33.4"),
        k3s("1.30.2", "1.31.1", "1.32.1", "1.33.3"),
    ),
    hosts=((1, 30), (1, 31), (1, 32), (1, 33)),
    removed=(
        Removed(
            "experimental.syncSettings.targetNamespace",
            "nothing: remove it",
            (Moved("experimental.syncSettings.targetNamespace", "", "off"),),
        ),
        Removed(
            "integrations.externalSecrets.sync.clusterStores",
            "integrations.externalSecrets.sync.fromHost.clusterStores",
            (
                Moved(
                    "integrations.externalSecrets.sync.clusterStores.enabled",
                    "integrations.externalSecrets.sync.fromHost.clusterStores.enabled",
                ),
                Moved(
                    "integrations.externalSecrets.sync.clusterStores.selector.labels",
                    "integrations.externalSecrets.sync.fromHost.clusterStores.selector.matchLabels",
                ),
            ),
        ),
        Removed(
            "integrations.externalSecrets.sync.externalSecrets",
            "integrations.externalSecrets.sync.toHost.externalSecrets, which selects them",
            (Moved("integrations.externalSecrets.sync.externalSecrets.enabled", "", "on"),),
        ),
        Removed(
            "integrations.externalSecrets.sync.stores",
            "integrations.externalSecrets.sync.toHost.stores",
            (
                Moved(
                    "integrations.externalSecrets.sync.stores.enabled",
                    "integrations.externalSecrets.sync.toHost.stores.enabled",
                ),
            ),
        ),
    ),
    metrics=FIRST_METRICS,
)
