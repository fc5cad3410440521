# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action `adopt`: an inventory of vClusters as they run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.utils.display import Display

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.adopt import adopt, bare
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.adopt_text import (
    inventory_text,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.options import spec_of
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._files import publish
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._fleet import hosts_of
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._fleet_action import FleetAction
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._inventory import collect

display = Display()
ARGUMENTS = {
    "dest": {"type": "path", "required": True},
    "force": {"type": "bool", "default": False},
}


class ActionModule(FleetAction):
    """Writes down the vClusters of the play. One that cannot be taken over as it runs is written as a comment."""

    argument_spec = ARGUMENTS

    def fleet(self, options: Mapping[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        context = Context(check=True, warn=display.warning)
        specs, wrong = _specs(variables["hostvars"], hosts_of(variables), context)
        found = adopt(specs, context)
        text = context.secrets.mask(inventory_text(found))
        held = {one.spec.host: one.held_back for one in found if one.held_back}
        left = context.secrets.mask({**wrong, **held})
        for host, reason in left.items():
            display.warning(f"{host} is left out: {reason}")
        return {
            "adopted": [one.spec.host for one in found if not one.held_back],
            "left_out": left,
            **self._written(Path(options["dest"]).absolute(), text, options["force"]),
        }

    def _written(self, path: Path, text: str, force: bool) -> dict[str, Any]:
        written = publish(path, text, check=self._task.check_mode, force=force)
        answer: dict[str, Any] = {"changed": written.changed, "dest": str(path)}
        if written.changed and self._task.diff:
            header = {"before_header": str(path), "after_header": str(path)}
            answer["diff"] = {"before": written.before, "after": text, **header}
        return answer


def _specs(
    hostvars: Mapping[str, Any], hosts: list[str], context: Context
) -> tuple[list[Spec], dict[str, str]]:
    """Which vClusters the hosts are, and the hosts whose variables do not tell."""
    specs: list[Spec] = []
    wrong: dict[str, str] = {}
    for host in hosts:
        found = collect(hostvars, host)
        if not found.asked:
            continue
        context.secrets.learn(*found.secrets)
        try:
            if found.errors:
                raise FleetError("; ".join(found.errors))
            specs.append(bare(spec_of(found.arguments, context)))
        except FleetError as error:
            wrong[host] = str(error)
    return specs, wrong
