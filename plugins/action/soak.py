# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action `soak`: all hosts of a wave at once."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ansible.utils.display import Display

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.moments import (
    moment_text,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.soak import (
    Soak,
    soak_of,
    watch,
)
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._fleet import Asked, asked_of
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._fleet_action import FleetAction
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._waves import (
    another_follows,
    failed,
    plan_of,
)

display = Display()
ARGUMENTS = {"wave": {"type": "int", "required": True}}


class ActionModule(FleetAction):
    """Watches what a wave changed, if another wave follows. What broke is data: the latch counts it."""

    argument_spec = ARGUMENTS

    def fleet(self, options: Mapping[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        wave = options["wave"]
        changed = _changed(variables["hostvars"], wave)
        needless = {"changed": False, "skipped": True, "broken": {}}
        if reason := self._needless(variables["hostvars"], wave, changed):
            return {**needless, "msg": reason}
        context = Context(check=True, warn=display.warning)
        asked = asked_of(variables, context, changed)
        soak = _longest(asked)
        if not soak.seconds:
            return {**needless, "msg": "vcluster_soak.seconds is 0."}
        display.display(f"  watching {len(changed)} of wave {wave} for {soak.seconds} s")
        specs = {entry.host: entry.spec for entry in asked.entries if entry.spec}
        clock, began = datetime.now(UTC), time.monotonic()
        broken = context.secrets.mask(watch(specs, soak, context))
        for host, words in broken.items():
            display.warning(f"{host}: broke in the soak: {words}")
        return {
            "changed": False,
            "broken": broken,
            "watched": changed,
            "began": moment_text(clock),
            "seconds": round(time.monotonic() - began, 1),
        }

    def _needless(self, hostvars: Mapping[str, Any], wave: int, changed: list[str]) -> str:
        """Why there is nothing to watch, before any variables of the inventory are read; empty when there is."""
        if self._task.check_mode:
            return "Check mode changes nothing that could be watched."
        if not changed:
            return "The wave changed nothing."
        return "" if another_follows(hostvars, wave) else "No wave follows."


def _changed(hostvars: Mapping[str, Any], wave: int) -> list[str]:
    hosts = plan_of(hostvars).get("waves", {}).get(str(wave), ())
    return [host for host in hosts if host in hostvars and not failed(hostvars, host)]


def _longest(asked: Asked) -> Soak:
    """One soak for all hosts of the wave: the longest that any of them asks for."""
    soaks = [soak_of(found.fleet.get("soak"))[0] for found in asked.collected.values()]
    return max(soaks, key=lambda soak: soak.seconds, default=Soak())
