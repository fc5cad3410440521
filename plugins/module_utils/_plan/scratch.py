# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The copy of a vCluster that a drill runs: the same control plane and store, in a namespace of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from .._core.ports import Json
from .._core.snapshot import Manifest
from .._core.spec import Origin, Spec
from .._stores.base import REPLICAS, at, number
from .._stores.registry import store_in
from .values import merged

LABEL = "fleetops.vcluster/drill"
LONGEST = 63  # of a namespace's name
ENDING = "-drill"
# CoreDNS, and pods that fill members: as many as there are members.
MORE_PODS = 4
# What would be reached from outside, or costs money there.
CLOSED: Mapping[str, Any] = {
    "controlPlane": {
        "ingress": {"enabled": False},
        "service": {"spec": {"type": "ClusterIP"}},
        "serviceMonitor": {"enabled": False},
    },
}


def scratch_of(spec: Spec, manifest: Manifest, values: Mapping[str, Any]) -> Spec:
    """What is installed for a drill: what the snapshot says, and nothing of what the inventory says now.

    Args:
        values: User values of the snapshot.
    """
    return replace(
        spec,
        namespace=_name(spec.namespace),
        version=manifest.chart_version,
        kubernetes_version=None,
        replicas=None,
        autoscaling=None,
        vertical_autoscaling=None,
        store=None,
        resources=None,
        expose=None,
        values=merged(store_in(values).as_copy(values), CLOSED),
        secret_paths=(),
        proof="write",
        snapshots=replace(spec.snapshots, origin=Origin(spec.cluster, spec.namespace, spec.name)),
    )


def _name(namespace: str) -> str:
    if len(namespace) + len(ENDING) <= LONGEST:
        return namespace + ENDING
    short = hashlib.sha256(namespace.encode()).hexdigest()[:8]
    return f"{namespace[: LONGEST - len(ENDING) - 9]}-{short}{ENDING}"


def isolation(spec: Spec) -> Iterator[tuple[str, Json]]:
    """A quota that leaves room for the control plane and its store alone, and no way in from other namespaces."""
    members = store_in(spec.values).members(spec.values)
    replicas = number(at(spec.values, *REPLICAS))
    hard = {
        "pods": str(replicas + 2 * members + MORE_PODS),
        "persistentvolumeclaims": str(replicas + members),
        "services.loadbalancers": "0",
        "services.nodeports": "0",
        "count/ingresses.networking.k8s.io": "0",
    }
    name = {"name": "fleetops-drill"}
    place = f"namespaces/{spec.namespace}"
    yield f"/api/v1/{place}/resourcequotas", {"metadata": name, "spec": {"hard": hard}}
    inside = {
        "podSelector": {},
        "policyTypes": ["Ingress"],
        "ingress": [{"from": [{"podSelector": {}}]}],
    }
    yield f"/apis/networking.k8s.io/v1/{place}/networkpolicies", {"metadata": name, "spec": inside}
