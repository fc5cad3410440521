# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put an autoscaler of a control plane as it is asked for."""

from __future__ import annotations

from collections.abc import Callable

from .._core.autoscaling import AUTOSCALERS, HORIZONTAL, OURS, trouble
from .._core.errors import FleetError, TimedOut
from .._core.observation import Workload
from .._core.plan import Scaler
from .._core.ports import Api, Json
from .._core.spec import Spec
from .._plan.autoscaling import objects
from .pods import look
from .wait import Deadline, came

PAUSE = 2.0  # seconds between two looks at whether it measures


def put_autoscaler(
    api: Api, spec: Spec, scaler: Scaler, limit: Deadline, say: Callable[[str], None]
) -> None:
    """Make it, change it or take it away; it works, and has the count within its bounds, when this returns.

    Raises:
        FleetError: There is no control plane, the API server refuses it, or it gets no numbers.
    """
    kind = next(kind for kind in AUTOSCALERS if kind.kind == scaler.kind)
    path = f"{kind.collection(spec.namespace)}/{scaler.name}"
    if scaler.goes:
        api.delete(path)
        return
    _refuse_somebody_elses(spec, scaler, api.find(path))
    plane = _plane(api, spec)
    wanted = {item["kind"]: item for item in objects(spec, plane)}[scaler.kind]
    api.apply(path, wanted)
    if kind is HORIZONTAL:
        say("waiting for the autoscaler to get numbers, and to have the replicas within its bounds")
        least, most = wanted["spec"]["minReplicas"], wanted["spec"]["maxReplicas"]

        def missing() -> str:
            count = _plane(api, spec).replicas
            bounds = "" if least <= count <= most else f"{count} replicas, not {least} to {most}"
            return trouble(api.get(path)) or bounds

        if not came(lambda: not missing(), limit, PAUSE):
            raise TimedOut(
                f"{spec.title}: the HorizontalPodAutoscaler does not work after {limit.seconds:.0f} s: {missing()}.",
                f"Look at `kubectl --namespace {spec.namespace} describe hpa {spec.name}`.",
            )


def _plane(api: Api, spec: Spec) -> Workload:
    found = (w for w in look(api, spec).workloads if w.component == "control_plane")
    plane = next(found, None)
    if plane is None:
        raise FleetError(f"{spec.title} has no control plane workload.", "Run again.")
    return plane


def _refuse_somebody_elses(spec: Spec, scaler: Scaler, found: Json | None) -> None:
    labels = (found or {}).get("metadata", {}).get("labels") or {}
    if found and not OURS.items() <= labels.items():
        raise FleetError(
            f"{spec.title}: there is a {scaler.kind} {scaler.name} in its namespace that somebody else made.",
            "Rename or delete it: this one needs the name.",
        )
