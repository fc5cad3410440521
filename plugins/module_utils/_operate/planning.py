# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Observe one vCluster and plan it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from .._core.errors import FleetError, Refused
from .._core.finding import Finding, refusals, refuse
from .._core.observation import Observation, Release
from .._core.plan import Plan, Step, View
from .._core.ports import HostCluster
from .._core.spec import Spec
from .._plan.digest import digest, unchanged
from .._plan.load_advice import Verdict
from .._plan.planner import plan
from .._plan.revisions import unfinished
from .._stores.registry import member_list
from .context import Context
from .fitting import fitted, with_room, with_schemas
from .references import with_secrets


@dataclass(frozen=True)
class Planned:
    """A plan and what it was made from.

    Attributes:
        spec: What the inventory asks, references unresolved.
        full: The same with the content of its references.
        verdict: What came of a look at the load; None without one.
    """

    spec: Spec
    full: Spec
    observation: Observation
    plan: Plan
    verdict: Verdict | None = None


def observe_and_plan(
    spec: Spec,
    host: HostCluster,
    context: Context,
    view: View = View.EVERYTHING,
    *,
    room: bool = True,
) -> Planned:
    """Observe in full and plan; see plan_observed."""
    return plan_observed(spec, host.observe(spec), host, context, view, room=room)


def plan_observed(
    spec: Spec,
    observation: Observation,
    host: HostCluster,
    context: Context,
    view: View = View.EVERYTHING,
    *,
    room: bool = True,
) -> Planned:
    """Plan.

    Args:
        observation: A complete one.
        view: What else than that is left alone.
        room: Warn where new pods find no room; all pods of the host cluster are listed for that.

    Raises:
        Refused: A new vCluster whose inventory names no version: there is no chart to plan with.
        FleetError: The host cluster or the chart cannot be read.
    """
    nothing = unchanged(spec, observation) and view is not View.SOURCE
    if nothing and spec.decision is None:
        return Planned(spec, spec, observation, Plan())
    members = member_list(spec, observation, host.reach(spec))
    observation = replace(observation, members=members)
    full = with_secrets(spec, host.api, context.secrets)
    good = unfinished(observation) or observation.last_good
    running = good.chart_version if good else None
    moves = view in (View.EVERYTHING, View.VERSIONS)
    version = spec.version or running if moves else running or spec.version
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
    found = plan(full, observation, chart, view)
    found = fitted(with_schemas(found, spec.chart, host.helm), host.api, observation)
    if room:
        found = with_room(found, host, observation, chart)
    return Planned(spec, full, observation, found)


def one_step(
    spec: Spec, observation: Observation, findings: tuple[Finding, ...], step: Callable[[], Step]
) -> Planned:
    """The plan of a verb that has one step, or its refusal."""
    steps = () if refusals(findings) else (step(),)
    return some_steps(spec, observation, findings, steps)


def some_steps(
    spec: Spec, observation: Observation, findings: tuple[Finding, ...], steps: tuple[Step, ...]
) -> Planned:
    """The plan of a verb that looks by itself, without a chart and values; where it is refused it has no steps."""
    steps = () if refusals(findings) else steps
    plan = Plan(steps, findings, digest=digest([steps, findings]))
    return Planned(spec, spec, observation, plan)


def accepted(spec: Spec, findings: tuple[Finding, ...], context: Context) -> None:
    """Refuse what a guard refuses, and pass warnings on."""
    refused = refusals(findings)
    if refused:
        raise Refused(refused)
    for finding in findings:
        context.warn(f"{spec.host}: {finding}")


def present(spec: Spec, release: Release | None) -> Release:
    """A release that was there when the run began."""
    if release is None:
        raise FleetError(
            f"{spec.title}: its release is gone.",
            "Somebody uninstalled it during this run; run again.",
        )
    return release
