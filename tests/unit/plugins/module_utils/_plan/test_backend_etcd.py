# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An etcd of our own: which steps lead to it, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.backend_etcd import (
    EtcdSpec,
    SeenEtcd,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import Refused
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    EMPTY,
    REMOVED,
    MemberList,
    Workload,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import Kind
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import (
    Access,
    Spec,
    StoreSpec,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.backend_etcd import (
    etcd_from,
    findings,
    steps,
)


def vcluster(endpoint: str = "", **more: Any) -> Spec:
    store = StoreSpec("etcd_external", {"endpoint": endpoint}) if endpoint else None
    return Spec("t", "t", "vcluster-t", "hc", Access(kubeconfig="/k"), store=store, **more)


def asked(**options: Any) -> EtcdSpec:
    return etcd_from(vcluster(), options)


def running(pods: int, tag: str = "3.6.8-0", **more: Any) -> SeenEtcd:
    images = {"etcd": f"registry.k8s.io/etcd:{tag}"}
    workload = Workload("etcd", "StatefulSet", "t-store", pods, images=images)
    given: dict[str, Any] = {
        "size": "8Gi",
        "members": MemberList(frozenset(range(pods))),
        "quorum": True,
        "owners": {"StatefulSet t-store": "vcluster-t/t"},
    }
    return SeenEtcd(workload, **{**given, **more})


def told(etcd: EtcdSpec, seen: SeenEtcd) -> list[str]:
    return [f"{step.kind.value}: {step.reason}" for step in steps(etcd, seen)]


def refused(etcd: EtcdSpec, seen: SeenEtcd) -> list[str]:
    return [finding.guard for finding in findings(etcd, seen)]


def test_it_is_named_after_the_vcluster_and_stands_beside_it() -> None:
    etcd = asked()
    assert (etcd.name, etcd.namespace, etcd.owner) == ("t-store", "vcluster-t", "vcluster-t/t")
    assert etcd.endpoint == "t-store.vcluster-t:2379"
    assert etcd.access == Access(kubeconfig="/k")
    assert {"t-store.vcluster-t", "t-store-2.t-store-headless.vcluster-t"} <= set(etcd.server_hosts)


def test_it_may_be_on_another_host_cluster() -> None:
    etcd = asked(kubeconfig="/clusters/hc2/kubeconfig", namespace="stores")
    assert etcd.access == Access(kubeconfig="/clusters/hc2/kubeconfig")
    assert etcd.title == "etcd stores/t-store on host cluster hc2"


def test_the_registry_of_the_vcluster_is_its_own_too() -> None:
    found = etcd_from(vcluster(image_registry="reg.example", pull_secrets=("p",)), {})
    assert (found.image, found.pull_secrets) == ("reg.example/etcd", ("p",))
    assert etcd_from(vcluster(image_registry="reg.example"), {"image": "x/y"}).image == "x/y"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"members": 2}, "G07"),
        ({"members": 0}, "it is 1 to 7"),
        ({"members": 9}, "it is 1 to 7"),
        ({"name": "3-store"}, "etcd.name is '3-store'"),
        ({"size": "lots"}, "etcd.size is 'lots'"),
        ({"quota": "0"}, "etcd.quota is '0'"),
        ({"quota": "9Gi"}, "G43"),
        ({"compaction": "daily"}, "etcd.compaction"),
        ({"version": "latest"}, "etcd.version is 'latest'"),
        ({"version": "3.5.10-0"}, "older than 3.5.11"),
        ({"api_host": "http://x"}, "begins with https"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words):
        asked(**options)


def test_g07_an_even_count_is_taken_with_consent() -> None:
    assert etcd_from(vcluster(allow=frozenset({"G07"})), {"members": 2}).members == 2


@pytest.mark.parametrize(
    "endpoint",
    ["t-store:2379", "t-store.vcluster-t:2379", "https://t-store.vcluster-t.svc:2379"],
)
def test_the_store_of_the_vcluster_is_this_one(endpoint: str) -> None:
    assert etcd_from(vcluster(endpoint), {}).members == 3


def test_a_vcluster_that_would_use_another_one_is_refused() -> None:
    with pytest.raises(Refused, match=r"endpoint is other:2379, and this etcd is at t-store\."):
        etcd_from(vcluster("other:2379"), {})
    assert etcd_from(vcluster("other:2379"), {"service_type": "LoadBalancer"})


def test_one_that_is_not_there_begins_with_all_members_at_once() -> None:
    assert told(asked(), SeenEtcd()) == ["install: etcd 3.6.8-0, 3 members: not there yet"]


def test_g48_one_that_was_begun_is_finished_as_it_was_begun() -> None:
    begun = replace(running(1), begun=True, members=None, quorum=False)
    assert not refused(asked(), begun)
    assert [step.kind for step in steps(asked(), begun)] == [
        Kind.INSTALL,
        Kind.SCALE_OUT,
        Kind.SCALE_OUT,
    ]


