# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Specifications of nodes as a cluster hands them to supervisors, without starting anything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from lab.cluster import PROGRAMS, HostCluster
from lab.unit import NodeSpec

PATHS = {name: Path("/programs") / name for name in PROGRAMS}


@pytest.fixture(scope="module", params=[0, 1, 3])
def cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> HostCluster:
    directory = tmp_path_factory.mktemp("lab") / "hc1"
    directory.mkdir()
    cluster = HostCluster("hc1", 9, request.param, directory)
    cluster.prepare(PATHS)
    return cluster


def specs(cluster: HostCluster) -> Iterator[NodeSpec]:
    for index in range(1, max(cluster.nodes, 1) + 1):
        yield NodeSpec.read(cluster.node_directory(index) / "spec.json")


def test_every_unit_waits_for_units_of_its_own_node_and_none_in_a_circle(
    cluster: HostCluster,
) -> None:
    for spec in specs(cluster):
        waiting = {unit.name: set(unit.after) for unit in spec.units}
        assert len(waiting) == len(spec.units), "names are unique"
        while ready := {name for name, after in waiting.items() if not after & set(waiting)}:
            assert all(after <= {unit.name for unit in spec.units} for after in waiting.values())
            waiting = {name: after for name, after in waiting.items() if name not in ready}
        assert waiting == {}


def test_the_control_plane_is_on_the_first_node_alone(cluster: HostCluster) -> None:
    with_etcd = [any(unit.name == "etcd" for unit in spec.units) for spec in specs(cluster)]
    assert with_etcd == [True, *[False] * (len(with_etcd) - 1)]


def test_a_cluster_without_nodes_is_the_api_alone(cluster: HostCluster) -> None:
    names = {unit.name for spec in specs(cluster) for unit in spec.units}
    api = {"etcd", "kube-apiserver", "proxy"}
    controllers = {
        "kube-controller-manager",
        "kube-scheduler",
        "addons",
        "metrics-server",
        "resizer",
    }
    pods = {"containerd", "kubelet", "kube-proxy", "node-registered", "node-ready", "cluster-dns"}
    assert names == (api | controllers | pods if cluster.nodes else api)


def test_configurations_of_nodes_agree_with_their_addresses(cluster: HostCluster) -> None:
    seen = set()
    for index in range(1, cluster.nodes + 1):
        directory = cluster.node_directory(index)
        kubelet = yaml.safe_load((directory / "kubelet.yaml").read_text())
        assert kubelet["clusterDNS"] == [cluster.network.dns_service]
        assert kubelet["cgroupRoot"] == f"/lab-9-{index}"
        network = json.loads((directory / "cni" / "lab.conflist").read_text())
        subnet = network["plugins"][0]["ipam"]["ranges"][0][0]["subnet"]
        assert subnet == cluster.network.pods(index)
        seen.add(subnet)
    assert len(seen) == cluster.nodes


def test_dns_is_asked_for_where_there_are_nodes(cluster: HostCluster) -> None:
    manifest = cluster.directory / "addons.yaml"
    assert manifest.exists() == bool(cluster.nodes)
    if not cluster.nodes:
        return
    documents = list(yaml.safe_load_all(manifest.read_text()))
    addresses = [d["spec"].get("clusterIP") for d in documents if d and d["kind"] == "Service"]
    assert cluster.network.dns_service in addresses


def test_users_go_through_the_proxy_and_the_lab_past_it(cluster: HostCluster) -> None:
    def server(path: Path) -> str:
        return str(yaml.safe_load(path.read_text())["clusters"][0]["cluster"]["server"])

    assert server(cluster.kubeconfig) == "https://10.90.9.2:7443"
    assert server(cluster.direct_kubeconfig) == "https://10.90.9.2:6443"
