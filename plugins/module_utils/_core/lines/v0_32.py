# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chart line 0.32.

Source: values.yaml, values.schema.json, config/default_extra_values.go and the templates of each release tag.
Hosts: the vendor's documentation for this line, lifecycle policy.

Moved keys: config/warnings.go.
"""

from __future__ import annotations

from .distros import k3s, k8s
from .line import FIRST_METRICS, Broken, Line, Moved, Patch, Removed

LINE = Line(
    name="0.32",
    patches=(
        Patch("0.32.0", "1.35.0", "3.6.4-0"),
        Patch("0.32.1", "1.35.0", "3.6.4-0"),
        Patch("0.32.2", "1.35.0", "3.6.4-0"),
        Patch("0.32.3", "1.35.0", "3.6.4-0"),
    ),
    distros=(
        k8s("1.30.2", "1.31.1", "1.32.1", "1.33.4", "1.34.0", "1.35.0"),
        k3s("1.30.2", "1.31.1", "1.32.1", "1.33.3", "1.34.1", "1.35.0"),
    ),
    hosts=((1, 30), (1, 31), (1, 32), (1, 33), (1, 34), (1, 35)),
    removed=(
        Removed(
            "external",
            "platform, sleep, snapshots and deletion",
            (
                Moved("external.platform.apiKey", "platform.apiKey"),
                Moved("external.platform.project", "platform.project"),
                Moved(
                    "external.platform.autoSleep.afterInactivity",
                    "sleep.auto.afterInactivity",
                    "seconds",
                ),
                Moved("external.platform.autoSleep.schedule", "sleep.auto.schedule"),
                Moved("external.platform.autoSleep.timezone", "sleep.auto.timezone"),
                Moved(
                    "external.platform.autoSleep.autoWakeup.schedule", "sleep.auto.wakeup.schedule"
                ),
                Moved(
                    "external.platform.autoDelete.afterInactivity",
                    "deletion.auto.afterInactivity",
                    "seconds",
                ),
                Moved("external.platform.autoSnapshot", "", "off"),
                Moved("external.platform.autoSnapshot.enabled", "", "on"),
                Moved("external.platform.autoSnapshot.schedule", "snapshots.auto.schedule"),
                Moved("external.platform.autoSnapshot.timezone", "snapshots.auto.timezone"),
                Moved("external.platform.autoSnapshot.retention", "snapshots.auto.retention"),
                Moved("external.platform.autoSnapshot.storage", "snapshots.auto.storage"),
                Moved("external.platform.autoSnapshot.volumes", "snapshots.auto.volumes"),
            ),
        ),
        Removed(
            "sleepMode",
            "sleep.auto",
            (
                Moved("sleepMode", "", "off"),
                Moved("sleepMode.enabled", "", "on"),
                Moved("sleepMode.timeZone", "sleep.auto.timezone"),
                Moved("sleepMode.autoSleep.afterInactivity", "sleep.auto.afterInactivity"),
                Moved("sleepMode.autoSleep.schedule", "sleep.auto.schedule"),
                Moved("sleepMode.autoSleep.exclude", "sleep.auto.exclude"),
                Moved("sleepMode.autoWakeup.schedule", "sleep.auto.wakeup.schedule"),
            ),
        ),
    ),
    broken=(
        Broken(
            versions=("0.32.0", "0.32.1", "0.32.2", "0.32.3"),
            key="policies.networkPolicy.enabled",
            what="the ingress rules leave out port 8443: the tenant API cannot be reached from outside",
            fixed="0.33.2, and all from 0.34.0",
        ),
    ),
    metrics=FIRST_METRICS,
)
