# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The objects of an etcd of our own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.backend_etcd import EtcdSpec
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.backend_objects import (
    certificates,
    members_map,
    objects,
    path_of,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.etcd_seats import (
    Seats,
    claim_of,
)

ETCD = EtcdSpec("vcluster-t/t", "hc", Access(), "t-store", "vcluster-t", quota="512Mi")
SEATS = Seats("vcluster-t", "t-store")


def made(kind: str, name: str = "t-store", **more: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"begins": True, "trust": "abc", **more}
    found = objects(ETCD, given.pop("count", 3), **given)
    return next(o for o in found if (o["kind"], o["metadata"]["name"]) == (kind, name))


def test_all_are_marked_as_ours_and_as_this_vclusters() -> None:
    for item in objects(ETCD, 3, begins=True, trust="") + certificates(ETCD):
        assert item["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "fleetops.vcluster"
        assert item["metadata"]["annotations"]["fleetops.vcluster/owner"] == "vcluster-t/t"
        assert path_of(item).startswith("/api")
    (claim,) = made("StatefulSet")["spec"]["volumeClaimTemplates"]
    assert claim["metadata"]["annotations"]["fleetops.vcluster/owner"] == "vcluster-t/t"


def test_its_pods_are_not_taken_for_those_of_the_chart() -> None:
    assert "app" not in made("StatefulSet")["spec"]["template"]["metadata"]["labels"]


def test_members_are_where_their_seats_say() -> None:
    peers = members_map(ETCD, 3, begins=True)["data"]["ETCD_INITIAL_CLUSTER"].split(",")
    pods = list(map(SEATS.pod, range(3)))
    assert peers == [f"{pod}={SEATS.peer_url(pod)}" for pod in pods]
    stateful_set = made("StatefulSet")
    (claim,) = stateful_set["spec"]["volumeClaimTemplates"]
    assert f"{claim['metadata']['name']}-t-store-0" == claim_of("t-store-0")
    flags = stateful_set["spec"]["template"]["spec"]["containers"][0]["command"]
    assert f"--initial-advertise-peer-urls={SEATS.peer_url('$(POD)')}" in flags
    for pod in pods:
        assert SEATS.peer_url(pod)[len("https://") : -len(":2380")] in ETCD.server_hosts


@pytest.mark.parametrize(("begins", "state"), [(True, "new"), (False, "existing")])
def test_g05_only_at_the_beginning_may_members_make_a_cluster(begins: bool, state: str) -> None:
    assert members_map(ETCD, 1, begins=begins)["data"]["ETCD_INITIAL_CLUSTER_STATE"] == state


def test_another_count_of_members_restarts_none() -> None:
    one, three = (made("StatefulSet", count=count)["spec"] for count in (1, 3))
    assert one["template"] == three["template"]
    assert (one["replicas"], three["replicas"]) == (1, 3)


def test_clients_and_peers_need_certificates_and_metrics_do_not() -> None:
    flags = made("StatefulSet")["spec"]["template"]["spec"]["containers"][0]["command"]
    assert {"--client-cert-auth=true", "--peer-client-cert-auth=true"} <= set(flags)
    assert "--listen-metrics-urls=http://0.0.0.0:2381" in flags
    urls = [flag for flag in flags if "-urls=" in flag and "metrics" not in flag]
    assert urls and all("=https://" in flag for flag in urls)
    assert "--quota-backend-bytes=536870912" in flags
    assert "--auto-compaction-retention=1h" in flags


def test_g41_g42_members_are_spread_and_one_at_most_is_evicted() -> None:
    spec = made("StatefulSet")["spec"]
    keys = [one["topologyKey"] for one in spec["template"]["spec"]["topologySpreadConstraints"]]
    assert keys == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]
    budget = made("PodDisruptionBudget")["spec"]
    assert budget["maxUnavailable"] == 1
    assert (
        budget["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()
    )


def test_members_find_each_other_before_they_are_ready_and_clients_do_not() -> None:
    assert made("Service", "t-store-headless")["spec"]["publishNotReadyAddresses"] is True
    outward = made("Service")["spec"]
    assert "publishNotReadyAddresses" not in outward
    assert [port["port"] for port in outward["ports"]] == [2379]


def test_g12_claims_of_a_stateful_set_that_is_there_are_left_as_they_are() -> None:
    claim = {"size": "1Gi", "storage_class": None}
    (template,) = made("StatefulSet", claim=claim)["spec"]["volumeClaimTemplates"]
    assert template["spec"]["resources"]["requests"]["storage"] == "1Gi"
    assert "storageClassName" not in template["spec"]


def test_new_authorities_roll_the_pods() -> None:
    one, other = (made("StatefulSet", trust=trust)["spec"]["template"] for trust in ("a", "b"))
    assert one != other


def test_certificates_of_an_issuer_end_in_the_same_secrets() -> None:
    server, client = certificates(replace(ETCD, hosts=("10.0.0.1", "etcd.example.net")))
    assert server["spec"]["secretName"] == "t-store-server"
    assert client["spec"]["secretName"] == "t-store-client"
    assert {"localhost", "t-store.vcluster-t", "etcd.example.net"} <= set(
        server["spec"]["dnsNames"]
    )
    assert server["spec"]["ipAddresses"] == ["127.0.0.1", "10.0.0.1"]
    assert "dnsNames" not in client["spec"]
