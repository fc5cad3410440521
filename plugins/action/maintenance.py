# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.maintenance import (
    run_maintenance,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.options import (
    MAINTENANCE_SPEC,
)
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._wave_action import WaveAction


class ActionModule(WaveAction):
    """The module of the same name, in-process over a local connection."""

    argument_spec = MAINTENANCE_SPEC
    engine = run_maintenance
