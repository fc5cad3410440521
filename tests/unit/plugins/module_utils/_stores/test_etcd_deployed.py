# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""etcd beside the control plane: its values, its budget, its volumes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from members import ETCD, NAMES, healthy, reach, spec

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Observation,
    Pod,
    Workload,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.registry import (
    checks,
    objects,
    store_named,
)


def test_g42_members_get_a_budget_where_there_are_several() -> None:
    three = store_named("etcd_deployed").values("tenant", {"members": 3})
    (budget,) = objects(spec(), three)
    assert budget["kind"] == "PodDisruptionBudget"
    assert budget["metadata"]["name"] == "tenant-etcd"
    assert budget["spec"]["selector"]["matchLabels"] == {
        "app": "vcluster-etcd",
        "release": "tenant",
    }
    assert objects(spec(), ETCD) == []
    unwanted = replace(spec().defaults, disruption_budgets=False)
    assert objects(replace(spec(), defaults=unwanted), three) == []


def test_g30_a_missing_pod_counts_as_a_missing_member() -> None:
    seen = Observation(workloads=(Workload("etcd", "StatefulSet", "tenant-etcd", 3),))
    pods = [Pod("etcd", name) for name in NAMES[:2]]
    found = checks(spec(), seen, pods, reach(healthy()), deployed())
    quorum = next(result for result in found if result.id == "etcd_quorum")
    assert quorum.status == "fail"
    assert f"{NAMES[2]}: no such pod" in quorum.evidence


@pytest.mark.parametrize(("values", "members"), [("three", 3), ("default", 1)])
def test_g30_members_whose_stateful_set_is_gone_are_missed(values: str, members: int) -> None:
    release = deployed() if values == "three" else ETCD
    (quorum,) = checks(spec(), Observation(), [], reach({}), release)
    assert (quorum.id, quorum.status) == ("etcd_quorum", "fail")
    assert f"0 of {members} members answer, quorum is lost" in quorum.evidence


def deployed(members: Any = 3, claim: Any = True, **more: Any) -> dict[str, Any]:
    """Effective values of a vCluster on its own etcd."""
    stateful_set = {
        "highAvailability": {"replicas": members},
        "persistence": {"volumeClaim": {"enabled": claim}},
        **more,
    }
    deploy = {"enabled": True, "statefulSet": stateful_set}
    return {"controlPlane": {"backingStore": {"etcd": {"deploy": deploy}}}}


def test_its_options_stand_for_values_of_the_stateful_set() -> None:
    options = {
        "members": 3,
        "size": "8Gi",
        "storage_class": "fast",
        "persistence": False,
        "resources": {"limits": {"memory": "1Gi"}},
    }
    found = store_named("etcd_deployed").values("tenant", options)
    assert found["controlPlane"]["backingStore"]["etcd"]["deploy"] == {
        "enabled": True,
        "statefulSet": {
            "highAvailability": {"replicas": 3},
            "resources": {"limits": {"memory": "1Gi"}},
            "persistence": {
                "volumeClaim": {"size": "8Gi", "storageClass": "fast", "enabled": False}
            },
        },
    }


@pytest.mark.parametrize(
    ("values", "guards"),
    [
        (deployed(), []),
        (deployed(1), []),
        (deployed(2), ["G07"]),
        (deployed("4"), []),
        (deployed(claim="true"), []),
        (deployed(claim=False), ["G02"]),
        (deployed(claim=None), ["G02"]),
        (deployed(persistence={"volumeClaimTemplates": [{"metadata": {"name": "data"}}]}), []),
        (deployed(3, True, enabled=False), ["G59"]),
    ],
)
def test_g02_g07_g59_what_members_do_not_live_with(
    values: dict[str, Any], guards: list[str]
) -> None:
    assert [finding.guard for finding in store_named("etcd_deployed").findings(values)] == guards


@pytest.mark.parametrize(("replicas", "members", "told"), [(1, 1, 0), (2, 1, 1), (3, 3, 0)])
def test_g62_replicas_on_one_member_are_told_and_not_refused(
    replicas: int, members: int, told: int
) -> None:
    values = deployed(members)
    values["controlPlane"]["statefulSet"] = {"highAvailability": {"replicas": replicas}}
    found = store_named("etcd_deployed").findings(values)
    assert [(finding.guard, finding.severity) for finding in found] == [("G62", "warn")] * told


@pytest.mark.parametrize(
    ("before", "after", "guards"),
    [(1, 3, ["G05"]), (3, 5, ["G05"]), (3, 1, ["G06"]), (3, 3, []), (1, 1, [])],
)
def test_g05_g06_the_count_of_live_members_stays(
    before: int, after: int, guards: list[str]
) -> None:
    found = store_named("etcd_deployed").change_findings(deployed(before), deployed(after))
    assert [finding.guard for finding in found] == guards
    assert all(f"{before} -> {after}" in finding.what for finding in found)
