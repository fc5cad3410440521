# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action `silence`: all hosts of a wave at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.utils.display import Display

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.silence import (
    Silenced,
    begin,
    end,
    silence_of,
)
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._fleet import asked_of
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._fleet_action import FleetAction
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._waves import plan_of, silences_of

display = Display()
VARIABLE = "vcluster_silence"
ARGUMENTS = {
    "wave": {"type": "int", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
}


class ActionModule(FleetAction):
    """Silences what a wave works on, or ends that. What does not work is a warning, never a failure of this task."""

    argument_spec = ARGUMENTS

    def fleet(self, options: Mapping[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        hostvars, wave = variables["hostvars"], options["wave"]
        hosts = _hosts(hostvars, wave)
        needless = {"changed": False, "skipped": True, "silences": []}
        if self._task.check_mode:
            return {**needless, "msg": "Check mode silences nothing."}
        if not hosts:
            return {**needless, "msg": f"No host of the wave has {VARIABLE}."}
        context = Context(warn=display.warning)
        asked = list(_asked(variables, context, hosts))
        if options["state"] == "absent":
            ended = end(silences_of(hostvars, hosts), [one.silence for one in asked], context)
            return {"changed": bool(ended), "silences": [], "ended": ended}
        run = plan_of(hostvars).get("run", "")
        made = begin(asked, f"fleetops.vcluster, run {run}, wave {wave}", context)
        for one in made:
            display.display(f"  alerts of wave {wave} are silenced until {one['ends']}")
        return {"changed": bool(made), "silences": made}


def _hosts(hostvars: Mapping[str, Any], wave: int) -> list[str]:
    """Those of the wave that ask for it; the variables of the others are not looked at."""
    plan = plan_of(hostvars)
    refused = plan.get("refused", {})
    hosts = plan.get("waves", {}).get(str(wave), ())
    return [host for host in hosts if host not in refused and VARIABLE in hostvars[host]]


def _asked(variables: Mapping[str, Any], context: Context, hosts: list[str]) -> Any:
    asked = asked_of(variables, context, hosts)
    for entry in asked.entries:
        silence, _errors = silence_of(asked.collected[entry.host].fleet.get("silence"))
        if silence and entry.spec:
            yield Silenced(entry.host, entry.spec.namespace, silence)
