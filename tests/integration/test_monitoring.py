# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the playbook monitoring writes, taken by a real Prometheus: targets, rules, and an alert that fires."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alertmanager_service import Service
from by_hand import CLUSTER, wait_until
from harness import Fleet, Lab
from prometheus import Prometheus, prometheus
from saving import kubeconfig_of, tenant

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

QUOTA = 16 * 1024 * 1024
BASE = {"vcluster_version": "0.36.1", "vcluster_kubernetes_version": "1.36.3"}
SMALL = {"extraArgs": [f"--quota-backend-bytes={QUOTA}"]}
HOSTS: dict[str, dict[str, Any]] = {
    "it-watched-a": {**BASE, "vcluster_store": {"type": "sqlite"}},
    "it-watched-b": {
        **BASE,
        "vcluster_replicas": 2,
        "vcluster_store": {"type": "etcd_deployed", "members": 1},
        "vcluster_values": {
            "controlPlane": {"backingStore": {"etcd": {"deploy": {"statefulSet": SMALL}}}}
        },
    },
}
# Paths that the vendor's proxy serves and the stand-in, which has no proxy, does not.
PROXIED = {"controller-manager", "kine"}
# Pods of each, by component.
WANTED = {
    "it-watched-a": {"apiserver": 1, "controller-manager": 1, "kine": 1},
    "it-watched-b": {"apiserver": 2, "controller-manager": 2, "etcd": 1},
}


@pytest.fixture
def fleet(make_fleet: Any, operators: dict[str, Path]) -> Fleet:
    made: Fleet = make_fleet({CLUSTER: HOSTS})
    made.play("site").succeeded()
    return made


@pytest.fixture
def folder(fleet: Fleet, lab: Lab, tmp_path: Path) -> Path:
    """The files that the playbook wrote, with the rights of any run."""
    found = tmp_path / "vclusters"
    arguments = {
        "monitoring_form": "files",
        "monitoring_dest": str(found),
        "monitoring_interval": "1s",
        "monitoring_discovery_kubeconfig": str(lab.clusters[CLUSTER]),
    }
    said = ("-e", json.dumps(arguments))
    would = fleet.play("monitoring", *said, "--check").succeeded()
    assert "changed=1" in would.output and not found.exists()
    fleet.play("monitoring", *said).succeeded()
    again = fleet.play("monitoring", *said).succeeded()
    assert "changed=0" in again.output and "changed=1" not in again.output
    return found


@pytest.fixture
def server(folder: Path, tmp_path: Path) -> Iterator[Prometheus]:
    with prometheus(tmp_path, folder) as found:
        yield found


def seen(server: Prometheus) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """The targets that were scraped, by vCluster and component."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for target in server.targets():
        labels = target["labels"]
        if target["health"] != "unknown":
            found.setdefault(labels["vcluster"], {}).setdefault(labels["component"], []).append(
                target
            )
    return found


def test_every_pod_is_scraped_and_the_rules_hold(server: Prometheus, lab: Lab) -> None:
    def counted() -> dict[str, dict[str, int]]:
        return {
            name: {component: len(targets) for component, targets in components.items()}
            for name, components in seen(server).items()
        }

    wait_until("a target of each pod", lambda: counted() == WANTED, 60)
    for name, components in seen(server).items():
        for component, targets in components.items():
            pods = {target["labels"]["pod"] for target in targets}
            assert len(pods) == len(targets)
            for target in targets:
                assert target["labels"]["namespace"] == f"vcluster-{name}"
                if component in PROXIED:
                    # Who is no administrator of the tenant gets 403 there.
                    assert "404 Not Found" in target["lastError"], target
                else:
                    assert target["health"] == "up", target
    sizes = 'etcd_server_quota_backend_bytes{vcluster="it-watched-b"}'
    assert server.values(sizes) == [QUOTA]

    def evaluated() -> bool:
        return all(rule["health"] == "ok" for rule in server.rules())

    wait_until("every rule to be evaluated", evaluated, 60)
    assert len(server.rules()) > 15

    _fill(lab)
    wait_until(
        "the alert",
        lambda: "VclusterEtcdNoSpace" in server.firing("it-watched-b"),
        180,
    )
    assert "VclusterEtcdNoSpace" not in server.firing("it-watched-a")


def test_a_wave_silences_its_alerts_and_goes_on_without_alertmanager(make_fleet: Any) -> None:
    service = Service()
    # What a wave asked for stays in the list of requests; a silence that was ended is gone.
    asked = {**HOSTS["it-watched-a"], "vcluster_silence": {"url": service.url}}
    fleet = make_fleet({CLUSTER: {"it-watched-a": asked}})
    changed = {"logging": {"encoding": "json"}}
    fleet.play("site", "-e", json.dumps({"vcluster_values": changed})).succeeded()
    methods = [method for method, _path, _header in service.asked]
    assert methods == ["GET", "POST", "DELETE"]
    assert service.silences == {}
    service.close()
    run = fleet.play("site", "-e", json.dumps({"vcluster_values": {}})).succeeded()
    assert "The alerts of it-watched-a are not silenced" in run.output


def _fill(lab: Lab) -> None:
    """Write until the store takes no more."""
    with tempfile.TemporaryDirectory() as place:
        kubeconfig = kubeconfig_of(lab, "it-watched-b", Path(place))
        with tenant(lab, "it-watched-b", kubeconfig) as target:
            connection = target.connect()
            for number in range(40):
                body = {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {"name": f"large-{number}"},
                    "data": {"large": "x" * 900_000},
                }
                status, _answer = target.request(
                    connection, "POST", "/api/v1/namespaces/default/configmaps", body
                )
                if status >= 500:
                    return
    raise AssertionError("the store has taken all")
