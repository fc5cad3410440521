# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waves: who belongs to which, how many failures each may have, and when no further one begins (G50)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Any

from ..module_utils._core.errors import Refused
from ..module_utils._core.finding import refuse
from ..module_utils._operate.plan_fleet import Entry

LAST_WAVE = 10
# The first wave is the canary: nothing may fail in it.
CANARY = 1
# Of a host that names no wave, until the plan gives it one.
UNASSIGNED = 0
DEFAULT_SIZES: tuple[int | str, ...] = (1, "10%", "100%")
DEFAULT_BUDGET = 0
PLAN = "fleetops_plan"
OUTCOME = "fleetops_outcome"
SOAK = "fleetops_soak"
SILENCE = "fleetops_silence"
PROOF = "fleetops_proof"


def wave_of(value: Any, errors: list[str]) -> int:
    """The wave of a host, UNASSIGNED by default; a wrong one is told in `errors`."""
    if value is None:
        return UNASSIGNED
    if isinstance(value, str) and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LAST_WAVE:
        errors.append(f"vcluster_wave is {value!r}; it is a number from 1 to {LAST_WAVE}.")
        return UNASSIGNED
    return value


def concurrency_of(value: Any, errors: list[str] | None = None) -> int | None:
    """`vcluster_concurrency`; None when it is not said or wrong, which is told in `errors`."""
    if value is None:
        return None
    text = str(value).strip()
    if isinstance(value, bool) or not text.isdecimal() or int(text) < 1:
        if errors is not None:
            errors.append(f"vcluster_concurrency is {value!r}; it is a whole number from 1 up.")
        return None
    return int(text)


def policy_errors(fleet: Mapping[str, Any]) -> list[str]:
    """What is wrong with the variables of one host about waves, and about how many go at once."""
    errors: list[str] = []
    sizes, budget = fleet.get("wave_sizes", DEFAULT_SIZES), fleet.get("wave_budget", 0)
    if (
        not isinstance(sizes, (list, tuple))
        or not sizes
        or any(_count(s, 100) in (None, 0) for s in sizes)
    ):
        errors.append(
            f"vcluster_wave_sizes is {sizes!r}; it is a list such as {list(DEFAULT_SIZES)}."
        )
    values = budget.values() if isinstance(budget, Mapping) else [budget]
    if any(_count(value, 100) is None for value in values):
        errors.append(
            f"vcluster_wave_budget is {budget!r}; it is a number, a percentage, or a mapping of waves to such."
        )
    concurrency_of(fleet.get("concurrency"), errors)
    return errors


def assigned(entries: Iterable[Entry], sizes: Sequence[int | str]) -> tuple[Entry, ...]:
    """Give a wave to each entry that has none, by the sizes of the waves.

    The last size repeats, and wave 10 takes the rest.
    Only what has something to do takes a place. The host clusters take turns, so that no wave falls on one alone.
    """
    given = tuple(entries)
    free = taking_turns(
        e for e in given if e.wave == UNASSIGNED and e.status not in ("unchanged", "refused")
    )
    waves: dict[str, int] = {}
    begin = 0
    for wave in range(CANARY, LAST_WAVE + 1):
        size = _count(sizes[min(wave, len(sizes)) - 1], len(free)) or 0
        end = len(free) if wave == LAST_WAVE else begin + max(1, size)
        waves |= {entry.host: wave for entry in free[begin:end]}
        begin = end
    return tuple(
        replace(entry, wave=waves.get(entry.host, CANARY)) if entry.wave == UNASSIGNED else entry
        for entry in given
    )


def taking_turns(entries: Iterable[Entry]) -> list[Entry]:
    """The entries in an order in which host clusters take turns; each keeps its own order."""
    clusters: dict[str, list[Entry]] = {}
    for entry in entries:
        clusters.setdefault(entry.spec.access.key if entry.spec else "", []).append(entry)
    rounds = zip_longest(*clusters.values())
    return [entry for turn in rounds for entry in turn if entry is not None]


