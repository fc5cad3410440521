# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pods behind an address that names a Service of the host cluster, and whose that Service is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from .._core.errors import ApiError
from .._core.marks import OWNER
from .._core.observation import POD_ENDED
from .._core.ports import Api, Backend, Json
from .._core.service_names import ServicePort, service_at


def pods_behind(api: Api, endpoint: str, namespace: str) -> tuple[Backend, ...]:
    """Those that have not ended, ready or not; none where the address is no Service that may be looked at.

    Args:
        namespace: Where the address is dialled from.
    """
    with suppress(ApiError):
        return tuple(_pods(api, service_at(endpoint, namespace)))
    return ()


def owner_of(api: Api, endpoint: str, namespace: str) -> str:
    """Whose data is behind an address, by the mark on its Service; empty where nothing says it."""
    place = service_at(endpoint, namespace) if endpoint else None
    with suppress(ApiError):
        service = _service(api, place) if place else None
        annotations = (service or {}).get("metadata", {}).get("annotations") or {}
        return str(annotations.get(OWNER, ""))
    return ""


def _service(api: Api, place: ServicePort) -> Json | None:
    return api.find(f"/api/v1/namespaces/{place.namespace}/services/{place.name}")


def _pods(api: Api, place: ServicePort | None) -> Iterator[Backend]:
    service = _service(api, place) if place else None
    if place is None or service is None:
        return
    selector = service["spec"].get("selector") or {}
    target = next(
        (
            port.get("targetPort", place.port)
            for port in service["spec"].get("ports", ())
            if port["port"] == place.port
        ),
        None,
    )
    if not selector or target is None:
        return
    query = {"labelSelector": ",".join(f"{key}={value}" for key, value in selector.items())}
    for pod in api.list(f"/api/v1/namespaces/{place.namespace}/pods", query):
        port = _port(pod, target)
        if port and pod.get("status", {}).get("phase") not in POD_ENDED:
            yield Backend(place.namespace, pod["metadata"]["name"], port)


def _port(pod: Json, target: Any) -> int:
    """The number of a port that may be named; 0 where the pod has no such port."""
    if isinstance(target, int):
        return target
    ports = (port for one in pod["spec"]["containers"] for port in one.get("ports", ()))
    return next((int(port["containerPort"]) for port in ports if port.get("name") == target), 0)
