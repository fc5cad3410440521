# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The same work for many vClusters in one process: bounded threads, and each host cluster is connected to once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from .._core.errors import FleetError, defect
from .._core.ports import HostCluster
from .._core.spec import Spec
from .context import Context

T = TypeVar("T")


class Hosts:
    """The host clusters of some vClusters, each connected to once, when it is first asked for."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._hosts: dict[str, HostCluster | FleetError] = {}

    def connect(self, specs: Iterable[Spec]) -> None:
        """Connect to all of them, before threads share them."""
        for spec in specs:
            if spec.access.key not in self._hosts:
                try:
                    self._hosts[spec.access.key] = self._context.host(spec.access)
                except FleetError as error:
                    self._hosts[spec.access.key] = error

    def of(self, spec: Spec) -> HostCluster:
        """The host cluster of a vCluster.

        Raises:
            FleetError: It could not be connected to.
        """
        found = self._hosts[spec.access.key]
        if isinstance(found, FleetError):
            raise found
        return found


def for_each(
    specs: Mapping[str, Spec],
    context: Context,
    work: Callable[[Spec, HostCluster], T],
    failed: Callable[[Spec, FleetError], T],
    concurrency: int,
) -> dict[str, T]:
    """The result of the work for each vCluster, in the order given.

    Args:
        specs: By inventory host.
        failed: Makes the result of one whose work raised; a defect of ours counts as such, with its words.
        concurrency: Threads.
    """
    hosts = Hosts(context)
    hosts.connect(specs.values())

    def one(spec: Spec) -> T:
        try:
            return work(spec, hosts.of(spec))
        except FleetError as error:
            return failed(spec, error)
        except Exception as error:
            return failed(spec, FleetError(f"{spec.title}: {defect(error)}"))

    with ThreadPoolExecutor(max_workers=max(1, concurrency)) as pool:
        return dict(zip(specs, pool.map(one, specs.values()), strict=True))