def approved_only(entries: Iterable[Entry], approved: Mapping[str, str]) -> tuple[Entry, ...]:
    """The entries; what would be done and is not what was approved is refused.

    Args:
        approved: Digest of each approved plan, by host.
    """

    def judged(entry: Entry) -> Entry:
        if entry.status != "planned" or approved.get(entry.host) == entry.plan.digest:
            return entry
        what = f"{entry.host}: this plan ({', '.join(entry.plan.kinds)}) is not what was approved."
        why = "The vCluster or the inventory has changed since."
        return replace(
            entry, error=Refused((refuse("plan", what, why, "Plan again and approve that."),))
        )

    return tuple(map(judged, entries))


def waves_of(entries: Iterable[Entry]) -> dict[str, list[str]]:
    """Hosts by wave; host clusters take turns.

    Refused hosts come in the first wave, where they fail and count for no budget; hosts whose host cluster does not
    answer stay in their own and are tried again (G46).
    """
    waves: dict[str, list[str]] = {}
    for entry in taking_turns(entries):
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
    return min(_count(value, len(hosts)) or 0 for value in values)


def _count(value: Any, hosts: int) -> int | None:
    """A number, or a percentage of the hosts rounded down; None for anything else."""
    text = str(value).strip()
    if text.endswith("%") and text[:-1].strip().isdigit():
        return math.floor(hosts * int(text[:-1]) / 100)
    return int(text) if text.isdigit() and not isinstance(value, bool) else None


def plan_of(hostvars: Mapping[str, Any]) -> Mapping[str, Any]:
    """The plan; empty without one."""
    return _registered(hostvars, PLAN)


def _registered(hostvars: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A result that was registered for all hosts of a play, from the first host that holds it."""
    for host in hostvars:
        variables = hostvars[host]
        if name in variables:
            found: Mapping[str, Any] = variables[name]
            return found
    return {}


def last_wave(plan: Mapping[str, Any]) -> int:
    """The last wave that was asked for."""
    return int(plan.get("last_wave", LAST_WAVE))


def halted_after(
    hostvars: Mapping[str, Any], plan: Mapping[str, Any], before: int = LAST_WAVE + 1
) -> int:
    """The first wave below `before` that broke its budget, 0 when none did.

    A host of a wave that began and has no outcome counts as failed: its worker died, or it was unreachable.
    """
    refused = set(plan.get("refused", ()))
    for wave in range(CANARY, min(before, last_wave(plan) + 1)):
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
    """What the wave registered for a host, and the soak after it; None when it has nothing."""
    variables = hostvars[host]
    found: Mapping[str, Any] | None = variables.get(OUTCOME)
    broken = (variables.get(SOAK) or {}).get("broken") or {}
    if found is None or host not in broken:
        return found
    return {**found, "failed": True, "outcome": "broke in the soak", "msg": broken[host]}


def silences_of(hostvars: Mapping[str, Any], hosts: Iterable[str]) -> list[Mapping[str, str]]:
    """What the silence of a wave registered for its hosts."""
    for host in hosts:
        found: list[Mapping[str, str]] = (hostvars[host].get(SILENCE) or {}).get("silences") or []
        if found:
            return found
    return []


def wave_hosts(hostvars: Mapping[str, Any], wave: int) -> list[str]:
    """The hosts of one wave; none once an earlier wave broke its budget."""
    plan = plan_of(hostvars)
    if wave > last_wave(plan) or halted_after(hostvars, plan, wave):
        return []
    return list(plan.get("waves", {}).get(str(wave), ()))


def another_follows(hostvars: Mapping[str, Any], wave: int) -> bool:
    """Whether a wave will begin after this one, as far as is known when it is over."""
    plan = plan_of(hostvars)
    planned = (int(number) for number, hosts in plan.get("waves", {}).items() if hosts)
    if not any(wave < number <= last_wave(plan) for number in planned):
        return False
    return not halted_after(hostvars, plan, wave + 1)


def failed_hosts(hostvars: Mapping[str, Any]) -> list[str]:
    """The hosts that failed, of all waves that began."""
    plan = plan_of(hostvars)
    last = halted_after(hostvars, plan) or last_wave(plan)
    return [
        host
        for wave in range(CANARY, last + 1)
        for host in plan.get("waves", {}).get(str(wave), ())
        if failed(hostvars, host)
    ]


def unproved_hosts(hostvars: Mapping[str, Any]) -> list[str]:
    """The hosts whose proof failed."""
    return list(_registered(hostvars, PROOF).get("failures", ()))
