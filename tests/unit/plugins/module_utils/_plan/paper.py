# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A vCluster on paper: specs, observations, a small chart and trees of values for the planner's tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Observation,
    Release,
    Workload,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import Plan
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import ChartArchive
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.inventory import spec_from
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.values import build, leaves

# The corner of the chart's values that the planner looks at.
DEFAULTS: dict[str, Any] = {
    "controlPlane": {
        "advanced": {"podDisruptionBudget": {"enabled": False}},
        "backingStore": {
            "database": {
                "embedded": {"enabled": False},
                "external": {"enabled": False, "dataSource": ""},
            },
            "etcd": {
                "deploy": {
                    "enabled": False,
                    "statefulSet": {
                        "enabled": True,
                        "highAvailability": {"replicas": 1},
                        "persistence": {
                            "volumeClaim": {
                                "enabled": True,
                                "size": "5Gi",
                                "retentionPolicy": "Retain",
                            }
                        },
                        "scheduling": {"podManagementPolicy": "Parallel"},
                    },
                },
                "embedded": {"enabled": False},
                "external": {"enabled": False, "endpoint": ""},
            },
        },
        "distro": {"k8s": {"image": {"tag": "v1.36.0"}, "version": ""}},
        "proxy": {"extraSANs": []},
        "service": {"enabled": True, "spec": {"type": "ClusterIP"}},
        "standalone": {"enabled": False},
        "statefulSet": {
            "highAvailability": {
                "replicas": 1,
                "leaseDuration": 60,
                "renewDeadline": 40,
                "retryPeriod": 15,
            },
            "persistence": {
                "volumeClaim": {"enabled": "auto", "size": "5Gi", "retentionPolicy": "Retain"}
            },
            "scheduling": {"podManagementPolicy": "Parallel"},
        },
    },
    "exportKubeConfig": {"server": ""},
    "policies": {"networkPolicy": {"enabled": False}},
    "telemetry": {"enabled": True},
}
KEYS = (*DEFAULTS, "sync", "networking", "rbac", "snapshots", "sleepMode", "privateNodes")
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {key: {"type": "object"} for key in KEYS}
    | {
        "telemetry": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"enabled": {"type": "boolean"}},
        }
    },
}

DEPLOYED = {"type": "etcd_deployed", "members": 3}
EXTERNAL = {"type": "etcd_external", "endpoint": "etcd.example.net:2379", "tls": {"secret": "etcd"}}
# What a hop needs that goes back by a snapshot.
SAVED: dict[str, Any] = {"snapshots": {"directory": "/snapshots"}, "allow": ["G38"]}
TLS = {"secrets": {"etcd": ("ca.crt", "tls.crt", "tls.key")}}
# What an observation loses when the vCluster is gone and something of it stayed.
VANISHED: dict[str, Any] = {"release": None, "base": None, "last_good": None, "workloads": ()}

scalars = st.booleans() | st.integers(0, 3) | st.sampled_from(["a", "b", ""])
keys = st.sampled_from(["a", "b", "c", "d"])
trees = st.recursive(
    st.dictionaries(keys, scalars | st.lists(scalars, max_size=2), max_size=3),
    lambda below: st.dictionaries(keys, below | scalars, max_size=3),
    max_leaves=8,
)


def said(tree: dict[str, Any]) -> dict[str, Any]:
    """The tree without empty mappings, which say nothing."""
    return build(leaves(tree))


def nested(*path: str, value: Any) -> dict[str, Any]:
    """A tree with one value."""
    for key in reversed(path):
        value = {key: value}
    return value


def plane(*path: str, value: Any) -> dict[str, Any]:
    """A tree with one value below controlPlane."""
    return nested("controlPlane", *path, value=value)


def chart(version: str = "0.36.1") -> ChartArchive:
    return ChartArchive(Path("vcluster.tgz"), "0" * 64, version, SCHEMA, DEFAULTS)


def spec(**arguments: Any) -> Spec:
    return spec_from({"name": "tenant-a", "version": "0.36.1", **arguments})


@dataclass(frozen=True)
class Running:
    """What runs, as the planner sees it: by default one SQLite vCluster that was proved."""

    values: Mapping[str, Any] = field(default_factory=dict)
    version: str = "0.36.1"
    kubernetes: str = "1.36.0"
    replicas: int = 1
    kind: str = "StatefulSet"
    members: int = 0
    etcd: str = "3.6.8-0"
    proved: bool = True
    host: tuple[int, int] = (1, 36)

    def seen(self, **more: Any) -> Observation:
        images = {
            "syncer": f"ghcr.io/loft-sh/vcluster-pro:{self.version}",
            "kubernetes": f"ghcr.io/loft-sh/kubernetes:v{self.kubernetes}",
        }
        count = self.replicas
        workloads = [
            Workload(
                "control_plane", self.kind, "tenant-a", count, count, count, count, images=images
            )
        ]
        if self.members:
            count, images = self.members, {"etcd": f"registry.k8s.io/etcd:{self.etcd}"}
            workloads.append(
                Workload(
                    "etcd",
                    "StatefulSet",
                    "tenant-a-etcd",
                    count,
                    count,
                    count,
                    count,
                    images=images,
                )
            )
        release = Release(
            3,
            "deployed",
            chart_version=self.version,
            values=self.values,
            workloads=tuple(workloads),
        )
        found = Observation(
            release=release,
            base=release if self.proved else None,
            last_good=release,
            workloads=tuple(workloads),
            host_version=self.host,
            complete=True,
        )
        return replace(found, **more)


def by_hand(found: Observation, **changes: Any) -> Observation:
    """The observation after somebody changed the control plane's workload past Helm."""
    plane, *others = found.workloads
    return replace(found, workloads=(replace(plane, **changes), *others))


def old_etcd(pin: Mapping[str, Any] | None = None, **more: Any) -> Running:
    values = {**plane("backingStore", "etcd", "deploy", "enabled", value=True)}
    if pin:
        values = dict(pin)
    return Running(values, "0.28.2", "1.33.4", members=1, etcd="3.5.25-0", host=(1, 32), **more)


def pinned(tag: str) -> dict[str, Any]:
    deploy = {"enabled": True, "statefulSet": {"image": {"tag": tag}}}
    return plane("backingStore", "etcd", "deploy", value=deploy)


NOTHING = Observation(host_version=(1, 36), complete=True)


def installed(asked: Spec, **more: Any) -> Running:
    """What runs after the install that was asked for."""
    values = plan(asked, NOTHING, chart(asked.version or "")).steps[0].values
    return Running(values or {}, asked.version or "", **more)


def refusing(found: Plan) -> set[str]:
    """Ids of the guards that refuse; such a plan has no steps."""
    assert not (found.refusals and found.steps)
    return {finding.guard for finding in found.refusals}


def warning(found: Plan) -> set[str]:
    """Ids of the guards that warn."""
    return {finding.guard for finding in found.findings if finding.severity == "warn"}
