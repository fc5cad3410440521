# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Members of a store that cannot come back with the data they have (G63)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from .._core.errors import ApiError
from .._core.observation import Workload
from .._core.ports import Api, Json
from .._stores.etcd_lost import LOG_LINES, loss_in

CONTAINER = "etcd"


def lost_members(api: Api, namespace: str, workloads: Sequence[Workload]) -> Mapping[int, str]:
    """Why, by the ordinal of the pod, as the log of its last attempt tells it; pods that never ended are not asked."""
    etcd = next((found for found in workloads if found.component == "etcd"), None)
    if etcd is None or etcd.settled:
        return {}
    release = etcd.name.removesuffix("-etcd")
    return losses(api, namespace, f"app=vcluster-etcd,release={release}")


def losses(api: Api, namespace: str, selector: str) -> Mapping[int, str]:
    """The same of the pods that a label selector finds."""
    return dict(_losses(api, namespace, selector))


def _losses(api: Api, namespace: str, selector: str) -> Iterator[tuple[int, str]]:
    query = {"labelSelector": selector}
    for pod in api.list(f"/api/v1/namespaces/{namespace}/pods", query):
        title = pod["metadata"]["name"]
        if not _restarts(pod) or _ready(pod):
            continue
        found = (
            loss_in(log) for log in _logs(api, f"/api/v1/namespaces/{namespace}/pods/{title}/log")
        )
        if why := next(filter(None, found), ""):
            yield int(title.rpartition("-")[2]), why


def _logs(api: Api, path: str) -> Iterator[str]:
    """Of the attempt before and of this one: when this one has just ended, the one before is no longer kept."""
    for previous in ("true", "false"):
        query = {"container": CONTAINER, "previous": previous, "tailLines": LOG_LINES}
        # There is none, or no right to read logs: then nothing is known.
        with suppress(ApiError):
            yield api.text(path, query)


def _restarts(pod: Json) -> int:
    return sum(c.get("restartCount", 0) for c in _containers(pod))


def _ready(pod: Json) -> bool:
    return all(c.get("ready") for c in _containers(pod))


def _containers(pod: Json) -> Sequence[Json]:
    found: Sequence[Json] = (pod.get("status") or {}).get("containerStatuses") or ()
    return found
