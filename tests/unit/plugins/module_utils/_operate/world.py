# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is out there in the engine's tests: releases, workloads and a tenant in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.care import Point
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.lines.registry import patch_of
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.migration import Migration
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Release,
    Workload,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import (
    Json,
    Note,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.values import merged

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
RENEWED = "2026-11-24T11:59:55.000000Z"
DEFAULTS: Json = {
    "controlPlane": {
        "distro": {"k8s": {"image": {"tag": "v1.36.0"}}},
        "statefulSet": {
            "highAvailability": {"replicas": 1},
            "persistence": {"volumeClaim": {"enabled": "auto", "size": "5Gi"}},
        },
        "backingStore": {
            "etcd": {
                "deploy": {
                    "statefulSet": {
                        "highAvailability": {"replicas": 1},
                        "persistence": {"volumeClaim": {"enabled": True, "size": "5Gi"}},
                    }
                }
            }
        },
    }
}


class Cut(BaseException):
    """The process is gone: no handler runs."""


ASKED = {
    "name": "tenant-a",
    "version": "0.36.1",
    "kubeconfig": "/k/hc1",
    "store": {"type": "sqlite"},
}

CERTIFICATES_END = datetime(2027, 11, 1, tzinfo=UTC)


@dataclass
class World:
    """What is out there, and what was done to it.

    Attributes:
        log: Changes of the outside world, in order.
        cut_before: Number of the change before which the run ends; 0 for never.
        broken_when: User values with which the API server never becomes ready.
        restarts: Container restarts of every pod so far.
        metrics: What the tenant's API servers answer at /metrics.
        cpu: Cores that each of them uses.
        silent_after: How often a replica, by the name of its pod, answers there.
        api_groups: API groups of the host cluster beside its own.
        conditions: What is true of an autoscaler that was just made.
        points: How much the store held at earlier looks.
    """

    releases: list[Release] = field(default_factory=list)
    objects: dict[str, Json] = field(default_factory=dict)
    tenant: dict[str, Json] = field(default_factory=dict)
    workloads: tuple[Workload, ...] = ()
    log: list[str] = field(default_factory=list)
    cut_before: int = 0
    holder: str = ""
    broken_when: Mapping[str, Any] | None = None
    never_ready: str = ""
    restarts: int = 0
    metrics: str = ""
    cpu: float = 0.0
    silent_after: dict[str, int] = field(default_factory=dict)
    pod_log: str = ""
    api_groups: tuple[str, ...] = ("metrics.k8s.io", "autoscaling.k8s.io")
    conditions: tuple[str, ...] = ("AbleToScale", "ScalingActive")
    notes: list[Note] = field(default_factory=list)
    points: tuple[Point, ...] = ()
    migration: Migration | None = None

    def change(self, what: str) -> None:
        """Note a change, unless the run is cut off before it."""
        if self.cut_before and len(self.log) + 1 == self.cut_before:
            raise Cut
        self.log.append(what)

    @property
    def newest(self) -> Release | None:
        """The newest revision."""
        return self.releases[-1] if self.releases else None

    def deploy(self, name: str, version: str, values: Mapping[str, Any]) -> None:
        """A new revision, and the workloads it asks for."""
        # Helm replaces the Secret of what it supersedes: annotations are gone then.
        self.releases = [
            replace(r, status="superseded", proved=None) if r.status == "deployed" else r
            for r in self.releases
        ]
        revision = self.releases[-1].revision + 1 if self.releases else 1
        self.releases.append(
            Release(revision, "deployed", chart_version=version, values=dict(values))
        )
        self.workloads = self.with_annotations(self.asked(name, version, values))
        # What the release asks for; the workloads themselves may be scaled.
        self.releases[-1] = replace(self.releases[-1], workloads=self.workloads)

    def asked(self, name: str, version: str, values: Mapping[str, Any]) -> tuple[Workload, ...]:
        """The workloads that the chart renders."""
        effective = merged(DEFAULTS, values)["controlPlane"]
        replicas = effective["statefulSet"]["highAvailability"]["replicas"]
        images = {
            "syncer": f"vcluster-pro:{version}",
            "kubernetes": "kubernetes:" + effective["distro"]["k8s"]["image"]["tag"],
        }
        found = (workload("control_plane", "StatefulSet", name, replicas, images),)
        deployed = effective.get("backingStore", {}).get("etcd", {}).get("deploy", {})
        if deployed.get("enabled"):
            members = deployed["statefulSet"]["highAvailability"]["replicas"]
            patch = patch_of(version)
            tag = patch.etcd if patch else "3.6.8-0"
            images = {"etcd": f"etcd:{deployed['statefulSet'].get('image', {}).get('tag', tag)}"}
            etcd = workload("etcd", "StatefulSet", f"{name}-etcd", members, images)
            found += (etcd,)
        return found

    def with_annotations(self, asked: tuple[Workload, ...]) -> tuple[Workload, ...]:
        """The same with the annotations that others wrote: they stay."""
        before = {found.name: found.annotations for found in self.workloads}
        return tuple(replace(found, annotations=before.get(found.name, {})) for found in asked)


def workload(
    component: str, kind: str, name: str, replicas: int, images: Mapping[str, str]
) -> Workload:
    """A settled workload."""
    return Workload(
        component, kind, name, replicas, replicas, replicas, replicas, 1, 1, images, "hash"
    )
