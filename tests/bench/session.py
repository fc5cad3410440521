# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The simulated fleet of one bench run: it grows, and what was measured on it is kept for later parts."""

from __future__ import annotations

import re
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import peers
from hosts import BareLab, Counted, Inventory
from measure import BenchError, Usage
from simulated import ORIGINAL, Original, create, install, prove_again

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.host import Host, connect
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access

UNCHANGED = re.compile(r"(\d+) vClusters: 0 to change, (\d+) unchanged")


@dataclass(frozen=True)
class Sizes:
    """How many vClusters, and how often each run is repeated.

    Attributes:
        fleet: The sizes the fleet has, one after the other: two for the no-op, a third for its growth.
        module: The sample that kubernetes.core.helm gets.
        loop: The sample that the loop of helm gets.
        changed: How many get a new value, by each way.
        repeats: The figure of a run is the median of so many.
    """

    fleet: tuple[int, int, int]
    module: int
    loop: int
    changed: int
    repeats: int


@dataclass(frozen=True)
class NoOp:
    """A run of `site` that changes nothing.

    Attributes:
        cpu: CPU s of all of it.
        wall: Seconds.
        memory: Peak in MB.
        counts: What each host cluster was asked.
    """

    size: int
    cpu: float
    wall: float
    memory: float
    counts: Mapping[str, Counted]


@dataclass
class Session:
    """The host clusters and the fleet on them."""

    lab: BareLab
    sizes: Sizes
    made: int = 0
    _no_ops: dict[int, NoOp] = field(default_factory=dict)

    @cached_property
    def hosts(self) -> dict[str, Host]:
        """The host clusters past the proxy, for what is not measured."""
        paths = {name: self.lab.kubeconfig(name, direct=True) for name in self.lab.names}
        return {name: connect(Access(str(path)), print) for name, path in paths.items()}

    @cached_property
    def original(self) -> Original:
        """One is enough: the host clusters do not differ."""
        first = self.lab.names[0]
        inventory = Inventory("original", self._clusters, {ORIGINAL: first})
        return install(inventory, self.hosts[first])

    @property
    def _clusters(self) -> dict[str, Any]:
        return {name: self.lab.kubeconfig(name) for name in self.lab.names}

    def inventory(self, name: str, prefix: str, first: int, last: int) -> Inventory:
        """vClusters `PREFIX-NUMBER`, spread over the host clusters."""
        places = self.lab.names
        hosts = {f"{prefix}-{n:04}": places[n % len(places)] for n in range(first, last)}
        return Inventory(name, self._clusters, hosts)

    def fleet(self, size: int) -> Inventory:
        """A fleet of that size, and nothing else on the host clusters."""
        if size < self.made:
            raise BenchError(f"there are {self.made} vClusters already, {size} cannot be measured")
        more = self.inventory("more", "bench", self.made, size)
        whole = [f"bench-{n:04}" for n in range(self.sizes.module)]
        if more.hosts:
            seconds = create(self.original, more, self.hosts, whole)
            print(f"bench: {len(more.hosts)} more vClusters in {seconds:.0f} s", flush=True)
        self.made = size
        return self.inventory(f"fleet-{size}", "bench", 0, size)

    def no_op(self, size: int) -> NoOp:
        """Measured once; the counted run comes first, so that the measured ones find warm caches."""
        if size not in self._no_ops:
            inventory = self.fleet(size)
            self.lab.count_requests()
            counted = site(inventory, memory=True)
            counts = self.lab.counted()
            usages = [site(inventory) for _ in range(self.sizes.repeats)]
            cpu, wall = (
                statistics.median(values)
                for values in zip(*((u.cpu, u.wall) for u in usages), strict=True)
            )
            self._no_ops[size] = NoOp(size, cpu, wall, counted.memory, counts)
        return self._no_ops[size]

    @cached_property
    def peers(self) -> tuple[float, float]:
        """CPU s a vCluster of kubernetes.core.helm and of the loop, on vClusters that do not change."""
        all_of_them = self.inventory("peers", "bench", 0, self.sizes.module)
        module = peers.module(all_of_them, self.original.values_of, changes=False)
        first = all_of_them.only(list(all_of_them.hosts)[: self.sizes.loop])
        loop = peers.loop(first, self.original.values_of)
        prove_again(first, self.hosts)  # helm has written a new revision of each
        return module, loop


def site(inventory: Inventory, *, memory: bool = False) -> Usage:
    """A run that has to change nothing."""
    usage = inventory.play("site", memory=memory)
    found = UNCHANGED.search(" ".join(usage.output.split()))
    if not found or set(map(int, found.groups())) != {len(inventory.hosts)}:
        raise BenchError(f"this was no no-op, see {inventory.log}")
    return usage
