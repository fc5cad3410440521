# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters for the `hosts:` of plays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.fleetops.vcluster.plugins.plugin_utils._fleet import cluster_hosts
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._waves import (
    failed_hosts,
    unproved_hosts,
    wave_hosts,
)


class FilterModule:
    """Who is in a wave, who failed, whose proof failed, who stands for a host cluster."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """The filters by name."""
        return {
            "wave_hosts": wave_hosts,
            "failed_hosts": failed_hosts,
            "unproved_hosts": unproved_hosts,
            "cluster_hosts": cluster_hosts,
        }
