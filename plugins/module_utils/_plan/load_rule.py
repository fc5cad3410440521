# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rule by which the load of a control plane decides over its replicas.

Out by one replica when one of these holds, and the last change is older than SETTLING:

- requests a second for each replica are above `requests`;
- the slowest hundredth of the requests takes longer than `latency_ms`, and the store is not what is slow;
- the API servers turn requests away (429).

In by one replica when every replica has told its load, with one less all of these would be below RELAXED of their
limits, nothing is turned away, and the last change is older than `cool_down`. Between the two nothing changes. One step
at a time within the bounds, which are `vcluster_replicas` and `max`; a count outside them goes to the nearer one at
once, as in any other run.
"""

from __future__ import annotations

from collections.abc import Iterator

from .._core.load import Load
from .._core.spec import Autoscaling

RELAXED = 0.6  # of each limit: below it a replica can go
TURNED_AWAY = (
    0.1  # answers 429 a second: fewer are no load, but one client that was told to slow down
)
SETTLING = (
    180  # seconds after a change in which the clients that lost a connection list everything anew
)
STORE_SECONDS = 0.1  # p99 of a store above which it is what is slow


def decided(
    load: Load, asked: Autoscaling, least: int, replicas: int, since: float | None
) -> tuple[int, str]:
    """The count that the rule asks for, and why; or what speaks for another and is not followed yet, if anything does.

    Args:
        least: `vcluster_replicas`.
        replicas: There are.
        since: Seconds since the last change by load; None where there was none.
    """
    if replicas > asked.max:
        return asked.max, f"max is {asked.max}"
    if replicas < least:
        return least, f"vcluster_replicas is {least}"
    if words := ", ".join(above(load, asked)):
        if replicas == asked.max:
            return replicas, f"{words}; {replicas} is the most"
        if since is not None and since < SETTLING:
            return replicas, f"{words}; the last change was {since:.0f} s ago, of {SETTLING}"
        return replicas + 1, words
    words = numbers(load)
    if load.replicas < replicas:
        return replicas, f"{words}; {load.replicas} of {replicas} replicas told it"
    if replicas > least and _relaxed(load, asked, replicas - 1):
        if since is not None and since < asked.cool_down:
            return (
                replicas,
                f"{words}; one could go, the last change was {since:.0f} s ago, of {asked.cool_down}",
            )
        return replicas - 1, f"{words}: one less will do"
    return replicas, ""


def above(load: Load, asked: Autoscaling) -> Iterator[str]:
    """What is above its limit and more replicas would help against, with the numbers."""
    rate = load.rate / load.replicas
    if rate > asked.requests:
        yield f"{rate:.0f} requests/s for each replica, above {asked.requests}"
    if load.p99 is not None and load.p99 * 1000 > asked.latency_ms and not slow_store(load):
        yield f"p99 {load.p99 * 1000:.0f} ms, above {asked.latency_ms}"
    if load.throttled > TURNED_AWAY:
        yield f"{load.throttled:.1f} requests/s turned away (429)"


def slow_store(load: Load) -> bool:
    """Whether the store is what is slow: more replicas only ask it more."""
    return load.store_p99 is not None and load.store_p99 > STORE_SECONDS


def _relaxed(load: Load, asked: Autoscaling, left: int) -> bool:
    """Whether so many will do, each with its part of the load."""
    share = (left + 1) / left
    return (
        load.rate / left < RELAXED * asked.requests
        and (load.p99 is None or load.p99 * share * 1000 < RELAXED * asked.latency_ms)
        and load.throttled <= TURNED_AWAY
    )


def numbers(load: Load) -> str:
    """The load in short."""
    p99 = "" if load.p99 is None else f", p99 {load.p99 * 1000:.0f} ms"
    return f"{load.rate / load.replicas:.0f} requests/s for each replica{p99}"
