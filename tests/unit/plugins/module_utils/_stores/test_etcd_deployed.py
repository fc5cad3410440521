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
    UNFINISHED,
    Applied,
    MemberList,
    Observation,
    Pod,
    Release,
    Workload,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import StoreSpec
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


def test_g05_members_join_as_existing_after_the_arguments_of_the_user() -> None:
    store, asked = store_named("etcd_deployed"), deployed(3)
    stateful_set = asked["controlPlane"]["backingStore"]["etcd"]["deploy"]["statefulSet"]
    path = ("controlPlane", "backingStore", "etcd", "deploy", "statefulSet", "extraArgs")
    assert store.joining(asked) == [(path, ["--initial-cluster-state=existing"])]
    assert not store.joined(asked)
    stateful_set["extraArgs"] = ["--initial-cluster-state=existing", "--quota-backend-bytes=1"]
    args = ["--quota-backend-bytes=1", "--initial-cluster-state=existing"]
    assert store.joining(asked) == [(path, args)]
    assert store.joined(asked)


@pytest.mark.parametrize(
    ("asked", "replicas", "ready", "finished", "asks"),
    [
        (3, 3, 3, True, False),
        (5, 3, 3, True, True),
        (3, 3, 2, True, True),
        (3, 3, 3, False, True),
        (None, 3, 3, True, True),
    ],
)
def test_g48_members_are_asked_only_where_something_gives_a_reason(
    asked: int | None, replicas: int, ready: int, finished: bool, asks: bool
) -> None:
    options = {"members": asked} if asked else {}
    workload = Workload("etcd", "StatefulSet", "tenant-etcd", replicas, ready, replicas, replicas)
    applied = Applied("a" * 20 if finished else UNFINISHED, 7)
    release = Release(7, "deployed", applied=applied)
    seen = Observation(release=release, workloads=(workload,))
    found = store_named("etcd_deployed").listed(
        spec(StoreSpec("etcd_deployed", options)), seen, reach(healthy())
    )
    assert found == (MemberList(frozenset({0, 1, 2})) if asks else None)


def test_g05_values_for_a_new_store_are_those_without_our_flag() -> None:
    store, grown = store_named("etcd_deployed"), deployed(3)
    stateful_set = grown["controlPlane"]["backingStore"]["etcd"]["deploy"]["statefulSet"]
    stateful_set["extraArgs"] = ["--quota-backend-bytes=1", "--initial-cluster-state=existing"]
    new = store.as_new(grown)
    found = new["controlPlane"]["backingStore"]["etcd"]["deploy"]["statefulSet"]
    assert found["extraArgs"] == ["--quota-backend-bytes=1"]
    assert len(stateful_set["extraArgs"]) == 2, "the original stays"
    assert store.as_new(deployed(3)) == deployed(3)
