# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a load says about the size of a control plane: the verdict of the rule, and advice for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .._core.load import Load
from .._core.quantity import quantity
from .._core.spec import Autoscaling
from .._stores.base import number
from .._stores.registry import store_in
from .desired import CHART_CPU, REPLICAS, RESOURCES
from .load_rule import RELAXED, above, numbers, slow_store
from .values import read

MB = 1_000_000
# A store with one writer: above this size its users feel it.
ONE_WRITER_BYTES = 500 * MB
FULL = 0.8  # of a request, a limit, the room of a store
IDLE = 2.0  # of the chart's own CPU request: up to this an API server may do nothing
# etcd's file grows by 16 MiB at once (bbolt, AllocSize): less than two such steps between two looks says nothing.
GROWN = 2 * 16 * 1024 * 1024


@dataclass(frozen=True)
class Size:
    """What runs, as far as advice needs it.

    Attributes:
        store: Its type.
        replicas: There are.
        shared: The store takes more than one replica.
        one_writer: The store is for small tenants.
        cpu_request, cpu_limit: Cores; None where none is asked for.
        memory_request, memory_limit: Bytes, likewise.
        store_room: Bytes that the store has room for; None where that is not known.
        replicas_are_members: Each replica is a member of the store.
        members: Of the store, as far as they are pods of the vCluster.
    """

    store: str
    replicas: int
    shared: bool
    one_writer: bool = False
    cpu_request: float | None = None
    cpu_limit: float | None = None
    memory_request: float | None = None
    memory_limit: float | None = None
    store_room: float | None = None
    replicas_are_members: bool = False
    members: int = 0


def size_of(values: Mapping[str, Any], replicas: int | None = None) -> Size:
    """The size of what runs.

    Args:
        values: Effective ones: the chart's defaults with the user values over them.
        replicas: There are; as the values say where that is not known.
    """
    store = store_in(values)
    resources = {
        f"{name}_{kind}": _amount(read(values, (*RESOURCES, f"{kind}s", name)))
        for name in ("cpu", "memory")
        for kind in ("request", "limit")
    }
    bounds = [bound for text in store.room(values) if (bound := _amount(text))]
    return Size(
        store.type,
        number(read(values, REPLICAS)) if replicas is None else replicas,
        store.stateless_replicas or store.replicas_are_members,
        store.one_writer,
        store_room=min(bounds, default=None),
        replicas_are_members=store.replicas_are_members,
        members=store.members(values),
        **resources,
    )


def _amount(text: object) -> float | None:
    found = quantity(str(text))
    return float(found) if found else None


@dataclass(frozen=True)
class Verdict:
    """What came of a look at the load.

    Attributes:
        limits: The rule's, also where it does not decide.
        wanted: The count of replicas that the rule asks for; None where it does not decide.
        reason: Why another one, or why not yet; empty where nothing speaks for it.
        advice: What a person should think of.
    """

    load: Load
    size: Size
    limits: Autoscaling
    wanted: int | None
    reason: str
    advice: tuple[str, ...]


def advice(load: Load, asked: Autoscaling | None, size: Size) -> Iterator[str]:
    """What a person should think of, each with its numbers.

    Args:
        asked: None where nothing changes the count by itself.
    """
    limits = asked or Autoscaling(max=size.replicas)
    by_load = asked is not None and not asked.horizontal
    too_much = ", ".join(above(load, limits))
    much = load.rate / load.replicas > RELAXED * limits.requests
    busy = too_much or (numbers(load) if much else "")
    if size.one_writer:
        if why := ", ".join(_outgrown(load)) or busy:
            yield f"from {size.store} to etcd, which takes replicas: {why}"
    elif slow_store(load) and load.store_p99 is not None:
        yield f"a faster volume for the store: its p99 is {load.store_p99 * 1000:.0f} ms"
    any_count = size.shared and not size.replicas_are_members
    if size.shared and size.replicas == 1 and busy and not by_load:
        yield f"from one replica to three (vcluster_replicas: 3): {busy}"
    elif any_count and size.replicas >= limits.max and too_much:
        variable = "vcluster_autoscaling.max" if asked else "vcluster_replicas"
        yield f"more replicas than {limits.max} ({variable}): {too_much}"
    yield from _resources(load, size)
    yield from _room(load, size)


def _outgrown(load: Load) -> Iterator[str]:
    if load.store_bytes > ONE_WRITER_BYTES:
        yield f"its database has {load.store_bytes / MB:.0f} MB"
    if slow_store(load) and load.store_p99 is not None:
        yield f"its p99 is {load.store_p99 * 1000:.0f} ms"


def _resources(load: Load, size: Size) -> Iterator[str]:
    """By what one API server uses; the rest of its pod comes on top. Of each the limit is told, else the request."""
    share = IDLE if size.cpu_request == _amount(CHART_CPU) else FULL
    if size.cpu_limit and load.cpu > FULL * size.cpu_limit:
        yield f"a larger CPU limit: {load.cpu:.2f} of {size.cpu_limit:g} cores are used"
    elif size.cpu_request and load.cpu > share * size.cpu_request:
        yield f"a larger CPU request: {load.cpu:.2f} of {size.cpu_request:g} cores are used"
    for kind, most in (("limit", size.memory_limit), ("request", size.memory_request)):
        if most and load.memory > FULL * most:
            used = f"{load.memory / MB:.0f} of {most / MB:.0f} MB"
            yield f"a larger memory {kind}: {used} are used"
            break


def _room(load: Load, size: Size) -> Iterator[str]:
    """The store against its room. A minute is a short while: what it says of days is told only where much was added."""
    room = size.store_room
    if room is None:
        return
    # An API server asks any one of several members for its size: two sizes may be those of two members.
    added = load.added if size.members <= 1 else 0.0
    grown = f"it grew by {added / MB:.0f} MB in {load.seconds:.0f} s"
    if load.store_bytes > FULL * room:
        more = f"; {grown}" if added >= MB else ""
        used = f"{load.store_bytes / MB:.0f} of {room / MB:.0f} MB"
        yield f"more room for the store, its volume or its quota: {used} are used{more}"
    elif added >= GROWN:
        hours = (room - load.store_bytes) / load.growth * 24
        left = f"{hours:.0f} h" if hours >= 2 else f"{hours * 60:.0f} min"
        yield f"a look at who writes so much: {grown}; at that pace its {room / MB:.0f} MB are full in {left}"