def test_as_asked_there_is_nothing_to_do() -> None:
    assert told(asked(), running(3)) == []


def test_members_come_one_at_a_time_and_go_in_one_step() -> None:
    assert told(asked(members=5), running(3)) == [
        "scale_out: etcd members 3 -> 4",
        "scale_out: etcd members 4 -> 5",
    ]
    assert told(asked(members=1), running(3)) == ["scale_in: etcd members 3 -> 1"]


def test_g63_a_lost_member_is_replaced_before_anything_else() -> None:
    seen = running(3, lost={1: EMPTY}, differs=("StatefulSet t-store",))
    assert told(asked(members=5), seen) == [
        "replace_member: member 1 is lost: its volume is empty",
        "values: not as asked for: StatefulSet t-store",
        "scale_out: etcd members 3 -> 4",
        "scale_out: etcd members 4 -> 5",
    ]


def test_g48_members_that_joined_or_left_half_way_come_before_anything_else() -> None:
    differs = ("ConfigMap t-store-members", "Service t-store")
    joining = MemberList(frozenset({0}), frozenset({1}))
    assert told(asked(), running(1, members=joining, differs=differs)) == [
        "scale_out: etcd members 1 -> 2",
        "scale_out: etcd members 2 -> 3",
        "values: not as asked for: Service t-store",
    ]
    left = running(3, members=MemberList(frozenset({0})), lost={1: REMOVED, 2: REMOVED})
    assert told(asked(members=1), replace(left, differs=differs[:1])) == [
        "scale_in: etcd members 3 -> 1"
    ]


def test_claims_grow_and_never_shrink() -> None:
    seen = running(3)
    (step,) = steps(asked(size="16Gi"), seen)
    assert step.growth and step.growth.claims == tuple(f"data-t-store-{n}" for n in range(3))
    assert refused(asked(size="4Gi", quota="1Gi"), seen) == ["G12"]
    assert refused(asked(storage_class="other"), seen) == ["G12"]


@pytest.mark.parametrize(
    ("now", "then", "guards"),
    [
        ("3.6.4-0", "3.6.8-0", []),
        ("3.6.8-0", "3.6.8-1", []),
        ("3.5.21-0", "3.6.8-0", []),
        ("3.5.20-0", "3.6.8-0", []),
        ("3.5.19-0", "3.6.8-0", ["G18"]),
        ("3.5.15-0", "3.5.21-0", []),
        ("3.5.21-0", "3.7.0-0", ["G18"]),
        ("3.6.8-0", "3.6.4-0", ["G18"]),
        ("3.6.8-0", "3.5.25-0", ["G18"]),
    ],
)
def test_g18_versions_go_up_one_minor_at_a_time(now: str, then: str, guards: list[str]) -> None:
    seen = running(3, now, differs=("StatefulSet t-store",))
    assert refused(asked(version=then), seen) == guards
    if not guards:
        assert told(asked(version=then), seen) == [f"etcd_hop: etcd {now} -> {then}"]


def test_the_cost_of_a_restart_is_told() -> None:
    differs = ("StatefulSet t-store",)
    assert [s.disruption.kind for s in steps(asked(), running(3, differs=differs))] == ["rolling"]
    (only,) = steps(asked(members=1), running(1, differs=differs))
    assert only.disruption.kind == "outage"
    (beside,) = steps(asked(), running(3, differs=("Service t-store",)))
    assert beside.disruption.kind == "none"


def test_g06_without_a_quorum_nothing_is_done() -> None:
    assert refused(asked(members=5), running(3, quorum=False)) == ["G06"]
    trouble = MemberList(trouble="etcd members disagree on who is a member")
    assert refused(asked(), running(3, members=trouble)) == ["G06"]


def test_g05_pods_that_are_no_members_are_left_alone() -> None:
    assert refused(asked(), running(3, members=MemberList(frozenset({0, 1})))) == ["G05"]


def test_the_etcd_of_another_vcluster_is_refused() -> None:
    other = running(3, owners={"StatefulSet t-store": "vcluster-u/u"})
    (found,) = findings(asked(), other)
    assert "holds the data of vCluster vcluster-u/u, not of vcluster-t/t" in found.what


def test_what_somebody_else_made_is_refused() -> None:
    (found,) = findings(asked(), SeenEtcd(strangers=("Service t-store",)))
    assert "somebody else made Service t-store" in found.what


@pytest.mark.parametrize(
    ("claims", "members", "guards"),
    [
        ({"data-t-store-0": "vcluster-u/u"}, 1, ["G14"]),
        ({"data-t-store-0": ""}, 1, ["G14"]),
        ({"data-t-store-0": "vcluster-t/t"}, 3, ["G14"]),
        ({"data-t-store-0": "vcluster-t/t"}, 1, []),
    ],
)
def test_g14_claims_come_back_to_life_with_their_own_vcluster_alone(
    claims: dict[str, str], members: int, guards: list[str]
) -> None:
    assert refused(asked(members=members), SeenEtcd(claims=claims)) == guards
