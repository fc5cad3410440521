# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action `plan`: all hosts of the play at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    FleetError,
    Refused,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.finding import refuse
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.options import spec_of
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.plan_fleet import (
    Entry,
    FleetPlan,
    fleet_as_data,
    plan_fleet,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.show import (
    plan_text,
    status_text,
    summary,
)
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._inventory import (
    Collected,
    collect,
)
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._runs import (
    PLAN_FILE,
    base_folder,
    new_run,
    write_json,
)
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._waves import (
    budgets,
    wave_of,
    waves_of,
)

display = Display()
ARGUMENTS = {
    "show": {"type": "str", "choices": ["plan", "status", "none"], "default": "plan"},
    "directory": {"type": "path"},
}


class ActionModule(ActionBase):
    """Plans every vCluster of the play. One that cannot be planned is data, never a failure of this task."""

    BYPASS_HOST_LOOP = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        result: dict[str, Any] = super().run(None, task_vars)
        validation = ArgumentSpecValidator(ARGUMENTS).validate(dict(self._task.args))
        if validation.error_messages:
            raise AnsibleActionFail("; ".join(validation.error_messages))
        options = validation.validated_parameters
        variables = task_vars or {}
        hosts = variables.get("ansible_play_hosts_all") or variables["ansible_play_hosts"]
        context = Context(check=True, diff=self._task.diff, warn=display.warning)
        collected = {host: collect(variables["hostvars"], host) for host in hosts}
        asked = {host: found for host, found in collected.items() if found.asked}
        entries = [_entry(host, found, context) for host, found in asked.items()]
        light = options["show"] == "status"
        fleet = plan_fleet(entries, context, light=light)
        if options["show"] != "none":
            text = status_text(fleet) if light else plan_text(fleet)
            display.display(context.secrets.mask(text))
        folder = new_run(Path(options["directory"] or base_folder()))
        data = context.secrets.mask(fleet_as_data(fleet))
        write_json(folder / PLAN_FILE, data)
        return {**result, **context.secrets.mask(_small(fleet, asked, folder))}


def _entry(host: str, found: Collected, context: Context) -> Entry:
    """An entry with its spec, or with what is wrong with its variables."""
    context.secrets.learn(*found.secrets)
    errors = list(found.errors)
    wave = wave_of(found.fleet.get("wave"), errors)
    if errors:
        findings = tuple(refuse("spec", error) for error in errors)
        return Entry(host, wave, error=Refused(findings))
    try:
        return Entry(host, wave, spec=spec_of(found.arguments, context))
    except FleetError as error:
        return Entry(host, wave, error=error)


def _small(fleet: FleetPlan, asked: dict[str, Collected], folder: Path) -> dict[str, Any]:
    """The result: small, because it is kept for every host of the play and may be printed."""
    busy = [entry for entry in fleet.entries if entry.status != "unchanged"]
    return {
        "changed": False,
        "summary": summary(fleet),
        "hosts": {entry.host: list(entry.kinds) for entry in busy},
        "refused": sorted(entry.host for entry in busy if entry.status == "refused"),
        "waves": waves_of(busy),
        "budgets": budgets(fleet.entries, {host: found.fleet for host, found in asked.items()}),
        "digests": {entry.host: entry.plan.digest for entry in busy if entry.plan.digest},
        "unchanged": len(fleet.entries) - len(busy),
        "path": str(folder / PLAN_FILE),
    }
