# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action `plan`: all hosts of the play at once."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ansible import context as cli
from ansible.utils.display import Display

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import Refused
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.all_verbs import (
    VERBS,
    verb_named,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.outlook import Pace
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.plan_fleet import (
    Entry,
    FleetPlan,
    fleet_as_data,
    plan_fleet,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.show import (
    plan_text,
    summary,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.soak import soak_of
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._fleet import (
    Asked,
    asked_of,
    many_objects,
)
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._fleet_action import FleetAction
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._inventory import Collected
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._runs import (
    PLAN_FILE,
    base_folder,
    new_run,
    write_json,
)
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._waves import (
    DEFAULT_SIZES,
    LAST_WAVE,
    approved_only,
    assigned,
    budgets,
    concurrency_of,
    waves_of,
)

display = Display()
ARGUMENTS = {
    "verb": {"type": "str", "choices": list(VERBS), "default": "site"},
    "snapshot": {"type": "str"},
    "consent": {"type": "list", "elements": "str"},
    "sample": {"type": "int"},
    "show": {"type": "str", "choices": ["plan", "none"], "default": "plan"},
    "directory": {"type": "path"},
    "approved": {"type": "dict"},
    "last_wave": {"type": "int", "default": LAST_WAVE},
}


class ActionModule(FleetAction):
    """Plans every vCluster of the play. One that cannot be planned is data, never a failure of this task."""

    argument_spec = ARGUMENTS

    def fleet(self, options: Mapping[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        context = Context(check=True, diff=self._task.diff, warn=display.warning)
        verb = verb_named(options["verb"], options.get("snapshot"), options.get("consent") or ())
        with closing(context), many_objects():
            asked = asked_of(variables, context)
            fleet = plan_fleet(sampled(asked.entries, options["sample"]), context, verb)
        entries = assigned(fleet.entries, sizes_of(asked.collected))
        if options["approved"] is not None:
            entries = approved_only(entries, options["approved"])
        fleet = replace(fleet, entries=entries)
        if options["show"] == "plan":
            display.display(context.secrets.mask(plan_text(fleet, pace_of(asked))))
        folder = new_run(Path(options["directory"] or base_folder()))
        write_json(folder / PLAN_FILE, context.secrets.mask(fleet_as_data(fleet)))
        found = context.secrets.mask(_small(fleet, asked.collected, folder))
        if options["approved"] is None:
            # AWX hands these to the next jobs of a workflow: what a person approves there is this.
            data = {"fleetops_approved": found["digests"], "fleetops_summary": found["summary"]}
            found["ansible_stats"] = {"data": data, "per_host": False, "aggregate": False}
        return {**found, "last_wave": options["last_wave"]}


def sampled(entries: Sequence[Entry], count: int | None) -> Sequence[Entry]:
    """As many of them by chance, in their order; all without a count."""
    if count is None or count >= len(entries):
        return entries
    chosen = sorted(random.sample(range(len(entries)), max(0, count)))
    return [entries[index] for index in chosen]


def pace_of(asked: Asked) -> Pace:
    """How many are changed at once, as far as the inventory and Ansible say."""
    concurrency = {
        entry.spec.access.key: count
        for entry in asked.entries
        if entry.spec
        and (count := concurrency_of(asked.collected[entry.host].fleet.get("concurrency")))
    }
    soaks = [soak_of(found.fleet.get("soak"))[0].seconds for found in asked.collected.values()]
    forks = cli.CLIARGS.get("forks") or Pace.forks
    return Pace(concurrency, int(forks), max(soaks, default=0))


def sizes_of(collected: dict[str, Collected]) -> Sequence[int | str]:
    """The sizes of the waves: of the first host that says them."""
    said = (
        found.fleet["wave_sizes"] for found in collected.values() if "wave_sizes" in found.fleet
    )
    sizes: Sequence[int | str] = next(said, DEFAULT_SIZES)
    return sizes


def _why(entry: Entry) -> str:
    """What a host that is refused fails with."""
    return str(entry.error or Refused(entry.plan.refusals))


def _small(fleet: FleetPlan, asked: dict[str, Collected], folder: Path) -> dict[str, Any]:
    """The result: small, because it is kept for every host of the play and may be printed."""
    busy = [entry for entry in fleet.entries if entry.status != "unchanged"]
    counted = [entry for entry in busy if entry.status != "refused"]
    return {
        "changed": False,
        "summary": summary(fleet),
        "hosts": {entry.host: list(entry.kinds) for entry in busy},
        "refused": {entry.host: _why(entry) for entry in busy if entry.status == "refused"},
        "waves": waves_of(busy),
        "budgets": budgets(counted, {host: found.fleet for host, found in asked.items()}),
        "digests": {entry.host: entry.plan.digest for entry in busy if entry.plan.digest},
        "decisions": {
            entry.host: asdict(entry.spec.decision)
            for entry in busy
            if entry.spec and entry.spec.decision
        },
        "unchanged": len(fleet.entries) - len(busy),
        "run": folder.name,
        "path": str(folder / PLAN_FILE),
    }
