# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.control_plane import (
    run_control_plane,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.options import (
    CONTROL_PLANE_SPEC,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan import validator
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._wave_action import WaveAction

# Loaded here, in the process that forks the workers: each of them would have to load it itself.
__all__ = ["ActionModule", "validator"]


class ActionModule(WaveAction):
    """The module of the same name, in-process over a local connection."""

    argument_spec = CONTROL_PLANE_SPEC
    engine = run_control_plane
