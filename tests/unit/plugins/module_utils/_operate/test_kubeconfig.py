# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tenant's kubeconfig: an address that can be dialled, a file that only its owner reads."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import answer
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.kubeconfig import (
    run_kubeconfig,
)

NS = "/api/v1/namespaces/vcluster-t"
SECRET = f"{NS}/secrets/vc-t"
NODES = [
    {"status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.5"}]}},
]


class Api:
    """Objects by path."""

    def __init__(self, server: str, service: dict[str, Any]) -> None:
        config = {"clusters": [{"name": "c", "cluster": {"server": server}}]}
        encoded = base64.b64encode(yaml.safe_dump(config).encode()).decode()
        self.objects = {SECRET: {"data": {"config": encoded}}, f"{NS}/services/t": service}

    def find(self, path: str) -> Any:
        return self.objects.get(path)

    get = find

    def list(self, path: str) -> Any:
        return iter(NODES)


class Host:
    """Only its API is asked."""

    def __init__(self, api: Api) -> None:
        self.api = api


def run(api: Api, dest: Path, check: bool = False, **more: Any) -> dict[str, Any]:
    context = Context(check=check, connect=lambda _access, _warn: Host(api))
    return answer(run_kubeconfig, {"name": "t", "dest": str(dest), **more}, context)


def written(dest: Path) -> str:
    return str(yaml.safe_load(dest.read_text())["clusters"][0]["cluster"]["server"])


CLUSTER_IP = {"spec": {"type": "ClusterIP", "ports": [{"port": 443}]}}
NODE_PORT = {"spec": {"type": "NodePort", "ports": [{"nodePort": 30443}]}}
BALANCED = {
    "spec": {"type": "LoadBalancer"},
    "status": {"loadBalancer": {"ingress": [{"ip": "9.9.9.9"}]}},
}


@pytest.mark.parametrize(
    ("server", "service", "expected"),
    [
        ("https://vc.example.org", CLUSTER_IP, "https://vc.example.org"),
        ("https://localhost:8443", CLUSTER_IP, "https://t.vcluster-t:443"),
        ("https://localhost:8443", NODE_PORT, "https://10.0.0.5:30443"),
        ("https://127.0.0.1:8443", BALANCED, "https://9.9.9.9:443"),
    ],
)
def test_the_address_is_the_vclusters_own_or_what_the_service_offers(
    tmp_path: Path, server: str, service: dict[str, Any], expected: str
) -> None:
    dest = tmp_path / "deep" / "kubeconfig"
    result = run(Api(server, service), dest)
    assert (result["server"], written(dest), result["changed"]) == (expected, expected, True)


def test_through_a_node_port_the_certificate_is_verified_for_the_name_it_always_has(
    tmp_path: Path,
) -> None:
    dest = tmp_path / "kubeconfig"
    run(Api("https://localhost:8443", NODE_PORT), dest)
    assert (
        yaml.safe_load(dest.read_text())["clusters"][0]["cluster"]["tls-server-name"] == "localhost"
    )
    run(Api("https://vc.example.org", CLUSTER_IP), dest)
    assert "tls-server-name" not in yaml.safe_load(dest.read_text())["clusters"][0]["cluster"]


def test_the_file_is_private_and_the_second_time_nothing_changes(tmp_path: Path) -> None:
    dest = tmp_path / "kubeconfig"
    api = Api("https://vc.example.org", CLUSTER_IP)
    run(api, dest)
    assert dest.stat().st_mode & 0o777 == 0o600
    assert run(api, dest)["changed"] is False
    dest.chmod(0o644)
    assert run(api, dest)["changed"] is True
    assert dest.stat().st_mode & 0o777 == 0o600


def test_check_mode_writes_nothing(tmp_path: Path) -> None:
    dest = tmp_path / "kubeconfig"
    assert run(Api("https://vc.example.org", CLUSTER_IP), dest, check=True)["changed"] is True
    assert not dest.exists()


def test_the_server_of_the_task_wins(tmp_path: Path) -> None:
    dest = tmp_path / "kubeconfig"
    run(Api("https://vc.example.org", CLUSTER_IP), dest, server="https://proxy:1")
    assert written(dest) == "https://proxy:1"


def test_a_load_balancer_without_address_is_told(tmp_path: Path) -> None:
    result = run(Api("https://localhost:8443", {"spec": {"type": "LoadBalancer"}}), tmp_path / "k")
    assert "no load balancer address yet" in result["msg"]


def test_a_secret_that_nobody_has_written_yet_is_told(tmp_path: Path) -> None:
    api = Api("https://localhost:8443", CLUSTER_IP)
    del api.objects[SECRET]
    assert "vc-t does not exist" in run(api, tmp_path / "k")["msg"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run(Api("https://vc.example.org", CLUSTER_IP), tmp_path / "file" / "k")
    assert "cannot be written" in result["msg"]


def test_nothing_of_the_kubeconfig_is_in_the_result(tmp_path: Path) -> None:
    result = run(Api("https://vc.example.org", CLUSTER_IP), tmp_path / "k")
    assert set(result) == {"changed", "dest", "server", "msg"}
