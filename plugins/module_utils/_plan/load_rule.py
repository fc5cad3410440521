# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rule by which the load of a control plane decides over its replicas, and what else it suggests.

Out by one replica when one of these holds, and the last change is older than SETTLING:

- requests a second for each replica are above `requests`;
- the slowest hundredth of the requests takes longer than `latency_ms`, and the store is not what is slow;
- the API servers turn requests away (429).

In by one replica when every replica has told its load, with one less all of these would be below RELAXED of their
limits, nothing is turned away, and the last change is older than `cool_down`. Between the two nothing changes. One step
at a time; the bounds are `vcluster_replicas` and `max`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .._core.load import Load
from .._core.spec import Autoscaling

RELAXED = 0.6  # of each limit: below it a replica can go
TURNED_AWAY = (
    0.1  # answers 429 a second: fewer are no load, but one client that was told to slow down
)
SETTLING = (
    180  # seconds after a change in which the clients that lost a connection list everything anew
)
MB = 1_000_000
# SQLite and kine: one writer at a time. Above these sizes and times users of the store feel it.
SQLITE_BYTES, STORE_SECONDS = 500 * MB, 0.1
FULL = 0.8  # of a request or limit


def decided(
    load: Load, asked: Autoscaling, least: int, replicas: int, since: float | None
) -> tuple[int, str]:
    """The count that the rule asks for, and the numbers behind it.

    Args:
        least: `vcluster_replicas`.
        replicas: There are.
        since: Seconds since the last change by load; None where there was none.
    """
    if replicas > asked.max:
        return replicas - 1, f"max is {asked.max}"
    if replicas < least:
        return least, f"vcluster_replicas is {least}"
    if reasons := list(_above(load, asked)):
        words = ", ".join(reasons)
        if replicas == asked.max:
            return replicas, f"{words}; {replicas} is the most"
        if since is not None and since < SETTLING:
            return replicas, f"{words}; the last change was {since:.0f} s ago, of {SETTLING}"
        return replicas + 1, words
    words = _numbers(load)
    if load.replicas < replicas:
        return replicas, f"{words}; {load.replicas} of {replicas} replicas told it"
    if replicas > least and _relaxed(load, asked, replicas - 1):
        if since is not None and since < asked.cool_down:
            return (
                replicas,
                f"{words}; one could go, the last change was {since:.0f} s ago, of {asked.cool_down}",
            )
        return replicas - 1, f"{words}: one less will do"
    return replicas, words


def _above(load: Load, asked: Autoscaling) -> Iterator[str]:
    rate = load.rate / load.replicas
    if rate > asked.requests:
        yield f"{rate:.0f} requests/s for each replica, above {asked.requests}"
    if load.p99 is not None and load.p99 * 1000 > asked.latency_ms and not _slow_store(load):
        yield f"p99 {load.p99 * 1000:.0f} ms, above {asked.latency_ms}"
    if load.throttled > TURNED_AWAY:
        yield f"{load.throttled:.1f} requests/s turned away (429)"


def _slow_store(load: Load) -> bool:
    """More replicas only ask it more."""
    return load.store_p99 is not None and load.store_p99 > STORE_SECONDS


def _relaxed(load: Load, asked: Autoscaling, left: int) -> bool:
    """Whether so many will do, each with its part of the load."""
    share = (left + 1) / left
    return (
        load.rate / left < RELAXED * asked.requests
        and (load.p99 is None or load.p99 * share * 1000 < RELAXED * asked.latency_ms)
        and load.throttled <= TURNED_AWAY
    )


def _numbers(load: Load) -> str:
    p99 = "" if load.p99 is None else f", p99 {load.p99 * 1000:.0f} ms"
    return f"{load.rate / load.replicas:.0f} requests/s for each replica{p99}"


@dataclass(frozen=True)
class Size:
    """What runs, as far as advice needs it.

    Attributes:
        store: Its type.
        replicas: There are.
        shared: The store takes more than one replica.
        cpu_request: Cores; None where none is asked for.
        memory_limit: Bytes; None where there is none.
    """

    store: str
    replicas: int
    shared: bool
    cpu_request: float | None
    memory_limit: float | None


def advice(load: Load, asked: Autoscaling, size: Size) -> Iterator[str]:
    """What a person should think of, each with its numbers."""
    busy = list(_above(load, asked))
    if not busy and load.rate / load.replicas > RELAXED * asked.requests:
        busy = [_numbers(load)]
    if size.shared and size.replicas == 1 and busy:
        yield f"from one replica to three (vcluster_replicas: 3): {', '.join(busy)}"
    if not size.shared:
        why = list(_outgrown(load)) or busy
        if why:
            yield f"from {size.store} to etcd, which takes replicas: {', '.join(why)}"
    elif load.store_p99 is not None and _slow_store(load):
        yield f"a faster volume for the store: its p99 is {load.store_p99 * 1000:.0f} ms"
    if size.cpu_request and load.cpu > FULL * size.cpu_request:
        yield f"a larger CPU request: {load.cpu:.2f} of {size.cpu_request:g} cores are used"
    if size.memory_limit and load.memory > FULL * size.memory_limit:
        used, limit = load.memory / MB, size.memory_limit / MB
        yield f"more memory: {used:.0f} of {limit:.0f} MB are used"


def _outgrown(load: Load) -> Iterator[str]:
    if load.store_bytes > SQLITE_BYTES:
        yield f"its database has {load.store_bytes / MB:.0f} MB"
    if load.store_p99 is not None and _slow_store(load):
        yield f"its p99 is {load.store_p99 * 1000:.0f} ms"
