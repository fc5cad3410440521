# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""G10: autoscalers only where replicas may come and go, and where they can measure something."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..._core.autoscaling import HORIZONTAL, METRIC_GROUPS, VERTICAL, groups_needed
from ..._core.finding import Finding, refuse, warn
from ..._core.quantity import quantity
from ..._core.spec import Autoscaling, Spec, VerticalAutoscaling
from ..._stores.base import number
from ..._stores.registry import store_in
from ..autoscaling import FLOOR
from ..desired import CHART_CPU, REPLICAS, RESOURCES
from .case import Case

OPTIONS_BY = {
    "hpa": ("cpu", "memory", "metrics", "scale_in_window"),
    "load": ("requests", "latency_ms", "cool_down"),
}
LONGEST_MS = (
    60_000  # the highest bound of apiserver_request_duration_seconds: nothing is ever above it
)
SERVES = {
    "metrics.k8s.io": "metrics-server serves it",
    "autoscaling.k8s.io": "the vertical-pod-autoscaler brings it",
}


def option_findings(spec: Spec) -> Iterator[Finding]:
    """Options that contradict each other, whatever runs."""
    if spec.autoscaling:
        yield from _horizontal_findings(spec, spec.autoscaling)
    if spec.vertical_autoscaling:
        yield from _vertical_findings(spec.vertical_autoscaling)
    if spec.autoscaling and spec.vertical_autoscaling:
        taken = set(spec.autoscaling.resources)
        if both := sorted(taken & set(spec.vertical_autoscaling.resources)):
            yield refuse(
                "G10",
                f"vcluster_autoscaling and vcluster_vertical_autoscaling both decide by {' and '.join(both)}.",
                "Each would undo what the other does.",
                "Leave it to one: set vcluster_vertical_autoscaling.resources, or a target to 0.",
            )


def idle_options(options: Mapping[str, Any]) -> Iterator[Finding]:
    """Options of `vcluster_autoscaling` that mean nothing to what decides."""
    by = options.get("by", Autoscaling.by)
    for other, names in OPTIONS_BY.items():
        if given := [name for name in names if name in options and other != by]:
            yield refuse(
                "G10",
                f"vcluster_autoscaling has {' and '.join(given)}, which mean nothing to by: {by}.",
                "It would decide by something else than what is asked for.",
                f"Set by: {other}, or leave them out.",
            )


def _horizontal_findings(spec: Spec, asked: Autoscaling) -> Iterator[Finding]:
    at = "vcluster_autoscaling"
    for name, least, most in (
        ("requests", 1, None),
        ("latency_ms", 1, LONGEST_MS),
        ("cool_down", 1, None),
        ("cpu", 0, 100),
        ("memory", 0, 100),
        ("scale_in_window", 0, 3600),
    ):
        value = getattr(asked, name)
        if value < least or (most is not None and value > most):
            words = (
                f"It is {least} at least." if most is None else f"It is between {least} and {most}."
            )
            yield refuse("G10", f"{at}.{name} is {value}.", "", words)
    floor = FLOOR if asked.horizontal else 1
    if spec.replicas is None or spec.replicas < floor:
        yield refuse(
            "G10",
            f"{at} with vcluster_replicas {'unset' if spec.replicas is None else spec.replicas}.",
            "One replica holds no election: a second one beside it would work against it."
            if asked.horizontal
            else "",
            f"Set vcluster_replicas, which is the least there are, to {floor} or more.",
        )
    elif asked.max < spec.replicas:
        what = f"{at}.max is {asked.max}, vcluster_replicas {spec.replicas}."
        yield refuse("G10", what, "", "Raise it.")
    for metric in asked.metrics:
        if problem := _metric_problem(metric):
            yield refuse(
                "G10", f"{at}.metrics: {problem}.", "", "They are those of autoscaling/v2."
            )
    if asked.horizontal and not (asked.cpu or asked.memory or asked.metrics):
        yield refuse("G10", f"{at} has no metric.", "", "Give cpu, memory or metrics a target.")


def _metric_problem(metric: Mapping[str, Any]) -> str:
    """What is wrong with a metric of autoscaling/v2 (MetricSpec); empty for nothing."""
    kind = metric.get("type")
    if kind not in METRIC_GROUPS:
        return f"type {kind!r} is none of {', '.join(METRIC_GROUPS)}"
    section = kind[:1].lower() + kind[1:]
    found = metric.get(section)
    if not isinstance(found, Mapping) or set(metric) != {"type", section}:
        return f"type {kind} needs {section}, and nothing else"
    name = (
        found.get("name") if kind.endswith("Resource") else (found.get("metric") or {}).get("name")
    )
    if not name or not isinstance(found.get("target"), Mapping):
        return f"{section} needs a name and a target"
    if kind.endswith("Resource") and name not in ("cpu", "memory"):
        return f"{section} {name!r} is none of cpu, memory"
    return ""


