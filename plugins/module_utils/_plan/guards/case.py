# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a guard looks at: one vCluster, its chart, and the values it would run with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..._core.finding import Finding
from ..._core.observation import Observation
from ..._core.plan import View
from ..._core.ports import ChartArchive
from ..._core.spec import Spec
from ..membership import Course, absent, course_of, members_of
from ..values import ABSENT, Path, Tree, merged, read


@dataclass(frozen=True)
class Case:
    """One vCluster before the guards.

    Attributes:
        chart: The chart that would be run.
        observation: As it will be after the hops.
        live: User values that run then; empty for a new vCluster.
        values: User values it would run with.
        running: Chart version that runs now, before any hop; None for a new vCluster.
        kubernetes: Tenant Kubernetes that runs after them (`1.36.3`); None when unknown.
        target_kubernetes: Tenant Kubernetes asked for, a version too; None when the chart's default decides.
        view: What of the plan is carried out.
    """

    spec: Spec
    observation: Observation
    chart: ChartArchive
    live: Mapping[str, Any]
    values: Mapping[str, Any]
    running: str | None
    kubernetes: str | None
    target_kubernetes: str | None
    view: View = View.EVERYTHING

    @property
    def new(self) -> bool:
        """Nothing of it runs yet."""
        return self.running is None

    @cached_property
    def effective(self) -> Tree:
        """The values with the chart's defaults below them: what the templates see."""
        return merged(self.chart.defaults, self.values)

    @cached_property
    def effective_live(self) -> Tree:
        """The same for what runs now. No hop changes an immutable default (0.20 to 0.36), so one chart serves both."""
        return merged(self.chart.defaults, self.live)

    @property
    def members(self) -> int:
        """Members of the store that there are; 0 for none."""
        return members_of(self.observation, self.effective_live)

    @property
    def absent(self) -> range:
        """Ordinals of replicas that are members of the store and have no pod: their votes are missed."""
        return absent(self.observation, self.effective_live)

    @cached_property
    def course(self) -> Course:
        """What happens to the members."""
        if self.new:
            return Course()
        return course_of(self.observation, self.effective_live, self.effective)

    def changed(self, path: Path) -> bool:
        """Whether the effective value at a path would become another."""
        return bool(read(self.effective, path) != read(self.effective_live, path))

    def value(self, path: Path, otherwise: Any = None) -> Any:
        """The effective value at a path."""
        found = read(self.effective, path)
        return otherwise if found is ABSENT else found


Guard = Callable[[Case], Iterable[Finding]]
