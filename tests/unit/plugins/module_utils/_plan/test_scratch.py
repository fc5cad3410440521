# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The copy of a drill is what the snapshot says, in a namespace that has room for it alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.contents import Contents
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.snapshot import Manifest
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import (
    Access,
    Expose,
    Origin,
    Spec,
    StoreSpec,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.scratch import (
    isolation,
    scratch_of,
)

SPEC = Spec(
    "a", "a", "vcluster-a", "hc1", Access(),
    version="0.37.0", replicas=5, store=StoreSpec("sqlite"), expose=Expose("load_balancer"),
    values={"sync": {"now": True}}, secret_paths=("/sync/now",),
)  # fmt: skip
VALUES = {
    "controlPlane": {
        "backingStore": {"etcd": {"deploy": {"enabled": True, "statefulSet": {"highAvailability": {"replicas": 3}}}}},
        "statefulSet": {"highAvailability": {"replicas": 2}},
        "ingress": {"enabled": True, "host": "a.example.com"},
        "service": {"spec": {"type": "LoadBalancer"}},
    }
}  # fmt: skip
MOMENT = datetime(2026, 3, 17, tzinfo=UTC)
MANIFEST = Manifest(
    "20260317T000000Z-00000000", "a", "vcluster-a", "hc1", MOMENT, "etcd", "etcd_deployed", "3.6.8", "0.36.1",
    "1.36.3", 7, Contents(1, "0" * 64), (), {}, "", "", "", "", MOMENT,
)  # fmt: skip


def test_it_is_what_was_saved_and_not_what_is_asked_for_now() -> None:
    found = scratch_of(SPEC, MANIFEST, VALUES)
    assert (found.namespace, found.name, found.version) == ("vcluster-a-drill", "a", "0.36.1")
    assert (found.replicas, found.store, found.expose) == (None, None, None)
    assert found.snapshots.origin == Origin("hc1", "vcluster-a", "a")
    plane = found.values["controlPlane"]
    assert plane["backingStore"] == VALUES["controlPlane"]["backingStore"]
    assert "sync" not in found.values


def test_nothing_of_it_is_reached_from_outside() -> None:
    plane = scratch_of(SPEC, MANIFEST, VALUES).values["controlPlane"]
    assert plane["ingress"]["enabled"] is False
    assert plane["service"]["spec"]["type"] == "ClusterIP"


@pytest.mark.parametrize("length", [57, 58, 63])
def test_its_namespace_has_a_name_that_kubernetes_takes(length: int) -> None:
    spec = replace(SPEC, namespace="n" * length)
    other = replace(SPEC, namespace="n" * (length - 1) + "m")
    names = [scratch_of(s, MANIFEST, VALUES).namespace for s in (spec, other)]
    assert all(len(name) <= 63 and name.endswith("-drill") for name in names)
    assert names[0] != names[1]


def test_quota_and_policy_leave_room_for_control_plane_and_store_alone() -> None:
    (quotas, quota), (policies, policy) = isolation(scratch_of(SPEC, MANIFEST, VALUES))
    assert quotas == "/api/v1/namespaces/vcluster-a-drill/resourcequotas"
    # 2 replicas, 3 members, as many pods that fill them, CoreDNS.
    assert quota["spec"]["hard"]["pods"] == "12"
    assert quota["spec"]["hard"]["persistentvolumeclaims"] == "5"
    assert quota["spec"]["hard"]["services.loadbalancers"] == "0"
    assert policies == "/apis/networking.k8s.io/v1/namespaces/vcluster-a-drill/networkpolicies"
    assert policy["spec"]["ingress"] == [{"from": [{"podSelector": {}}]}]


def test_g05_the_members_of_a_copy_have_nobody_to_join() -> None:
    args = ["--initial-cluster-state=existing"]
    grown = {
        "enabled": True,
        "statefulSet": {"highAvailability": {"replicas": 3}, "extraArgs": args},
    }
    values = {"controlPlane": {"backingStore": {"etcd": {"deploy": grown}}}}
    plane = scratch_of(SPEC, MANIFEST, values).values["controlPlane"]
    assert plane["backingStore"]["etcd"]["deploy"]["statefulSet"]["extraArgs"] == []
