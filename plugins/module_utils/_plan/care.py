# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a store is due for, by how it is: steps of its care, and what should be known of it (G43, G44)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from .._core.care import (
    MIB,
    NOSPACE,
    SPEEDS,
    Condition,
    Maintenance,
    Part,
    Point,
    full_at,
    growth,
)
from .._core.finding import Finding, refuse, warn
from .._core.observation import Observation
from .._core.plan import Disruption, Kind, Step
from .._core.spec import Spec
from .disruption import REWRITE_RATE, STOP_SECONDS

ETCD, FILE = "G43", "G44"
COMMAND = "fleetops.vcluster.maintenance does it."


@dataclass(frozen=True)
class Due:
    """What comes of a look at a store.

    Attributes:
        steps: What can be done about it, in order; empty when it is due for nothing.
        findings: What should be known of it, and why the steps are not carried out where they are not.
        full: When it is full if it grows on like that; None where nothing tells.
    """

    steps: tuple[Step, ...] = ()
    findings: tuple[Finding, ...] = ()
    full: datetime | None = None

    @property
    def words(self) -> str:
        """All of it in a line; empty for nothing."""
        told = [step.reason for step in self.steps] + [finding.what for finding in self.findings]
        return "; ".join(text.rstrip(".") for text in told)


def due(spec: Spec, condition: Condition, points: Sequence[Point], now: datetime) -> Due:
    """What a store is due for.

    Args:
        points: How much it held at earlier looks.
        now: By the host cluster's clock.
    """
    full = full_at(condition, points, now)
    steps = tuple(_steps(condition, spec.maintenance))
    findings = [*_report(spec, condition, full, now)]
    if steps and condition.trouble:
        findings.append(
            refuse(
                ETCD,
                f"{condition.title} of {spec.title} is due, and cannot be worked on: {condition.trouble}.",
                "Work on a store that is not whole, or has no room for it, may cost the tenant what it holds.",
                "Mend that first; fleetops.vcluster.verify looks again.",
            )
        )
    if not spec.maintenance.allow_outage:
        stopping = [step for step in steps if step.kind is Kind.VACUUM]
        findings += [
            warn(
                FILE,
                f"{condition.title}: {step.reason}; that takes its control plane stopped.",
                step.disruption.estimate,
                "Set vcluster_maintenance.allow_outage: true.",
            )
            for step in stopping
        ]
        steps = tuple(step for step in steps if step not in stopping)
    return Due(steps, tuple(findings), full)


def noted(observation: Observation, title: str) -> Iterator[Finding]:
    """What the last proof saw that the store is due for: a plan of something else only tells it."""
    proved = observation.release.proved if observation.release else None
    if proved and proved.care:
        yield warn(ETCD, f"The store of {title} was due for care: {proved.care}.", "", COMMAND)


def in_words(condition: Condition, points: Sequence[Point], full: datetime | None) -> str:
    """How a store is, in a line."""
    size = f"{_mib(condition.size)}, {_mib(condition.used)} in use"
    if not condition.parts:
        size = "it tells nothing of its size"
    told = [f"{condition.title}: {size}"]
    if condition.quota:
        told.append(f"quota {_mib(condition.quota)}")
    if condition.volume:
        told.append(f"volume {_mib(condition.volume)}")
    if condition.keys is not None:
        told.append(f"{condition.keys:,} keys")
    if condition.lag:
        told.append(f"{condition.lag:,} revisions not compacted")
    pace = growth(points)
    if pace is not None and pace > 0:
        told.append(f"grows {_mib(pace)} a day")
    if full:
        told.append(f"full on {full:%Y-%m-%d}")
    told += [f"{one.name} {one.speed} {1000 * one.seconds:.1f} ms" for one in condition.latencies]
    return ", ".join(told)


def _steps(condition: Condition, wanted: Maintenance) -> Iterator[Step]:
    """The work, whether or not it may be begun."""
    full = condition.compacts and NOSPACE in condition.alarms
    lags = condition.compacts and condition.lag > wanted.compaction_lag
    if full or lags:
        why = "no space is left" if full else f"above {wanted.compaction_lag:,}"
        reason = f"{condition.lag:,} revisions are not compacted: {why}"
        yield Step(Kind.COMPACT, reason)
    parts = [part for part in condition.parts if full or condition.loose(part, wanted)]
    # What a compaction frees is seen when it is over: those that are due then.
    later = lags and not full
    if later:
        parts = [part for part in condition.parts if part.size >= wanted.free_mib * MIB]
    if parts and condition.rewrite:
        yield _rewrite(condition, parts, "what the compaction frees" if later else "")
    if full:
        yield Step(Kind.DISARM, "take the alarm NOSPACE back, and prove a write")


def _rewrite(condition: Condition, parts: Sequence[Part], what: str) -> Step:
    free = max(parts, key=lambda part: part.free)
    what = what or f"{_mib(free.free)} of {_mib(free.size)} are free"
    names = tuple(part.name for part in parts)
    seconds = max(1, round(max(part.used for part in parts) / REWRITE_RATE))
    if condition.rewrite == "vacuum":
        seconds += STOP_SECONDS
        cost = (
            f"the control plane stops until its store is rewritten and checked, about {seconds} s"
        )
        return Step(
            Kind.VACUUM,
            f"rewrite its file, {what}",
            (),
            Disruption("outage", seconds, cost),
            parts=names,
        )
    if len(condition.parts) == 1:
        cost = f"the only member answers nobody while it rewrites its database, about {seconds} s"
        disruption = Disruption("outage", seconds, cost)
    else:
        cost = (
            f"{len(parts)} members one after the other, the one that leads last and as a follower; who asks the one "
            f"that rewrites its database waits, about {seconds} s each"
        )
        disruption = Disruption("rolling", seconds * len(parts), cost)
    members = f"{len(parts)} members" if len(parts) > 1 else names[0]
    return Step(Kind.DEFRAGMENT, f"rewrite {members}, {what}", (), disruption, parts=names)


def _report(
    spec: Spec, condition: Condition, full: datetime | None, now: datetime
) -> Iterator[Finding]:
    """What no step heals."""
    wanted, guard = spec.maintenance, ETCD if condition.quota else FILE
    more = (
        "Raise its quota in vcluster_values, or delete what the tenant does not need."
        if condition.bound == "quota"
        else "Raise vcluster_store.size, or delete what the tenant does not need."
    )
    if condition.room and 100 * condition.used >= wanted.full * condition.room:
        share = round(100 * condition.used / condition.room)
        what = f"What {condition.title} holds is {share} % of its {condition.bound} ({_mib(condition.room)})."
        yield warn(guard, what, "At all of it the tenant can write nothing.", more)
    if full and full - now <= timedelta(days=wanted.days):
        what = f"The {condition.bound} of {condition.title} is full on {full:%Y-%m-%d} if it grows on like that."
        yield warn(guard, what, "The tenant can write nothing then.", more)
    for one in condition.latencies:
        limit = wanted.limit(one.speed)
        if 1000 * one.seconds > limit:
            what = f"{one.name}: p99 of a {SPEEDS[one.speed]} is {1000 * one.seconds:.1f} ms; {limit} ms at most."
            yield warn(
                guard, what, "Every write of the tenant waits for it.", "Give it a faster disk."
            )
    for text in condition.advice:
        yield warn(guard, f"{condition.title}: {text}.")


def _mib(size: float) -> str:
    return f"{size / MIB:,.0f} MiB" if size >= 10 * MIB else f"{size / MIB:.1f} MiB"
