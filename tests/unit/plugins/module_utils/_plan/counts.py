# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""vClusters with counts of replicas and members, and what a plan says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from paper import Running, chart, installed, spec

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    MemberList,
    Observation,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import (
    Members,
    Plan,
    Step,
    View,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan

EXISTING = ["--initial-cluster-state=existing"]


def asking(members: int, replicas: int = 1, **more: Any) -> Spec:
    return spec(store=etcd(members), replicas=replicas, **more)


def etcd(members: int) -> dict[str, Any]:
    return {"type": "etcd_deployed", "members": members}


def running(members: int, replicas: int = 1) -> Observation:
    asked = asking(members, replicas)
    return installed(asked, members=members, replicas=replicas, kind="Deployment").seen()


def deployed(values: Mapping[str, Any] | None) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (values or {})["controlPlane"]["backingStore"]["etcd"]["deploy"]
    return found["statefulSet"]


def members_in(step: Step) -> int:
    return int(deployed(step.values)["highAvailability"]["replicas"])


def replicas_in(step: Step) -> int:
    found = (step.values or {})["controlPlane"]["statefulSet"]["highAvailability"]
    return int(found["replicas"])


def said(found: Plan) -> list[tuple[str, Members | None]]:
    return [(step.kind.value, step.members) for step in found.steps]


def seen_as(values: Mapping[str, Any], pods: int, voters: int, *learners: int) -> Observation:
    """So many pods run with these values, and so many of them vote."""
    found = Running(values, members=pods, kind="Deployment").seen()
    return replace(found, members=MemberList(frozenset(range(voters)), frozenset(learners)))


def ahead(seen: Observation, pods: int) -> Observation:
    """The StatefulSet of the members was scaled past Helm."""
    etcd = replace(seen.workloads[1], replicas=pods)
    return replace(seen, workloads=(seen.workloads[0], etcd))


def sized(asked: Spec, seen: Observation) -> Plan:
    return plan(asked, seen, chart(), View.SIZE)
