# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run is for. Each verb makes a plan of the same form, so waves, budgets and report are the same for all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .._core.observation import Observation
from .._core.plan import Plan, View
from .._core.ports import HostCluster
from .._core.spec import Spec
from .._plan.care import noted
from .._plan.digest import unchanged
from .context import Context
from .planning import Planned, observe_and_plan


class Verb:
    """Only looks.

    Attributes:
        words: What is said of the vClusters that have steps.
    """

    words = "to look at"

    def prepare(self, specs: Sequence[Spec], host: HostCluster, context: Context) -> None:
        """Once for all vClusters of a host cluster, before the first of them is planned."""

    def stop(self) -> None:
        """Nobody waits for `prepare` any longer: it begins nothing more."""

    def plan(
        self, spec: Spec, seen: Observation, host: HostCluster, context: Context
    ) -> Planned | None:
        """The plan of one vCluster; None when nothing is to be done.

        Args:
            seen: By the light pass.
        """
        return None


class Site(Verb):
    """Brings a vCluster to the state that is asked for.

    Args:
        view: What else than that is left alone.
    """

    words = "to change"

    def __init__(self, view: View = View.EVERYTHING) -> None:
        self._view = view

    def plan(
        self, spec: Spec, seen: Observation, host: HostCluster, context: Context
    ) -> Planned | None:
        """See Verb. What the store is due for is told only, and with everything only."""
        told = tuple(noted(seen, spec.title)) if self._view is View.EVERYTHING else ()
        if unchanged(spec, seen) and self._view is not View.SOURCE:
            return Planned(spec, spec, seen, Plan(findings=told)) if told else None
        planned = observe_and_plan(spec, host, context, self._view)
        plan = replace(planned.plan, findings=(*planned.plan.findings, *told))
        return replace(planned, plan=plan)


LOOK, SITE = Verb(), Site()
