# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chart line 0.22.

Source: values.yaml, values.schema.json, config/default_extra_values.go and the templates of each release tag.
"""

from __future__ import annotations

from .distros import k0s, k3s, k8s_parts
from .line import FIRST_METRICS, Line, Patch

LINE = Line(
    name="0.22",
    patches=(
        Patch("0.22.0", "1.31.1", "3.5.15-0"),
        Patch("0.22.1", "1.31.1", "3.5.15-0"),
        Patch("0.22.2", "1.31.1", "3.5.15-0"),
        Patch("0.22.3", "1.31.1", "3.5.15-0"),
        Patch("0.22.4", "1.31.1", "3.5.15-0"),
        Patch("0.22.5", "1.31.1", "3.5.17-0"),
        Patch("0.22.6", "1.31.1", "3.5.17-0"),
    ),
    distros=(
        k8s_parts("1.27.16", "1.28.11", "1.29.6", "1.30.2", "1.31.1"),
        k3s("1.27.16", "1.28.11", "1.29.6", "1.30.2", "1.31.1"),
        k0s("1.27.16", "1.28.11", "1.29.6", "1.30.2"),
    ),
    metrics=FIRST_METRICS,
)
