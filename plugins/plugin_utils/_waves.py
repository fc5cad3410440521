# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waves: who belongs to which, how many failures each may have, and when no further one begins (G50)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from ..module_utils._operate.plan_fleet import Entry

LAST_WAVE = 10
# The first wave is the canary: nothing may fail in it.
CANARY = 1
DEFAULT_BUDGET = 0
PLAN = "fleetops_plan"
OUTCOME = "fleetops_outcome"


def wave_of(value: Any, errors: list[str]) -> int:
    """The wave of a host, 1 by default; a wrong one is told in `errors`."""
    if value is None:
        return CANARY
    if isinstance(value, str) and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LAST_WAVE:
        errors.append(f"vcluster_wave is {value!r}; it is a number from 1 to {LAST_WAVE}.")
        return CANARY
    return value


def waves_of(entries: Iterable[Entry]) -> dict[str, list[str]]:
    """Hosts by wave, in inventory order.

    Refused hosts come in the first wave, where they fail and count for no budget; hosts whose host cluster does not
    answer stay in their own and are tried again (G46).
    """
    waves: dict[str, list[str]] = {}
    for entry in entries:
        wave = CANARY if entry.status == "refused" else entry.wave
        waves.setdefault(str(wave), []).append(entry.host)
    return waves


def budgets(entries: Iterable[Entry], fleet: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Failures each wave may have: the smallest that its hosts ask for."""
    members: dict[int, list[str]] = {}
    for entry in entries:
        members.setdefault(entry.wave, []).append(entry.host)
    return {str(wave): _budget(wave, hosts, fleet) for wave, hosts in sorted(members.items())}


def _budget(wave: int, hosts: list[str], fleet: Mapping[str, Mapping[str, Any]]) -> int:
    if wave == CANARY:
        return 0
    asked = [fleet.get(host, {}).get("wave_budget", DEFAULT_BUDGET) for host in hosts]
    values = [
        value.get(str(wave), DEFAULT_BUDGET) if isinstance(value, Mapping) else value
        for value in asked
    ]
    return min(_count(value, len(hosts)) for value in values)


def _count(value: Any, hosts: int) -> int:
    """A number, or a percentage of the wave rounded down; anything else allows nothing."""
    text = str(value).strip()
    if text.endswith("%") and text[:-1].strip().isdigit():
        return math.floor(hosts * int(text[:-1]) / 100)
    return int(text) if text.isdigit() else 0


def plan_of(hostvars: Mapping[str, Any]) -> Mapping[str, Any]:
    """The plan, from the first host that holds it; empty when none does."""
    for host in hostvars:
        variables = hostvars[host]
        if PLAN in variables:
            found: Mapping[str, Any] = variables[PLAN]
            return found
    return {}


def halted_after(
    hostvars: Mapping[str, Any], plan: Mapping[str, Any], before: int = LAST_WAVE + 1
) -> int:
    """The first wave below `before` that broke its budget, 0 when none did.

    A host of a wave that began and has no outcome counts as failed: its worker died, or it was unreachable.
    """
    refused = set(plan.get("refused", ()))
    for wave in range(CANARY, before):
        hosts = [host for host in plan.get("waves", {}).get(str(wave), ()) if host not in refused]
        failures = sum(failed(hostvars, host) for host in hosts)
        if failures > plan.get("budgets", {}).get(str(wave), 0):
            return wave
    return 0


def failed(hostvars: Mapping[str, Any], host: str) -> bool:
    """Whether the host's wave went by without success."""
    outcome = outcome_of(hostvars, host)
    return outcome is None or bool(outcome.get("failed"))


def outcome_of(hostvars: Mapping[str, Any], host: str) -> Mapping[str, Any] | None:
    """What the wave registered for a host; None when it has nothing."""
    found: Mapping[str, Any] | None = hostvars[host].get(OUTCOME)
    return found


def wave_hosts(hostvars: Mapping[str, Any], wave: int) -> list[str]:
    """The hosts of one wave; none once an earlier wave broke its budget."""
    plan = plan_of(hostvars)
    if halted_after(hostvars, plan, wave):
        return []
    return list(plan.get("waves", {}).get(str(wave), ()))


def failed_hosts(hostvars: Mapping[str, Any]) -> list[str]:
    """The hosts that failed, of all waves that began."""
    plan = plan_of(hostvars)
    halted = halted_after(hostvars, plan)
    return [
        host
        for wave in range(CANARY, (halted or LAST_WAVE) + 1)
        for host in plan.get("waves", {}).get(str(wave), ())
        if failed(hostvars, host)
    ]
