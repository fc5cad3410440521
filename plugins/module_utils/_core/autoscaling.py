# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Autoscalers as Kubernetes has them: kinds, and which APIs their metrics come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .spec import Spec

# On every object that this collection makes beside a release.
OURS = {"app.kubernetes.io/managed-by": "fleetops.vcluster"}


@dataclass(frozen=True)
class AutoscalerKind:
    """A kind of autoscaler.

    Attributes:
        group, version: Of its API.
        plural: In paths.
        target: The key of its spec that names the workload.
    """

    kind: str
    group: str
    version: str
    plural: str
    target: str

    @property
    def api_version(self) -> str:
        """As objects say it."""
        return f"{self.group}/{self.version}"

    def collection(self, namespace: str) -> str:
        """The path of those in a namespace."""
        return f"/apis/{self.api_version}/namespaces/{namespace}/{self.plural}"


HORIZONTAL = AutoscalerKind(
    "HorizontalPodAutoscaler", "autoscaling", "v2", "horizontalpodautoscalers", "scaleTargetRef"
)
# vertical-pod-autoscaler 1.x; InPlaceOrRecreate since 1.4.
VERTICAL = AutoscalerKind(
    "VerticalPodAutoscaler", "autoscaling.k8s.io", "v1", "verticalpodautoscalers", "targetRef"
)
AUTOSCALERS = (HORIZONTAL, VERTICAL)

# The group that serves each type of metric (autoscaling/v2, MetricSpec).
METRIC_GROUPS = {
    "Resource": "metrics.k8s.io",
    "ContainerResource": "metrics.k8s.io",
    "Pods": "custom.metrics.k8s.io",
    "Object": "custom.metrics.k8s.io",
    "External": "external.metrics.k8s.io",
}


def trouble(autoscaler: Mapping[str, Any]) -> str:
    """Why a HorizontalPodAutoscaler does not work, by its own conditions; empty when it does."""
    conditions = {c["type"]: c for c in (autoscaler.get("status") or {}).get("conditions") or ()}
    for name in ("AbleToScale", "ScalingActive"):
        found = conditions.get(name)
        if found is None:
            return f"it has not looked yet ({name})"
        if found["status"] != "True":
            return f"{found.get('reason')}: {found.get('message')}"
    return ""


def groups_needed(spec: Spec) -> Iterator[str]:
    """API groups without which the autoscalers asked for do not work."""
    if spec.autoscaling and spec.autoscaling.horizontal:
        if spec.autoscaling.cpu or spec.autoscaling.memory:
            yield METRIC_GROUPS["Resource"]
        for metric in spec.autoscaling.metrics:
            yield METRIC_GROUPS[metric["type"]]
    if spec.vertical_autoscaling:
        yield VERTICAL.group
