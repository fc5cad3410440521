# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.monitors import (
    run_monitors,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.options import (
    MONITORS_SPEC,
)
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._action import EngineAction


class ActionModule(EngineAction):
    """The module of the same name, in-process over a local connection."""

    argument_spec = MONITORS_SPEC
    engine = run_monitors
