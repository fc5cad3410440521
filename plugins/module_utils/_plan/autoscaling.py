# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Autoscalers of a control plane: the objects asked for, and who decides over the count of replicas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .._core.autoscaling import HORIZONTAL, OURS, VERTICAL, AutoscalerKind
from .._core.observation import Autoscaler, Observation, Workload
from .._core.plan import Change, Kind, Scaler, Step
from .._core.ports import Json
from .._core.quantity import quantity
from .._core.spec import Autoscaling, Spec, VerticalAutoscaling
from .._stores.base import REPLICAS, number
from .values import ABSENT, build, leaves, merged, pointer, read

# With fewer replicas the control plane holds no election: a second one would work beside the first (G10).
FLOOR = 2
CONTAINER = "syncer"  # of the control plane's pods (0.25 to 0.36, templates/_statefulset.tpl)


def scaled_to(spec: Spec, observation: Observation) -> int | None:
    """The count of replicas that an autoscaler, by whomever, has come to; None where the values of the release decide.

    Also where the one that is asked for is not there: what it had made of the count is not undone before it is back.
    """
    plane = observation.workload("control_plane")
    elects = number(read(observation.live_values, REPLICAS)) >= FLOOR
    found = observation.autoscaler(HORIZONTAL.kind)
    if plane is None or not elects:
        return None
    count = plane.replicas
    # A decision by load was made from the count that is there, whoever made that.
    decided = spec.decision is not None or in_bounds(spec, count)
    within = count >= max(found.least, FLOOR) if found else decided
    return count if within else None


def in_bounds(spec: Spec, count: int) -> bool:
    """Whether an autoscaler that is asked for may have made that count."""
    return bool(spec.autoscaling and (spec.replicas or FLOOR) <= count <= spec.autoscaling.max)


def with_count(
    spec: Spec, observation: Observation, values: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Values with the count that an autoscaler has made of the one in them (G10, G64)."""
    count = scaled_to(spec, observation)
    return values if count is None else merged(values, build([(REPLICAS, count)]))


def replicas_asked(spec: Spec, observation: Observation, said: Any) -> int | None:
    """The count that takes the place of the one that the inventory says; None where that one stays.

    Args:
        said: ABSENT where it says none.
    """
    count, found = scaled_to(spec, observation), observation.autoscaler(HORIZONTAL.kind)
    if spec.autoscaling:
        now = number(read(observation.live_values, REPLICAS), 0)
        if spec.decision:
            return min(max(spec.decision.replicas, spec.replicas or 1), spec.autoscaling.max)
        # One that is there changes the count itself when its bounds change.
        return count or min(max(now, spec.replicas or FLOOR), spec.autoscaling.max)
    return count if found and not found.ours and said is not ABSENT else None


def objects(spec: Spec, plane: Workload) -> list[Json]:
    """The autoscalers asked for.

    Args:
        plane: The workload of the control plane.
    """
    target = {"apiVersion": "apps/v1", "kind": plane.kind, "name": plane.name}
    found = []
    if spec.autoscaling and spec.autoscaling.horizontal:
        found.append(
            _object(spec, HORIZONTAL, target, _horizontal(spec.autoscaling, spec.replicas or FLOOR))
        )
    if spec.vertical_autoscaling:
        found.append(_object(spec, VERTICAL, target, _vertical(spec.vertical_autoscaling)))
    return found


def _object(spec: Spec, kind: AutoscalerKind, target: Json, body: Json) -> Json:
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"name": spec.name, "namespace": spec.namespace, "labels": dict(OURS)},
        "spec": {kind.target: target, **body},
    }


def _horizontal(asked: Autoscaling, least: int) -> Json:
    metrics = [
        {
            "type": "Resource",
            "resource": {
                "name": name,
                "target": {"type": "Utilization", "averageUtilization": percent},
            },
        }
        for name, percent in (("cpu", asked.cpu), ("memory", asked.memory))
        if percent
    ]
    return {
        "minReplicas": least,
        "maxReplicas": asked.max,
        "metrics": [*metrics, *map(dict, asked.metrics)],
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": asked.scale_in_window}},
    }


def _vertical(asked: VerticalAutoscaling) -> Json:
    policy = {
        "containerName": CONTAINER,
        "controlledResources": list(asked.resources),
        "minAllowed": {name: asked.min[name] for name in asked.resources if name in asked.min},
        "maxAllowed": {name: asked.max[name] for name in asked.resources if name in asked.max},
    }
    # The updater leaves a workload alone that has fewer replicas than this (vertical-pod-autoscaler 1.x, minReplicas).
    least = 1 if asked.evict_single_replica else FLOOR
    return {
        "updatePolicy": {"updateMode": asked.mode, "minReplicas": least},
        "resourcePolicy": {"containerPolicies": [policy]},
    }


def autoscaler_steps(
    spec: Spec, observation: Observation, version: str
) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """The steps before everything else, which take an autoscaler away, and those after it.

    Args:
        version: Of the chart that runs then.
    """
    plane = observation.workload("control_plane") or Workload("control_plane", "", spec.name, 0)
    wanted = {item["kind"]: item for item in objects(spec, plane)}
    going = tuple(
        _step(
            f"{found.kind} {found.name} goes",
            _gone(found),
            Scaler(found.kind, found.name, True),
            version,
        )
        for found in observation.autoscalers
        if found.ours and found.kind not in wanted
    )
    coming = []
    for kind, item in wanted.items():
        found = observation.autoscaler(kind)
        changes = tuple(_differences(found, item))
        # A run that waited for its numbers in vain is not over; one that has them is not held up when they are away.
        waits = found is not None and bool(found.trouble) and not _finished(observation)
        if changes or waits:
            what = "differs from what is asked for" if changes else "gets no numbers yet"
            what = what if found else "is not there yet"
            scaler = Scaler(kind, spec.name)
            coming.append(_step(f"{kind} {spec.name}: {what}", changes, scaler, version))
    return going, tuple(coming)


def _finished(observation: Observation) -> bool:
    return observation.release is not None and observation.release.finished


def _step(reason: str, changes: tuple[Change, ...], scaler: Scaler, version: str) -> Step:
    return Step(Kind.AUTOSCALING, reason, changes, version=version, scaler=scaler)


def _gone(found: Autoscaler) -> tuple[Change, ...]:
    return (Change(f"{found.kind} {found.name}", "there", None, "removed"),)


def _differences(found: Autoscaler | None, wanted: Json) -> Iterator[Change]:
    """What is asked for and is not so; what the API server filled in is its own."""
    live = dict(leaves(found.spec)) if found else {}
    for path, value in leaves(wanted["spec"]):
        if not _covers(live.get(path), value):
            title = f"{wanted['kind']} {wanted['metadata']['name']}: {pointer(path)[1:].replace('/', '.')}"
            yield Change(title, live.get(path), value)


def _covers(live: Any, wanted: Any) -> bool:
    """Whether everything of one value is in another; lists as long as each other."""
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(
            _covers(live.get(key), value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(live, list) and len(live) == len(wanted) and all(map(_covers, live, wanted))
        )
    same = bool(live == wanted)
    return same or (quantity(str(live)) or live) == (quantity(str(wanted)) or wanted)
