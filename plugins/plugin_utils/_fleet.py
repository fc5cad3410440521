# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the hosts of a play to the entries of a fleet."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..module_utils._core.arguments import PREFIX
from ..module_utils._core.errors import FleetError, Refused
from ..module_utils._core.finding import refuse
from ..module_utils._operate.context import Context
from ..module_utils._operate.options import spec_of
from ..module_utils._operate.plan_fleet import Entry
from ..module_utils._operate.silence import silence_of
from ..module_utils._operate.soak import soak_of
from ._inventory import Collected, collect
from ._waves import policy_errors, wave_of


@dataclass(frozen=True)
class Asked:
    """The vClusters of a play.

    Attributes:
        entries: In inventory order, each with its spec or with what is wrong with its variables.
        collected: What the inventory says about each.
    """

    entries: tuple[Entry, ...]
    collected: dict[str, Collected]


@contextmanager
def many_objects() -> Iterator[None]:
    """A stretch that makes objects by the hundred thousand and keeps them: the collector would look at all of them
    again and again (a quarter of the CPU time at 5,000 hosts)."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def hosts_of(variables: Mapping[str, Any]) -> list[str]:
    """The hosts of the play, those that failed before included."""
    found: list[str] = variables.get("ansible_play_hosts_all") or variables["ansible_play_hosts"]
    return found


def cluster_hosts(hostvars: Mapping[str, Any], registered: str) -> list[str]:
    """One host for each host cluster, of those whose result of a task is there and no failure.

    Args:
        registered: Name of the variable with that result.
    """
    found: dict[tuple[Any, ...], str] = {}
    for host in hostvars:
        variables = hostvars[host]
        result = variables.get(registered)
        if result and not result.get("failed"):
            key = tuple(
                variables.get(PREFIX + name) for name in ("kubeconfig", "context", "api_host")
            )
            found.setdefault(key, host)
    return list(found.values())


def asked_of(
    variables: Mapping[str, Any], context: Context, hosts: Sequence[str] | None = None
) -> Asked:
    """The vClusters among the hosts of a play: those with at least one `vcluster_*` variable.

    Args:
        variables: Of the task.
        hosts: Only these, instead of all hosts of the play.
    """
    hostvars = variables["hostvars"]
    names = hosts_of(variables) if hosts is None else hosts
    collected = {host: collect(hostvars, host) for host in names}
    asked = {host: found for host, found in collected.items() if found.asked}
    return Asked(tuple(_entries(asked, context)), asked)


def _entries(asked: Mapping[str, Collected], context: Context) -> Iterable[Entry]:
    for host, found in asked.items():
        context.secrets.learn(*found.secrets)
        errors = list(found.errors)
        wave = wave_of(found.fleet.get("wave"), errors)
        errors += [*policy_errors(found.fleet), *soak_of(found.fleet.get("soak"))[1]]
        errors += silence_of(found.fleet.get("silence"))[1]
        if errors:
            findings = tuple(refuse("spec", error) for error in errors)
            yield Entry(host, wave, error=Refused(findings))
            continue
        try:
            yield Entry(host, wave, spec=spec_of(found.arguments, context))
        except FleetError as error:
            yield Entry(host, wave, error=error)
