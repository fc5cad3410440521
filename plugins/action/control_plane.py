# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
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

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """What the plan refused comes with the first wave to fail there, whatever the engine would say of it."""
        variables = task_vars or {}
        refused = (variables.get(PLAN) or {}).get("refused", {})
        words = refused.get(variables.get("inventory_hostname"))
        if words:
            return {"failed": True, "changed": False, "outcome": "refused", "msg": words}
        found: dict[str, Any] = super().run(tmp, task_vars)
        return found

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
