# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine of module `control_plane`: everything of one vCluster in one call."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from .._core.errors import Refused
from .._core.finding import refuse
from .._core.plan import Kind, View
from .._core.ports import HostCluster
from .._core.spec import Decision, Spec
from .apply import Application
from .audit import audit_of
from .autoscale import findings, looked_at, outdated
from .companions import ensure_namespace
from .context import Context
from .differences import differences
from .door import Arguments, Result
from .load_report import load_as_data
from .options import spec_of
from .planning import Planned, accepted, observe_and_plan
from .render import plan_as_data
from .wait import Deadline


def run_control_plane(arguments: Arguments, context: Context) -> Result:
    """Plan, and carry the plan out unless nothing is to be done or only checked; look at the load before, if asked to.

    Raises:
        Refused: A guard refuses, or the plan is no longer the one that was shown.
        FleetError: The host cluster, the lock or Helm ended the work before the first step.
    """
    spec, view = spec_of(arguments, context), View(arguments.get("view") or View.EVERYTHING)
    host = context.host(spec.access)
    verdict = None
    if view is View.STORE:
        spec = replace(spec, gives_up=spec.host in (arguments.get("consent") or ()))
    if view is View.REPLICAS and (decision := arguments.get("decision")):
        spec = replace(spec, decision=Decision(**decision))
    elif view is View.REPLICAS and arguments.get("by_load"):
        spec, verdict = looked_at(spec, host, context)
    result = _carried_out(spec, host, view, arguments, context)
    if verdict is None:
        return result
    accepted(spec, said := findings(verdict), context)
    found = [*result["findings"], *map(asdict, said)]
    return {**result, "findings": found, "load": load_as_data(verdict)}


def _carried_out(
    spec: Spec, host: HostCluster, view: View, arguments: Arguments, context: Context
) -> Result:
    # A plan that was shown says that there is work: one look under the lock is enough. Where nothing is yet, the look
    # before it keeps a refusal from leaving a namespace behind.
    shown_before = bool(arguments.get("planned")) and not context.check
    if not (shown_before and host.api.find(_namespace(spec))):
        room = not arguments.get("planned")
        planned = _accepted(observe_and_plan(spec, host, context, view, room=room), context)
        if not planned.plan.steps:
            return _unchanged(planned)
        if context.check:
            return _preview(planned, host, context)
        ensure_namespace(host.api, spec.namespace)
    deadline = Deadline(spec.limits.total)
    with host.lock(spec) as lock:
        planned = _accepted(observe_and_plan(spec, host, context, view, room=False), context)
        if spec.decision and (
            why := outdated(spec.decision, planned.observation, host.api.now.timestamp())
        ):
            return {**_unchanged(planned), "msg": f"{spec.title}: nothing was done, {why}"}
        if not planned.plan.steps:
            # Another run has finished it while this one waited for the lock.
            return _unchanged(planned)
        _still_as_planned(planned, arguments)
        shown = differences(planned, host) if context.diff else None
        audit = audit_of(arguments)
        result = Application(planned, host, context, lock, deadline, audit).carry_out()
    if shown is not None:
        result["diff"] = shown
    return _report(planned, result)


def _unchanged(planned: Planned) -> Result:
    msg = f"{planned.spec.title}: nothing to do"
    return _report(planned, {"changed": False, "outcome": "unchanged", "msg": msg})


def _accepted(planned: Planned, context: Context) -> Planned:
    """The plan, unless a guard refuses; warnings are passed on."""
    accepted(planned.spec, planned.plan.findings, context)
    return planned


def _still_as_planned(planned: Planned, arguments: Arguments) -> None:
    """A plan that has become another since it was shown is refused, or carried out by choice.

    One that only proves, and goes nowhere from there, changes nothing: there was nothing to show.
    """
    shown, steps = arguments.get("planned"), planned.plan.steps
    if planned.plan.kinds == (Kind.PROVE.value,) and steps[0].way_back == "none":
        return
    if shown and shown != planned.plan.digest and arguments.get("on_change") != "replan":
        kinds = ", ".join(planned.plan.kinds) or "nothing"
        raise Refused(
            (
                refuse(
                    "plan",
                    f"{planned.spec.title}: the plan has changed since it was shown; it would be: {kinds}.",
                    "Somebody changed the vCluster in between.",
                    "Run again and look at the new plan.",
                ),
            )
        )


def _preview(planned: Planned, host: HostCluster, context: Context) -> Result:
    """What a run would do."""
    kinds = ", ".join(planned.plan.kinds)
    only_proof = planned.plan.kinds == ("prove",)
    result: dict[str, Any] = {
        "changed": not only_proof,
        "outcome": "planned",
        "msg": f"{planned.spec.title}: would do {kinds}",
    }
    if context.diff:
        result["diff"] = differences(planned, host)
    return _report(planned, result)


def _report(planned: Planned, result: dict[str, Any]) -> Result:
    """The result with the plan; a failure, which Ansible prints in full, names its kinds only."""
    plan = plan_as_data(planned.plan, planned.full.secret_paths)
    if result.get("failed"):
        plan = {key: plan[key] for key in ("digest", "kinds")}
    return {**result, "plan": plan, "findings": [asdict(f) for f in planned.plan.findings]}


def _namespace(spec: Spec) -> str:
    return f"/api/v1/namespaces/{spec.namespace}"
