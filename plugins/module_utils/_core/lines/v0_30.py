# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chart line 0.30.

Source: values.yaml, values.schema.json and the templates of each release tag.
"""

from __future__ import annotations

from .line import Line, Patch, Removed

LINE = Line(
    name="0.30",
    patches=(
        Patch("0.30.0", "1.34.0", "3.6.4-0"),
        Patch("0.30.1", "1.34.0", "3.6.4-0"),
        Patch("0.30.2", "1.34.0", "3.6.4-0"),
        Patch("0.30.3", "1.34.0", "3.6.4-0"),
        Patch("0.30.4", "1.34.0", "3.6.4-0"),
        Patch("0.30.5", "1.34.0", "3.6.4-0"),
    ),
    removed=(
        Removed(
            "privateNodes.autoNodes.dynamic",
            "a list under privateNodes.autoNodes, one entry a provider",
        ),
        Removed(
            "privateNodes.autoNodes.static",
            "a list under privateNodes.autoNodes, one entry a provider",
        ),
        Removed(
            "controlPlane.standalone.autoNodes.requirements",
            "controlPlane.standalone.autoNodes.nodeTypeSelector",
        ),
    ),
)
