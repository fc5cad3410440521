# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan means for its readers: who notices it, and how long it takes."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .._core.plan import Kind, Plan
from .plan_fleet import Entry

# Seen on two cores with chart 0.36.1: an install of three replicas with three members took 54 to 58 s, proof included,
# one on SQLite 12 to 26 s; a proof alone 2 to 6 s.
INSTALL_SECONDS = 60
PROOF_SECONDS = 5
# vClusters that are changed at once on one host cluster, unless vcluster_concurrency says otherwise.
CONCURRENCY = 5


@dataclass(frozen=True)
class Pace:
    """How many are changed at once.

    Attributes:
        concurrency: By host cluster (`access.key`); CONCURRENCY where it says nothing.
        forks: Of Ansible.
        soak: Seconds that a wave is watched before the next begins.
    """

    concurrency: Mapping[str, int] = field(default_factory=dict)
    forks: int = 5
    soak: int = 0


DEFAULT_PACE = Pace()


@dataclass(frozen=True)
class Outlook:
    """What some vClusters are in for.

    Attributes:
        vclusters: Those that are changed.
        restarts: Control-plane replicas of running tenants that restart.
        outages: Tenants whose API is away for a while.
        seconds: Estimated length, all of them together at the given pace.
    """

    vclusters: int
    restarts: int
    outages: int
    seconds: int

    def __str__(self) -> str:
        parts = [counted(self.vclusters, "vCluster")]
        if self.restarts:
            parts.append(f"{counted(self.restarts, 'replica')} restart")
        if self.outages:
            parts.append(f"{counted(self.outages, 'tenant API outage')}")
        return ", ".join([*parts, f"about {_rough(self.seconds)}"])


def seconds_of(plan: Plan) -> int:
    """Estimated length of one plan, proofs included."""
    return sum(
        INSTALL_SECONDS if step.kind is Kind.INSTALL else step.disruption.seconds + PROOF_SECONDS
        for step in plan.steps
    )


def outlook_of(entries: Iterable[Entry], pace: Pace) -> Outlook:
    """The outlook of one wave."""
    busy = [entry for entry in entries if entry.status == "planned"]
    disturbed = [e for e in busy if any(s.disruption.kind != "none" for s in e.plan.steps)]
    planes = [entry.observation.workload("control_plane") for entry in disturbed]
    outages = [e for e in disturbed if any(s.disruption.kind == "outage" for s in e.plan.steps)]
    restarts = sum(plane.replicas for plane in planes if plane)
    return Outlook(len(busy), restarts, len(outages), _together(busy, pace))


def together(waves: Sequence[Outlook], pace: Pace) -> Outlook:
    """The outlook of a whole run: one wave after the other, watched in between."""
    return Outlook(
        sum(wave.vclusters for wave in waves),
        sum(wave.restarts for wave in waves),
        sum(wave.outages for wave in waves),
        sum(wave.seconds for wave in waves) + pace.soak * max(0, len(waves) - 1),
    )


def _together(entries: Iterable[Entry], pace: Pace) -> int:
    """Seconds of a wave: the slowest host cluster, or Ansible's forks where they are fewer."""
    clusters: defaultdict[str, list[int]] = defaultdict(list)
    for entry in entries:
        clusters[entry.spec.access.key if entry.spec else ""].append(seconds_of(entry.plan))
    if not clusters:
        return 0
    slowest = max(
        _in_turns(lengths, pace.concurrency.get(key, CONCURRENCY))
        for key, lengths in clusters.items()
    )
    everything = [length for lengths in clusters.values() for length in lengths]
    return max(slowest, _in_turns(everything, pace.forks))


def _in_turns(lengths: Sequence[int], at_once: int) -> int:
    return max(*lengths, math.ceil(sum(lengths) / max(1, at_once)))


def counted(count: int, word: str) -> str:
    """`1 vCluster`, `2 vClusters`."""
    return f"{count} {word}{'' if count == 1 else 's'}"


def _rough(seconds: int) -> str:
    return f"{seconds} s" if seconds < 100 else f"{math.ceil(seconds / 60)} min"
