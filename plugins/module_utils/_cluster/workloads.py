# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deployments and StatefulSets of vClusters, from the API's JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .._core.observation import RESTORING, Workload
from .libraries import parse

COMPONENTS = {"vcluster": "control_plane", "vcluster-etcd": "etcd"}
SELECTOR = f"app in ({','.join(COMPONENTS)})"
_RENDERED = re.compile(r"^kind: *(Deployment|StatefulSet) *$", re.MULTILINE)
# The vendor's tool sets these while a vCluster must not run (0.36, vcluster pause and restore).
_PAUSED = ("loft.sh/paused", RESTORING)


def workload_of(item: Mapping[str, Any], kind: str) -> Workload:
    """A workload; items of a list carry no kind of their own."""
    metadata, spec, status = item["metadata"], item["spec"], item.get("status") or {}
    template = spec["template"]
    pod = template["spec"]
    containers = (pod.get("initContainers") or []) + pod["containers"]
    annotations = (template.get("metadata") or {}).get("annotations") or {}
    return Workload(
        component=COMPONENTS.get((metadata.get("labels") or {}).get("app", ""), ""),
        kind=kind,
        name=metadata["name"],
        replicas=spec.get("replicas", 1),
        ready=status.get("readyReplicas", 0),
        updated=status.get("updatedReplicas", 0),
        total=status.get("replicas", 0),
        generation=metadata.get("generation", 0),
        observed_generation=status.get("observedGeneration", 0),
        images={container["name"]: container.get("image", "") for container in containers},
        config_hash=annotations.get("vClusterConfigHash", ""),
        annotations=metadata.get("annotations") or {},
    )


def workloads_in(manifest: str) -> Iterator[Workload]:
    """The vCluster's workloads as a release rendered them.

    Args:
        manifest: Rendered objects as one YAML text; only those of the two kinds are parsed.
    """
    for text in re.split(r"^---$", manifest, flags=re.MULTILINE):
        if kind := _RENDERED.search(text):
            item = parse(text)
            if (item["metadata"].get("labels") or {}).get("app") in COMPONENTS:
                yield workload_of(item, kind[1])


def paused(workloads: Iterable[Workload]) -> str:
    """The annotation that says the vCluster is paused or being restored; empty when it is not."""
    for workload in workloads:
        for key in _PAUSED:
            if workload.annotations.get(key) == "true":
                return key
    return ""
