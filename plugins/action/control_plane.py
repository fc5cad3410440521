# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.control_plane import (
    run_control_plane,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.options import (
    CONTROL_PLANE_SPEC,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.outlook import CONCURRENCY
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._action import EngineAction
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._fleet import fleet_errors
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._inventory import Collected
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._runs import slot
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._waves import (
    PLAN,
    concurrency_of,
)


class ActionModule(EngineAction):
    """The module of the same name, in-process over a local connection."""

    argument_spec = CONTROL_PLANE_SPEC
    engine = run_control_plane

    def _collect(self, task_vars: dict[str, Any]) -> Collected:
        """What the plan refuses for its place in the fleet comes with the first wave, and must fail there too."""
        found = super()._collect(task_vars)
        return replace(found, errors=(*found.errors, *fleet_errors(found)))

    def _turn(
        self, collected: Collected, task_vars: dict[str, Any]
    ) -> AbstractContextManager[None]:
        """One of the slots of its host cluster, in a run that has a plan (`fleetops.vcluster.site`)."""
        plan = task_vars.get(PLAN) or {}
        if "path" not in plan:
            return nullcontext()
        keys = ("kubeconfig", "context", "api_host")
        cluster = "#".join(str(collected.arguments.get(key) or "") for key in keys)
        count = concurrency_of(collected.fleet.get("concurrency")) or CONCURRENCY
        return slot(Path(plan["path"]).parent, cluster, count)
