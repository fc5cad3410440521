# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chart line 0.32.

Source: values.yaml, values.schema.json and the templates of each release tag. Moved keys: config/warnings.go.
"""

from __future__ import annotations

from .line import Broken, Line, Patch, Removed

LINE = Line(
    name="0.32",
    patches=(
        Patch("0.32.0", "1.35.0", "3.6.4-0"),
        Patch("0.32.1", "1.35.0", "3.6.4-0"),
        Patch("0.32.2", "1.35.0", "3.6.4-0"),
        Patch("0.32.3", "1.35.0", "3.6.4-0"),
    ),
    removed=(
        Removed("external", "platform, snapshots and deletion"),
        Removed("sleepMode", "sleep.auto"),
    ),
    broken=(
        Broken(
            versions=("0.32.0", "0.32.1", "0.32.2", "0.32.3"),
            key="policies.networkPolicy.enabled",
            what="the ingress rules leave out port 8443: the tenant API cannot be reached from outside",
            fixed="0.33.2, and all from 0.34.0",
        ),
    ),
)
