# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A database by a connector of the vendor's platform: seen, named and left alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._core.check import CheckResult
from .._core.finding import Finding, refuse
from .._core.lines.line import MetricsPaths
from .._core.observation import Observation, Pod
from .._core.ports import Reach
from .._core.scrape import Scrape, plane_scrapes
from .._core.spec import Spec
from .base import BACKING_STORE, Usual, at, truthy
from .findings import licensed
from .store import Options, Values

EXTERNAL = (*BACKING_STORE, "database", "external")


class ExternalDatabase(Usual):
    """See Store."""

    type = "database_external"  # `vcluster_store.type` does not take it

    def enabled(self, values: Values) -> bool:
        """See Store. With a data source that names its server the store is that one."""
        source = str(at(values, *EXTERNAL, "dataSource") or "")
        return truthy(at(values, *EXTERNAL, "enabled")) and "://" not in source

    def values(self, name: str, options: Options) -> dict[str, Any]:
        """See Store."""
        return {}

    def options_in(self, values: Values) -> dict[str, Any] | None:
        """See Store."""
        return None

    def option_findings(self, options: Options) -> list[Finding]:
        """See Store."""
        return []

    def identity(self, values: Values) -> str:
        """See Store. It is compared and never shown."""
        section = at(values, *EXTERNAL) or {}
        return f"{section.get('dataSource') or ''}{section.get('connector') or ''}"

    def scrapes(self, name: str, values: Values, paths: MetricsPaths) -> tuple[Scrape, ...]:
        """See Store."""
        return plane_scrapes(name, "kine", paths.kine)

    def findings(self, values: Values) -> list[Finding]:
        """G33: licensed in every image. G59: an address is missing."""
        section = at(values, *EXTERNAL) or {}
        found = [licensed(self.type)]
        if not section.get("dataSource") and not section.get("connector"):
            found.append(
                refuse(
                    "G59",
                    f"The store {self.type} has no dataSource and no connector.",
                    "The pods end at once.",
                )
            )
        return found

    def checks(
        self,
        spec: Spec,
        observation: Observation,
        pods: Sequence[Pod],
        reach: Reach,
        values: Values,
    ) -> list[CheckResult]:
        """See Store."""
        return [CheckResult("store", "skip", f"the store {self.type} has no checks here yet")]
