# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chart line 0.24.

Source: values.yaml, values.schema.json, config/default_extra_values.go and the templates of each release tag.

Moved key: pkg/platform/sleepmode.
"""

from __future__ import annotations

from .distros import k0s, k3s, k8s_parts
from .line import FIRST_METRICS, Line, Moved, Patch, Removed

LINE = Line(
    name="0.24",
    patches=(
        Patch("0.24.0", "1.32.1", "3.5.17-0"),
        Patch("0.24.1", "1.32.1", "3.5.17-0"),
        Patch("0.24.2", "1.32.1", "3.5.21-0"),
    ),
    distros=(
        k8s_parts("1.27.16", "1.28.11", "1.29.6", "1.30.2", "1.31.1", "1.32.1"),
        k3s("1.27.16", "1.28.11", "1.29.6", "1.30.2", "1.31.1", "1.32.1"),
        k0s("1.27.16", "1.28.11", "1.29.6", "1.30.2"),
    ),
    removed=(
        Removed(
            "experimental.sleepMode",
            "sleepMode",
            (
                Moved("experimental.sleepMode.enabled", "sleepMode.enabled"),
                Moved("experimental.sleepMode.timeZone", "sleepMode.timeZone"),
                Moved(
                    "experimental.sleepMode.autoSleep.afterInactivity",
                    "sleepMode.autoSleep.afterInactivity",
                ),
                Moved("experimental.sleepMode.autoSleep.schedule", "sleepMode.autoSleep.schedule"),
                Moved("experimental.sleepMode.autoSleep.exclude", "sleepMode.autoSleep.exclude"),
                Moved("experimental.sleepMode.autoSleep.wakeup", "sleepMode.autoWakeup"),
            ),
        ),
    ),
    metrics=FIRST_METRICS,
)
