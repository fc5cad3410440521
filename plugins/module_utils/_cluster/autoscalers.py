# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Autoscalers of a control plane, and the APIs that they need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .._core.autoscaling import (
    AUTOSCALERS,
    HORIZONTAL,
    OURS,
    AutoscalerKind,
    groups_needed,
    trouble,
)
from .._core.errors import ApiError
from .._core.observation import Autoscaler, Workload
from .._core.ports import Api, Json
from .._core.spec import Spec


def autoscalers(api: Api, spec: Spec, workloads: Iterable[Workload]) -> tuple[Autoscaler, ...]:
    """Those whose target is the control plane.

    Raises:
        ApiError: They may not be listed, and some are asked for.
    """
    planes = {(w.kind, w.name) for w in workloads if w.component == "control_plane"}
    found = []
    for kind in AUTOSCALERS if planes else ():
        for item in _listed(api, spec, kind):
            target = item["spec"].get(kind.target) or {}
            if (target.get("kind"), target.get("name")) in planes:
                labels = item["metadata"].get("labels") or {}
                why = trouble(item) if kind is HORIZONTAL else ""
                ours = OURS.items() <= labels.items()
                name = item["metadata"]["name"]
                found.append(Autoscaler(kind.kind, name, ours, item["spec"], why))
    return tuple(found)


def _listed(api: Api, spec: Spec, kind: AutoscalerKind) -> Iterator[Json]:
    try:
        answer = api.find(kind.collection(spec.namespace))
    except ApiError as error:
        if not error.forbidden or spec.autoscaling or spec.vertical_autoscaling:
            raise
        return
    yield from (answer or {}).get("items", ())


def groups_served(api: Api, spec: Spec) -> frozenset[str]:
    """Those of the API groups that the autoscalers asked for need which the host cluster serves."""
    return frozenset(group for group in set(groups_needed(spec)) if api.find(f"/apis/{group}"))
