# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keep the SQLite file of a control plane small: it never shrinks by itself while that runs (G44).

kine compacts, by itself or told by the API server (from 0.17), which frees pages within the file. From 0.16 on it
rewrites the file at each of its starts (pkg/drivers/sqlite, setup); before, nobody does. So the control plane is
stopped, its database copied, rewritten and checked by the controller, and put in its place.

What was not written back from its log when it ended is in that log still. The database that goes in first has it all,
and says the same with the log beside it as without; only then the log goes, and then the rewritten one comes. Each is
one rename: a machine that ends in between leaves a database that holds everything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .._core.care import MIB, Condition, Latency, Part
from .._core.databases import FileSizes
from .._core.errors import ApiError, FleetError, Unsettled
from .._core.load import sample_of
from .._core.ports import Reach, Replica
from .refill import Delivery
from .sql_checks import kine_latency
from .sqlite_refill import refill_database
from .work import Upkeep

TITLE = "SQLite"


def condition_of(
    claim: str, planes: Sequence[str], reach: Reach, volume: int, *, closely: bool
) -> Condition:
    """How the file is.

    Args:
        claim: Where it lies.
        planes: The control plane's pod.
        volume: Bytes of the claim.
        closely: With the size of the file, which takes a pod, and with the time that statements take.
    """
    if not planes:
        return Condition(TITLE, volume=volume, trouble="its control plane has no pod")
    latencies: tuple[Latency, ...] = ()
    try:
        with reach.replica(planes[0]) as replica:
            used = int(sample_of(replica.text("/metrics"), 0).store_bytes)
            if closely:
                latencies = tuple(_latencies(planes[0], replica))
    except FleetError as error:
        return Condition(TITLE, volume=volume, trouble=str(error))
    if not closely:
        parts = (Part(claim, used, used),) if used else ()
        return Condition(TITLE, parts, volume=volume, rewrite="vacuum")
    try:
        with reach.database() as database:
            sizes = database.sizes()
    except (ApiError, Unsettled) as error:
        parts = (Part(claim, used, used),) if used else ()
        advice = (f"the size of its file is not known: {error.what.rstrip('.')}",)
        return Condition(TITLE, parts, volume=volume, latencies=latencies, advice=advice)
    part = Part(claim, sizes.size, sizes.size - sizes.free)
    trouble = _tight(sizes)
    return Condition(
        TITLE, (part,), volume=volume, trouble=trouble, latencies=latencies, rewrite="vacuum"
    )


def vacuum(namespace: str, name: str, upkeep: Upkeep) -> None:
    """Rewrite the file; the control plane is away meanwhile.

    Args:
        name: Of its StatefulSet.

    Raises:
        FleetError: It is damaged, or a pod failed, with its words. The old one serves again then, or all of it.
    """
    with upkeep.reach.database() as database, upkeep.stopped():
        files = database.rewritten()
        for file in files:
            upkeep.held()
            delivery = Delivery(
                upkeep.api,
                upkeep.reach,
                upkeep.pods,
                upkeep.until,
                upkeep.say,
                content=file.opened,
                size=file.size,
                sha256=file.sha256,
                shell_image=upkeep.shell_image,
            )
            upkeep.say(f"putting {file.size // MIB} MiB in its place")
            refill_database(namespace, name, delivery, same=True)


def _tight(sizes: FileSizes) -> str:
    """Why it cannot be rewritten where it lies: the new one comes beside the old one."""
    if sizes.left > sizes.size:
        return ""
    return f"its volume has {sizes.left // MIB} MiB left, and a rewrite needs {sizes.size // MIB} MiB beside the file"


def _latencies(name: str, replica: Replica) -> Iterator[Latency]:
    try:
        text = replica.text("/metrics/kine")
    except ApiError:
        return  # before 0.35
    yield from kine_latency(name, text)
