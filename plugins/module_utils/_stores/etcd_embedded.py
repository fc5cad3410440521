# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""etcd inside the control-plane pods: each replica is a member.

The vendor's image is closed and needs a licence, so nothing here was seen running: values and order of the steps follow
the chart (0.34 to 0.36) and the vendor's pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from .._core.check import CheckResult
from .._core.errors import FleetError
from .._core.finding import Finding, refuse
from .._core.lines.line import MetricsPaths
from .._core.observation import Observation, Pod
from .._core.ports import Reach
from .._core.scrape import Scrape, plane_scrapes
from .._core.spec import Spec
from .base import (
    BACKING_STORE,
    MOST_CLAIMS,
    PLANE_CLAIM,
    RECOVERY,
    REPLICAS,
    Usual,
    at,
    claim_values,
    number,
    tree,
    truthy,
    without,
)
from .findings import even_count, licensed, unknown_options
from .plane_volume import data_place, lacks_volume, moved_data, plane_room
from .source import Source
from .store import Options, Path, Values

EMBEDDED = (*BACKING_STORE, "etcd", "embedded")
MOST = 5  # members whose names are written into their certificates (0.36.1, pkg/certs/ensure.go)


class EtcdEmbedded(Usual):
    """See Store."""

    type = "etcd_embedded"
    stateless_replicas = False
    replicas_are_members = True
    member_paths: tuple[Path, ...] = (REPLICAS,)

    def enabled(self, values: Values) -> bool:
        """See Store."""
        return truthy(at(values, *EMBEDDED, "enabled"))

    def values(self, name: str, options: Options) -> dict[str, Any]:
        """See Store."""
        return tree(((*EMBEDDED, "enabled"), True), *claim_values(PLANE_CLAIM, options))

    def room(self, values: Values) -> list[str]:
        """See Store. Its quota is not known here."""
        return plane_room(values)

    def options_in(self, values: Values) -> dict[str, Any] | None:
        """See Store."""
        return {}

    def option_findings(self, options: Options) -> list[Finding]:
        """See Store."""
        return unknown_options(self.type, ("size", "storage_class"), options)

    def findings(self, values: Values) -> list[Finding]:
        """G02, G07, G33, G59."""
        replicas = self.members(values)
        found = [licensed(self.type), *lacks_volume(self.type, values)]
        found += even_count(replicas, f"replicas on the store {self.type}, each a member of it")
        if replicas > MOST:
            found.append(
                refuse(
                    "G59",
                    f"{replicas} replicas on the store {self.type}, each a member of it.",
                    f"The certificates of its members are made for {MOST} (0.36.1, pkg/certs/ensure.go).",
                    f"Set vcluster_replicas to {MOST} or less.",
                )
            )
        return found

    def change_findings(self, live: Values, values: Values) -> list[Finding]:
        """See Store."""
        return moved_data(self.type, live, values)

    def members(self, values: Values) -> int:
        """See Store."""
        return number(at(values, *REPLICAS))

    def claims(self, name: str, members: int) -> list[str]:
        """See Store."""
        return [f"data-{name}-{ordinal}" for ordinal in range(members)]

    def left(self, values: Values) -> dict[str, Any]:
        """See Store."""
        return without(values, EMBEDDED)

    def imports(self, source: str) -> Values:
        """See Store (0.24.2 on, backingStore.etcd.embedded.migrateFromDeployedEtcd; the vendor's pages)."""
        if source != "etcd_deployed":
            return {}
        deployed = (*BACKING_STORE, "etcd", "deploy", "enabled")
        flags = ((deployed, False), ((*EMBEDDED, "enabled"), True))
        return tree(*flags, ((*EMBEDDED, "migrateFromDeployedEtcd"), True))

    def data_claims(self, name: str) -> list[str]:
        """See Store."""
        return self.claims(name, MOST_CLAIMS)

    def keeps_members(self, values: Values) -> bool:
        """See Store."""
        return data_place(values).kept

    def scrapes(self, name: str, values: Values, paths: MetricsPaths) -> tuple[Scrape, ...]:
        """See Store."""
        return plane_scrapes(name, "etcd", paths.etcd)

    def checks(
        self,
        spec: Spec,
        observation: Observation,
        pods: Sequence[Pod],
        reach: Reach,
        values: Values,
    ) -> list[CheckResult]:
        """None of its own. What goes through each replica goes through its own member (0.36.1, pkg/k8s/k8s.go)."""
        words = (
            f"the members of {self.type} are not asked, the vendor's image is closed; each replica reads and writes "
            "through its own"
        )
        return [CheckResult("store", "skip", words)]

    def survivor(
        self, spec: Spec, observation: Observation, reach: Reach, values: Values
    ) -> AbstractContextManager[Source]:
        """See Store."""
        raise FleetError(
            f"{spec.title}: a lost quorum of the store {self.type} is not recovered here.",
            f"Follow {RECOVERY}",
        )
