# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SQLite in a volume of the one control-plane pod (the chart's default store)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from .._core.care import Condition
from .._core.check import CheckResult, Status
from .._core.finding import Finding, refuse
from .._core.lines.line import MetricsPaths
from .._core.observation import Observation, Pod
from .._core.plan import Step
from .._core.ports import Reach
from .._core.quantity import quantity
from .._core.scrape import Scrape, plane_scrapes
from .._core.snapshot import Way
from .._core.spec import Spec
from .base import (
    BACKING_STORE,
    PLANE_CLAIM,
    REPLICAS,
    Usual,
    at,
    claim_values,
    number,
    tree,
    truthy,
    without,
)
from .findings import unknown_options
from .plane_volume import data_place, lacks_volume, moved_data, plane_room
from .refill import Refill
from .source import Source, copied_source
from .sqlite_care import condition_of, vacuum
from .sqlite_refill import refill_database
from .store import Options, Values
from .work import Upkeep


class Sqlite(Usual):
    """See Store."""

    type = "sqlite"
    way: Way | None = "sqlite"
    stateless_replicas = False
    copied_by_pod = True
    one_writer = True

    def room(self, values: Values) -> list[str]:
        """See Store."""
        return plane_room(values)

    def enabled(self, values: Values) -> bool:
        """See Store. It is also what runs when nothing is switched on."""
        return truthy(at(values, *BACKING_STORE, "database", "embedded", "enabled"))

    def values(self, name: str, options: Options) -> dict[str, Any]:
        """See Store."""
        return tree(*claim_values(PLANE_CLAIM, options))

    def options_in(self, values: Values) -> dict[str, Any] | None:
        """See Store."""
        return {}

    def option_findings(self, options: Options) -> list[Finding]:
        """See Store."""
        return unknown_options(self.type, ("size", "storage_class", "persistence"), options)

    def findings(self, values: Values) -> list[Finding]:
        """G01: the pod refuses to start with more than one replica. G02: no volume, no data."""
        found = []
        replicas = number(at(values, *REPLICAS))
        if replicas > 1:
            found.append(
                refuse(
                    "G01",
                    f"{replicas} replicas on the store sqlite.",
                    "Helm would be green, and the pods would end with 'embedded database is not supported with "
                    "multiple replicas'.",
                    "Keep vcluster_replicas at 1, or take another vcluster_store.type, such as etcd_deployed; "
                    "fleetops.vcluster.migrate_store moves there with all data.",
                )
            )
        return [*found, *lacks_volume(self.type, values)]

    def left(self, values: Values) -> dict[str, Any]:
        """See Store. What the values say of a volume stays, but for the size of this one."""
        own = (*BACKING_STORE, "database", "embedded")
        return without(values, own, (*PLANE_CLAIM, "size"), (*PLANE_CLAIM, "storageClass"))

    def data_claims(self, name: str) -> list[str]:
        """See Store."""
        return [f"data-{name}-0"]

    def servers(self, name: str) -> tuple[tuple[str, str], ...]:
        """See Store: its claim is made as that of the control plane."""
        return (("StatefulSet", name),)

    def change_findings(self, live: Values, values: Values) -> list[Finding]:
        """See Store. The new pod would begin with an empty file, whatever `vcluster_allow` says."""
        return moved_data(self.type, live, values)

    def data_findings(self, values: Values) -> list[Finding]:
        """See Store. A pod beside the control plane has to see the same data."""
        place = data_place(values)
        if place.kept:
            return []
        return [
            refuse(
                "spec",
                f"The store sqlite has its data in {place.title}.",
                "A second pod cannot reach it there, and it is gone with the first one.",
                "Only a store with a volume of its own (controlPlane.statefulSet.persistence) has snapshots.",
            )
        ]

    def scrapes(self, name: str, values: Values, paths: MetricsPaths) -> tuple[Scrape, ...]:
        """See Store."""
        return plane_scrapes(name, "kine", paths.kine)

    def checks(
        self,
        spec: Spec,
        observation: Observation,
        pods: Sequence[Pod],
        reach: Reach,
        values: Values,
    ) -> list[CheckResult]:
        """`store_volume`: the claim is there and bound."""
        plane = observation.workload("control_plane")
        if plane is not None and plane.kind != "StatefulSet":
            return [
                CheckResult(
                    "store_volume", "skip", f"{plane.kind} {plane.name} runs without a volume"
                )
            ]
        wanted = f"data-{spec.name}-0"
        claim = next((found for found in observation.claims if found.name == wanted), None)
        if claim is None:
            return [
                CheckResult(
                    "store_volume", "fail", f"PersistentVolumeClaim {wanted} does not exist"
                )
            ]
        status: Status = "pass" if claim.phase == "Bound" else "fail"
        return [
            CheckResult(
                "store_volume",
                status,
                f"PersistentVolumeClaim {wanted}, {claim.size}: {claim.phase}",
            )
        ]

    @contextmanager
    def source(
        self, spec: Spec, pods: Sequence[Pod], reach: Reach, values: Values
    ) -> Iterator[Source]:
        """See Store. What a stopped control plane acknowledged lies in the volume, whatever its revision was."""
        plane = next((pod for pod in pods if pod.component == "control_plane"), None)
        revision = _revision(reach, plane.name) if plane else None
        title = f"SQLite in claim data-{spec.name}-0"
        with reach.database() as database:
            yield copied_source(title, database, revision)

    def condition(
        self,
        spec: Spec,
        observation: Observation,
        pods: Sequence[Pod],
        reach: Reach,
        values: Values,
        *,
        closely: bool = False,
    ) -> Condition | None:
        """See Store. Without a closer look nobody tells the size of its file, only what of it is in use."""
        claim = f"data-{spec.name}-0"
        sizes = [quantity(c.size) or 0 for c in observation.claims if c.name == claim]
        planes = [pod.name for pod in pods if pod.component == "control_plane"]
        return condition_of(claim, planes, reach, int(sum(sizes)), closely=closely)

    def tend(self, spec: Spec, observation: Observation, step: Step, upkeep: Upkeep) -> None:
        """See Store."""
        vacuum(spec.namespace, spec.name, upkeep)

    def takes(self, way: Way) -> Way:
        """See Store."""
        return "sqlite"

    def refill(self, spec: Spec, values: Values, refill: Refill) -> None:
        """See Store."""
        refill_database(spec.namespace, spec.name, refill)
        refill.compare()


def _revision(reach: Reach, plane: str) -> int:
    """The revision of the store as the tenant's API tells it."""
    with reach.replica(plane) as replica:
        found = replica.get("/api/v1/namespaces", {"limit": "1"})
    return int(found["metadata"]["resourceVersion"])
