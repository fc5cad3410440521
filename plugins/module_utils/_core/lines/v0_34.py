# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chart line 0.34.

Source: values.yaml, values.schema.json, config/default_extra_values.go and the templates of each release tag.
Hosts: the vendor's documentation, static/api/k8s-compatibility.json of 2026-08-21.

0.34.0 lacked experimental.virtualClusterKubeConfig.clientCAKey, which 0.33.3 and 0.34.1 have.
"""

from __future__ import annotations

from .distros import k8s
from .line import METRICS_WITHOUT_STORES, Line, Patch

LINE = Line(
    name="0.34",
    patches=(
        Patch("0.34.0", "1.35.0", "3.6.4-0"),
        Patch("0.34.1", "1.35.0", "3.6.4-0"),
        Patch("0.34.2", "1.35.0", "3.6.4-0"),
        Patch("0.34.3", "1.35.0", "3.6.4-0"),
        Patch("0.34.4", "1.35.0", "3.6.4-0"),
        Patch("0.34.5", "1.35.0", "3.6.4-0"),
        Patch("0.34.6", "1.35.0", "3.6.4-0"),
        Patch("0.34.7", "1.35.0", "3.6.4-0"),
    ),
    distros=(k8s("1.30.2", "1.31.1", "1.32.1", "1.33.4", "1.34.0", "1.35.0"),),
    hosts=((1, 34), (1, 35), (1, 36)),
    metrics=METRICS_WITHOUT_STORES,
)
