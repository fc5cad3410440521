# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured on host clusters with nodes: installs and proofs (`make lab-up`)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from statistics import median
from typing import TypeVar

import migrate_parts
import peers
import scale_parts
import snapshot_parts
import upgrade_parts
from harness import Lab, kubectl
from hosts import KUBERNETES, Inventory
from measure import BenchError
from results import CPU, GOAL, Result, against_goal

T = TypeVar("T")
INSTALLS = 8
VERIFIED = 3
REPEATS = 3
ETCD = {
    "vcluster_replicas": 3,
    "vcluster_store": {"type": "etcd_deployed", "members": 3},
}
# One wave without a watch after it: the peers know neither.
TOGETHER = {"vcluster_wave": 1, "vcluster_soak": {"seconds": 0}}
VERIFY_CPU = 0.3
VERIFY_SECONDS = 2


def install() -> list[Result]:
    """One at a time, as the loop does it. Ours proves too, which the peers do not: a run that only proves is measured
    and taken off.

    Both start Ansible once, so that start goes off as well; with it and the proof it is `install_proved`.
    """
    inventory = _inventory("install", INSTALLS, clusters=1, vcluster_concurrency=1)
    # The chart values that say what the inventory says.
    image = {"tag": f"v{KUBERNETES}"}
    values = {"controlPlane": {"distro": {"k8s": {"enabled": True, "image": image}}}}
    loop = _fresh(inventory, lambda: peers.loop(inventory, lambda _: values, wait=True))
    module = _fresh(
        inventory, lambda: peers.module(inventory, lambda _: values, changes=True, wait=True)
    )
    site, verify = _fresh(
        inventory,
        lambda: [inventory.play(name).cpu / INSTALLS for name in ("site", "verify")],
    )
    without = site - verify
    return [
        Result("install_unproved", without, loop, peers.LOOP, limit=1.5),
        Result("install_unproved", without, module, peers.MODULE),
        Result("install_proved", site, loop, peers.LOOP),
    ]


def verify() -> list[Result]:
    """The deep proof of vClusters with three replicas and three etcd members.

    What one more costs, in the one process that proves a fleet; and how long the proof of a single one takes. What
    Ansible itself takes to start is not in it; what the collection takes to be loaded is, beside the single one.
    """
    inventory = _inventory("verify", VERIFIED, **ETCD)
    single = inventory.only(list(inventory.hosts)[:1], "verify-one")

    def measured() -> list[Result]:
        inventory.play("site")
        inventory.play("verify")  # the first one fills caches
        one, empty, all_of_them = (
            _median(fleet, playbook)
            for fleet, playbook in (
                (single, "verify"),
                (single, "empty.yml"),
                (inventory, "verify"),
            )
        )
        more = (all_of_them[0] - one[0]) / (VERIFIED - 1)
        return [
            against_goal("verify_cpu", more, VERIFY_CPU, "CPU s for one vCluster more"),
            Result("verify_first", one[0] - empty[0], VERIFY_CPU, GOAL, CPU),
            against_goal("verify_wall", one[1] - empty[1], VERIFY_SECONDS, "s"),
        ]

    return _fresh(inventory, measured)


def snapshot(end: str = "") -> list[Result]:
    """See snapshot_parts."""
    inventory = _inventory("snapshot", 1, clusters=1, **snapshot_parts.WANTED)
    return _fresh(inventory, lambda: snapshot_parts.measured(inventory, end))


def scale() -> list[Result]:
    """See scale_parts."""
    found = []
    for name, part in (("scaled", scale_parts.deployed), ("outside", scale_parts.external)):
        inventory = _inventory(name, 1, clusters=1, **scale_parts.WANTED)
        found += _fresh(inventory, partial(part, inventory))
    return found


def upgrade() -> list[Result]:
    """See upgrade_parts."""
    one = _inventory("raised", 1, clusters=1, **upgrade_parts.WANTED)
    found = _fresh(one, partial(upgrade_parts.alone, one))
    variables = {**upgrade_parts.WANTED, **upgrade_parts.ETCD}
    ours, other = (_inventory(name, 1, clusters=1, **variables) for name in ("hopped", "by-hand"))
    measured = partial(upgrade_parts.together, ours, other)
    return found + _fresh(ours, partial(_fresh, other, measured))


def migrate() -> list[Result]:
    """See migrate_parts."""
    found = []
    for name, part in (("outgrown", migrate_parts.outage), ("mirrored", migrate_parts.rate)):
        inventory = _inventory(name, 1, clusters=1, **migrate_parts.WANTED)
        found += _fresh(inventory, partial(part, inventory))
    return found


def migrate_1gb() -> list[Result]:
    """See migrate_parts."""
    inventory = _inventory("large", 1, clusters=1, **migrate_parts.WANTED)
    return _fresh(inventory, lambda: migrate_parts.rate(inventory, 1000))


def _median(inventory: Inventory, playbook: str) -> tuple[float, float]:
    """CPU and wall s of a run."""
    usages = [inventory.play(playbook) for _ in range(REPEATS)]
    return median(u.cpu for u in usages), median(u.wall for u in usages)


def possible() -> bool:
    """Whether the lab is up; says what is left out where it is not."""
    try:
        Lab.running()
    except RuntimeError as missing:
        print(f"bench: {' and '.join(PARTS)} are left out: {missing}")
        return False
    return True


def _inventory(
    name: str, count: int, clusters: int | None = None, **variables: object
) -> Inventory:
    """vClusters on the lab's host clusters in turn, or on the first ones."""
    try:
        found = Lab.running().clusters
    except RuntimeError as missing:
        raise BenchError(str(missing)) from missing
    places = list(found)[:clusters]
    hosts = {f"bench-{name}-{n}": places[n % len(places)] for n in range(count)}
    return Inventory(name, found, hosts, {**TOGETHER, **variables})


def _fresh(inventory: Inventory, measured: Callable[[], T]) -> T:
    """With none of the namespaces there, before and after."""
    _remove(inventory)
    try:
        return measured()
    finally:
        _remove(inventory)


def _remove(inventory: Inventory) -> None:
    for name, cluster in inventory.hosts.items():
        namespace = ("delete", "namespace", f"vcluster-{name}", "--ignore-not-found")
        kubectl(inventory.clusters[cluster], *namespace)


PARTS = {
    "verify": verify,
    "install": install,
    "scale": scale,
    "upgrade": upgrade,
    "migrate": migrate,
    "migrate_1gb": migrate_1gb,
    "snapshot": snapshot,
    "snapshot_1gb": partial(snapshot, "_1gb"),
}
