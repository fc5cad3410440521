# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chart line 0.20.

Source: values.yaml, values.schema.json, config/default_extra_values.go and the templates of each release tag.

0.20.6 lacks the key of etcd's headless Service that 0.21.2 removed: older patches of both lines have it.
"""

from __future__ import annotations

from .distros import k0s, k3s, k8s_parts
from .line import FIRST_METRICS, Line, Patch

LINE = Line(
    name="0.20",
    patches=(
        Patch("0.20.0", "1.30.2", "3.5.13-0"),
        Patch("0.20.1", "1.30.2", "3.5.13-0"),
        Patch("0.20.2", "1.30.2", "3.5.13-0"),
        Patch("0.20.3", "1.30.2", "3.5.13-0"),
        Patch("0.20.4", "1.30.2", "3.5.13-0"),
        Patch("0.20.5", "1.30.2", "3.5.13-0"),
        Patch("0.20.6", "1.30.2", "3.5.13-0"),
    ),
    distros=(
        k8s_parts("1.27.15", "1.28.11", "1.29.6", "1.30.2"),
        k3s("1.27.15", "1.28.11", "1.29.6", "1.30.2"),
        k0s("1.27.15", "1.28.11", "1.29.6", "1.30.2"),
    ),
    metrics=FIRST_METRICS,
)
