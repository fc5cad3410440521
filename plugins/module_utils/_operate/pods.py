# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pods of a vCluster, and what each is doing in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .._cluster.workloads import COMPONENTS, workload_of
from .._core.observation import POD_ENDED, Pod, Workload
from .._core.place import Place
from .._core.ports import Api, Json

KINDS = {"deployments": "Deployment", "statefulsets": "StatefulSet"}
# Waiting reasons that say only that the container has not started yet; an event says more.
STARTING = frozenset({"ContainerCreating", "PodInitializing"})
# These two follow each other while nothing changes, with ever other words.
UNPULLED = frozenset({"ErrImagePull", "ImagePullBackOff"})
IMAGE = re.compile(r'image "([^"]+)"')


@dataclass(frozen=True)
class Live:
    """The workloads and pods at one moment.

    Attributes:
        version: resourceVersion of the list of pods: a watch goes on from here.
        aside: Pods that have ended and were replaced: a Deployment leaves them lying about.
        selector: The label selector of the pods.
        core: The component without which there is nothing.
    """

    workloads: tuple[Workload, ...]
    pods: tuple[Pod, ...]
    version: str
    aside: tuple[Pod, ...] = ()
    selector: str = ""
    core: str = "control_plane"

    @property
    def settled(self) -> bool:
        """Every workload is rolled out, and there is one of its core at all."""
        return any(w.component == self.core for w in self.workloads) and all(
            w.settled for w in self.workloads
        )


def selector(place: Place) -> str:
    """The label selector of the workloads and pods of one vCluster."""
    return f"app in ({','.join(COMPONENTS)}),release={place.name}"


def look(api: Api, place: Place) -> Live:
    """The workloads of a vCluster. Three small lists: Deployments, StatefulSets, pods."""
    query = {"labelSelector": selector(place)}
    found = tuple(
        workload_of(raw, kind)
        for plural, kind in KINDS.items()
        for raw in api.get(f"/apis/apps/v1/namespaces/{place.namespace}/{plural}", query).get(
            "items", ()
        )
    )
    listed = api.get(f"/api/v1/namespaces/{place.namespace}/pods", query)
    pods = sorted(
        (pod(raw) for raw in listed.get("items", ())), key=lambda item: (item.component, item.name)
    )
    aside = tuple(item for item in pods if item.ended and _replaced(item.component, found, pods))
    staying = tuple(item for item in pods if item not in aside)
    return Live(found, staying, listed["metadata"]["resourceVersion"], aside, selector(place))


def _replaced(component: str, workloads: Iterable[Workload], pods: Iterable[Pod]) -> bool:
    """Whether a component has all its pods beside those that have ended."""
    wanted = sum(item.replicas for item in workloads if item.component == component)
    return sum(item.component == component and not item.ended for item in pods) >= wanted


def pod(raw: Json, component: str = "") -> Pod:
    """A pod from its JSON; one of the chart tells its component by its labels."""
    metadata, status = raw["metadata"], raw.get("status", {})
    containers = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
    ready = any(
        c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", ())
    )
    deleting = "deletionTimestamp" in metadata
    ended = status.get("phase") in POD_ENDED
    ready = ready and not deleting and not ended
    return Pod(
        component=component or COMPONENTS[metadata["labels"]["app"]],
        name=metadata["name"],
        uid=metadata["uid"],
        node=raw["spec"].get("nodeName", ""),
        ready=ready,
        state="terminating" if deleting else "ready" if ready else _state(status, containers),
        restarts=sum(c.get("restartCount", 0) for c in containers),
        deleting=deleting,
        ended=ended,
    )


def _state(status: Json, containers: list[Json]) -> str:
    """Why a pod is not ready."""
    if status.get("phase") in POD_ENDED:
        reason, message = status.get("reason") or status["phase"], status.get("message") or ""
        return f"{reason}: {message}".rstrip(": ")
    for condition in status.get("conditions", ()):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return f"not scheduled: {condition.get('message', condition.get('reason', ''))}"
    waiting = [c["state"]["waiting"] for c in containers if "waiting" in c.get("state", {})]
    telling = [w for w in waiting if w.get("reason") not in STARTING]
    for told in telling:
        return _waiting(told, containers)
    ended = [
        c["state"]["terminated"]
        for c in containers
        if c.get("state", {}).get("terminated", {}).get("exitCode")
    ]
    for end in ended:
        return f"{end.get('reason', 'ended')}: exit code {end['exitCode']}"
    return "starting" if waiting or not containers else "running, not ready yet"


def _waiting(told: Json, containers: list[Json]) -> str:
    """Why a container waits, without the words that change while nothing else does."""
    reason, message = told.get("reason", "waiting"), told.get("message", "")
    if reason in UNPULLED:
        image = IMAGE.search(message)
        return f"cannot pull image {image[1] if image else ''}".rstrip()
    if reason == "CrashLoopBackOff":
        ends = (c.get("lastState", {}).get("terminated", {}).get("exitCode") for c in containers)
        message = next((f"exit code {code}" for code in ends if code), "")
    return f"{reason}: {message}".rstrip(": ")


def unready(live: Live) -> Iterator[Pod]:
    """The pods that keep a rollout from being complete."""
    return (item for item in live.pods if not item.ready)


def last_event(api: Api, place: Place, item: Pod) -> tuple[str, str]:
    """Reason and message of the newest event of a pod; empty when there is none."""
    found = api.get(
        f"/api/v1/namespaces/{place.namespace}/events",
        {"fieldSelector": f"involvedObject.uid={item.uid}"},
    ).get("items", ())
    newest = max(found, key=_moment, default=None)
    return (newest.get("reason", ""), newest.get("message", "")) if newest else ("", "")


def _moment(event: Json) -> str:
    """When an event happened last; RFC 3339 texts sort by time."""
    times = (
        event.get("lastTimestamp"),
        event.get("eventTime"),
        event["metadata"].get("creationTimestamp"),
    )
    return next((time for time in times if time), "")