def _vertical_findings(asked: VerticalAutoscaling) -> Iterator[Finding]:
    at = "vcluster_vertical_autoscaling"
    if not asked.resources or set(asked.resources) - {"cpu", "memory"}:
        yield refuse(
            "G10",
            f"{at}.resources is {list(asked.resources)}.",
            "",
            "It holds cpu, memory or both.",
        )
    for name in sorted({*asked.min, *asked.max}):
        least, most = (quantity(str(limits.get(name, "1"))) for limits in (asked.min, asked.max))
        if name not in ("cpu", "memory") or least is None or most is None or least <= 0:
            yield refuse(
                "G10",
                f"{at} has {name} from {asked.min.get(name)!r} to {asked.max.get(name)!r}.",
                "",
                "They look like cpu: 2, memory: 4Gi.",
            )
        elif name in asked.min and name in asked.max and least > most:
            yield refuse(
                "G10",
                f"{at}.min.{name} is {asked.min[name]}, max {asked.max[name]}.",
                "",
                "Turn them round.",
            )


def autoscaled_store(case: Case) -> Iterator[Finding]:
    """G10: replicas that hold data do not come and go by themselves."""
    store = store_in(case.effective)
    if case.spec.autoscaling and not store.stateless_replicas:
        yield refuse(
            "G10",
            f"vcluster_autoscaling on the store {store.type}.",
            "Its data is in the replicas.",
            "Leave it out, or restore a snapshot into a vCluster with another store.",
        )


def somebody_elses(case: Case) -> Iterator[Finding]:
    """G10: two autoscalers on one control plane, or one on a single replica."""
    for found in case.observation.autoscalers:
        if found.ours:
            continue
        scaled = case.spec.autoscaling if found.kind == HORIZONTAL.kind else None
        asked = scaled or (found.kind == VERTICAL.kind and case.spec.vertical_autoscaling)
        if asked:
            yield refuse(
                "G10",
                f"{found.kind} {case.spec.namespace}/{found.name} is somebody else's, and has this control plane.",
                "Two would work against each other.",
                "Delete it, or leave the variable out.",
            )
        elif found.kind == HORIZONTAL.kind and store_in(case.effective).replicas_are_members:
            yield refuse(
                "G10",
                f"{found.kind} {case.spec.namespace}/{found.name} scales replicas that are members of the store.",
                "They would go without a look at the others.",
                "Delete it.",
            )
        elif found.kind == HORIZONTAL.kind and number(case.value(REPLICAS)) < FLOOR:
            yield refuse(
                "G10",
                f"{found.kind} {case.spec.namespace}/{found.name} scales a control plane of one replica.",
                "One replica holds no election: a second one beside it works against it.",
                f"Delete it, or set vcluster_replicas to {FLOOR} or more.",
            )


def measurable(case: Case) -> Iterator[Finding]:
    """G10: an autoscaler that nothing gives numbers to; a percentage of a request that means nothing."""
    # One that is there already is no reason to hold anything else up.
    there = any(found.ours for found in case.observation.autoscalers)
    said = warn if there else refuse
    for group in sorted(set(groups_needed(case.spec)) - case.observation.api_groups):
        yield said(
            "G10",
            f"Host cluster {case.spec.cluster} does not serve {group}, which the autoscaler needs.",
            "It would do nothing.",
            f"{SERVES.get(group, 'An adapter for your metrics serves it')}: install it first.",
        )
    asked = case.spec.autoscaling
    for name in asked.resources if asked else ():
        request = case.value((*RESOURCES, "requests", name))
        known = quantity(str(request)) or 0
        if known <= 0 or (name == "cpu" and known == quantity(CHART_CPU)):
            shown = "the chart's default" if known else "no quantity"
            yield refuse(
                "G10",
                f"vcluster_autoscaling.{name} is a percentage of the request, which is {request} ({shown}).",
                "An idle API server uses more than that: it would scale out at once."
                if known
                else "",
                f"Set vcluster_resources.requests.{name}, for example {'1' if name == 'cpu' else '2Gi'}.",
            )


AUTOSCALING_GUARDS = (autoscaled_store, somebody_elses, measurable)
