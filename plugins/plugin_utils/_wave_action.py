# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base of actions that carry out the plan of one vCluster in its wave."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

from ..module_utils._operate.outlook import CONCURRENCY
from ._action import EngineAction
from ._inventory import Collected
from ._runs import slot
from ._waves import PLAN, concurrency_of


class WaveAction(EngineAction):
    """Runs the engine when it is its turn: each host cluster has slots, and whatever else `places` names."""

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

    def places(self, collected: Collected) -> dict[str, int]:
        """What takes only so many at once: the host cluster."""
        keys = ("kubeconfig", "context", "api_host")
        cluster = "#".join(str(collected.arguments.get(key) or "") for key in keys)
        return {cluster: concurrency_of(collected.fleet.get("concurrency")) or CONCURRENCY}

    def _turn(self, collected: Collected, task_vars: dict[str, Any]) -> AbstractContextManager[Any]:
        """A slot of each place, in a run that has a plan."""
        turn = ExitStack()
        plan = task_vars.get(PLAN) or {}
        if "path" in plan:
            # All take them in the same order, so nobody waits for one that waits for him.
            for place, count in self.places(collected).items():
                turn.enter_context(slot(Path(plan["path"]).parent, place, count))
        return turn
