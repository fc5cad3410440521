# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Observe one vCluster and plan it."""

from __future__ import annotations

from dataclasses import dataclass

from .._core.errors import Refused
from .._core.finding import refuse
from .._core.observation import Observation
from .._core.plan import Plan
from .._core.ports import HostCluster
from .._core.spec import Spec
from .._plan.digest import unchanged
from .._plan.planner import plan
from .context import Context
from .references import with_secrets


@dataclass(frozen=True)
class Planned:
    """A plan and what it was made from.

    Attributes:
        spec: What the inventory asks, references unresolved.
        full: The same with the content of its references.
    """

    spec: Spec
    full: Spec
    observation: Observation
    plan: Plan


def observe_and_plan(spec: Spec, host: HostCluster, context: Context) -> Planned:
    """Observe in full and plan.

    Raises:
        Refused: A new vCluster whose inventory names no version: there is no chart to plan with.
        FleetError: The host cluster or the chart cannot be read.
    """
    observation = host.observe(spec)
    if unchanged(spec, observation):
        return Planned(spec, spec, observation, Plan())
    full = with_secrets(spec, host.api, context.secrets)
    running = observation.last_good.chart_version if observation.last_good else None
    version = spec.version or running
    if version is None:
        what = f"{spec.title} is new and vcluster_version is not set."
        raise Refused(
            (
                refuse(
                    "spec",
                    what,
                    "There is no version that suits every day.",
                    "Set it, such as 0.36.1.",
                ),
            )
        )
    chart = host.helm.pull(spec.chart, version)
    return Planned(spec, full, observation, plan(full, observation, chart))
