# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the images of a hop can be had, before anything is changed (G53): a pod of ours asks for each new one.

Its containers name a program that no image has, so none of them runs; that one could not be started says that its image
was there.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from .._cluster.workloads import COMPONENTS
from .._core.errors import ApiError, FleetError
from .._core.observation import Observation
from .._core.plan import Step
from .._core.ports import HostCluster, Json
from .._core.spec import Spec
from .wait import Deadline, wait_until

SECONDS = 300.0  # that pulling may take
NO_PROGRAM = ["/fleetops/asks/for/the/image"]
NEVER = frozenset({"InvalidImageName", "ErrImageNeverPull"})
# A first failure may be the registry's mood; the node tries again 10 s and 30 s after it.
FAILED = frozenset({"ErrImagePull", "ImagePullBackOff"})
PATIENCE = 45.0
STILL = frozenset({"", "ContainerCreating", "PodInitializing", *FAILED})
KEPT = ("imagePullSecrets", "nodeSelector", "tolerations", "serviceAccountName", "securityContext")


def images_come(
    spec: Spec, host: HostCluster, observation: Observation, step: Step, limit: Deadline
) -> None:
    """Every image that the hop brings can be pulled.

    Raises:
        FleetError: One cannot, with the words of the node.
    """
    template = _template(spec, host, observation, step)
    there = {image for found in observation.workloads for image in found.images.values()}
    images = sorted(set(_images(template)) - there)
    if not images:
        return
    path = f"/api/v1/namespaces/{spec.namespace}/pods"
    manifest = _pod(spec, template, images)
    name = f"{path}/{manifest['metadata']['name']}"
    within, failing = Deadline(SECONDS, limit), dict[str, float]()
    host.api.delete(name)
    what = f"pod {manifest['metadata']['name']} of an earlier run to end"
    wait_until(spec, within, what, lambda: host.api.find(name) is None)
    try:
        host.api.create(path, manifest)
    except ApiError as error:
        if error.forbidden:
            return  # Whoever may not make pods finds out at the rollout.
        # A request that was repeated meets the pod of the first one.
        if not error.conflict:
            raise
    try:
        pulled = partial(_pulled, spec, failing)
        wait_until(spec, within, "the images of the hop", lambda: pulled(host.api.get(name)))
    finally:
        host.api.delete(name)


def _template(
    spec: Spec, host: HostCluster, observation: Observation, step: Step
) -> tuple[Mapping[str, Any], ...]:
    """The pods of the hop, as the chart renders them."""
    chart = host.helm.pull(spec.chart, step.version)
    rendered = host.helm.template(
        spec.name, spec.namespace, chart, step.values or {}, observation.host_release
    )
    return tuple(
        item["spec"]["template"]["spec"]
        for item in rendered
        if item["kind"] in ("Deployment", "StatefulSet")
        and (item["metadata"].get("labels") or {}).get("app") in COMPONENTS
    )


def _images(pods: tuple[Mapping[str, Any], ...]) -> Iterator[str]:
    for pod in pods:
        for container in (*(pod.get("initContainers") or ()), *pod["containers"]):
            yield container["image"]


def _pod(spec: Spec, pods: tuple[Mapping[str, Any], ...], images: list[str]) -> Json:
    """Where the control plane would run."""
    resources = {"cpu": "1m", "memory": "8Mi"}
    containers = [
        {
            "name": f"image-{number}",
            "image": image,
            "command": NO_PROGRAM,
            "resources": {"requests": resources, "limits": {**resources, "cpu": "10m"}},
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            },
        }
        for number, image in enumerate(images)
    ]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"{spec.name}-images",
            "labels": {"app": "fleetops-images", "release": spec.name},
        },
        "spec": {
            **{key: pods[0][key] for key in KEPT if pods[0].get(key)},
            "automountServiceAccountToken": False,
            "restartPolicy": "Never",
            "containers": containers,
        },
    }


def _pulled(spec: Spec, failing: dict[str, float], pod: Json) -> bool:
    """Whether all are there.

    Args:
        failing: Since when each image cannot be pulled, by the monotonic clock; is kept here.
    """
    statuses, now = pod.get("status", {}).get("containerStatuses", ()), time.monotonic()
    for status in statuses:
        waiting = status.get("state", {}).get("waiting", {})
        since = failing.setdefault(status["image"], now) if waiting.get("reason") in FAILED else now
        if waiting.get("reason") in NEVER or now - since >= PATIENCE:
            words = waiting.get("message") or waiting["reason"]
            raise FleetError(
                f"{spec.title}: the image {status['image']} cannot be pulled: {words}.",
                "Nothing of this hop was changed. Push it, or correct version, vcluster_image_registry or "
                "vcluster_pull_secrets.",
            )
    wanted = len(pod["spec"]["containers"])
    return len(statuses) == wanted and all(map(_had, statuses))


def _had(status: Json) -> bool:
    state = status.get("state", {})
    return "terminated" in state or state.get("waiting", {}).get("reason", "") not in STILL
