# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chart line 0.35.

Source: values.yaml, values.schema.json and the templates of each release tag.
"""

from __future__ import annotations

from .line import Line, Patch

LINE = Line(
    name="0.35",
    patches=(
        Patch("0.35.0", "1.36.0", "3.6.8-0"),
        Patch("0.35.1", "1.36.0", "3.6.8-0"),
        Patch("0.35.2", "1.36.0", "3.6.8-0"),
        Patch("0.35.3", "1.36.0", "3.6.8-0"),
    ),
)
