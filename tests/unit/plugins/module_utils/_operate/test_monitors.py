# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Monitors of one vCluster: made, left alone, changed, taken away, in both forms."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml
from fakes import FakeHost, World

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import answer
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.monitors import (
    run_monitors,
)

API = "/apis/monitoring.coreos.com/v1"
MONITORS = f"{API}/namespaces/vcluster-tenant-a/podmonitors"
SECRET = "/api/v1/namespaces/vcluster-tenant-a/secrets/vc-tenant-a"
DEPLOYED = {"controlPlane": {"backingStore": {"etcd": {"deploy": {"enabled": True}}}}}
KEYS = ("certificate-authority", "client-certificate", "client-key")
DEFAULTS = {"form": "operator", "interval": "30s", "labels": {}, "discovery_kubeconfig": ""}


@pytest.fixture
def world(world: World) -> World:
    world.deploy("tenant-a", "0.36.1", {})
    world.objects[API] = {"kind": "APIResourceList"}
    data = {key: base64.b64encode(key.encode()).decode() for key in KEYS}
    world.objects[SECRET] = {"data": data}
    world.log.clear()
    return world


def run(world: World, check: bool = False, diff: bool = False, **more: Any) -> dict[str, Any]:
    warnings: list[str] = []
    context = Context(
        check, diff, warn=warnings.append, connect=lambda _access, _warn: FakeHost(world)
    )
    asked = {"name": "tenant-a", "kubeconfig": "/k/hc1", **DEFAULTS, **more}
    return {**answer(run_monitors, asked, context), "warnings": warnings}


def made(world: World) -> set[str]:
    return {path.rpartition("/")[2] for path in world.objects if path.startswith(MONITORS)}


def test_they_are_made_once(world: World) -> None:
    assert run(world)["changed"] is True
    assert made(world) == {"tenant-a-control-plane"}
    world.log.clear()
    assert run(world)["changed"] is False
    assert world.log == []


def test_check_mode_says_it_and_does_nothing(world: World) -> None:
    result = run(world, check=True, diff=True)
    assert result["changed"] is True
    assert result["diff"][0]["before"] == ""
    assert "/metrics/controller-manager" in result["diff"][0]["after"]
    assert world.log == []


def test_what_the_api_server_fills_in_is_no_change(world: World) -> None:
    run(world)
    item = world.objects[f"{MONITORS}/tenant-a-control-plane"]
    item["metadata"]["resourceVersion"] = "5"
    for endpoint in item["spec"]["podMetricsEndpoints"]:
        endpoint["relabelings"][1]["action"] = "replace"
    assert run(world)["changed"] is False


def test_what_somebody_changed_is_put_back(world: World) -> None:
    run(world)
    item = world.objects[f"{MONITORS}/tenant-a-control-plane"]
    item["spec"]["podMetricsEndpoints"][0]["path"] = "/elsewhere"
    result = run(world, diff=True)
    assert result["changed"] is True
    assert "/elsewhere" in result["diff"][0]["before"]
    assert run(world)["changed"] is False


def test_a_store_that_went_takes_its_monitor_along(world: World) -> None:
    world.deploy("tenant-a", "0.36.1", DEPLOYED)
    run(world)
    assert made(world) == {"tenant-a-control-plane", "tenant-a-etcd"}
    world.deploy("tenant-a", "0.36.1", {})
    assert run(world)["changed"] is True
    assert made(world) == {"tenant-a-control-plane"}


def test_somebody_elses_is_left_alone(world: World) -> None:
    other = {"metadata": {"name": "tenant-a-etcd"}, "spec": {}}
    world.objects[f"{MONITORS}/tenant-a-etcd"] = other
    run(world)
    assert world.objects[f"{MONITORS}/tenant-a-etcd"] is other
    world.deploy("tenant-a", "0.36.1", DEPLOYED)
    result = run(world)
    assert result["failed"] and "tenant-a-etcd in its namespace that somebody else" in result["msg"]


def test_a_host_cluster_without_the_operator_is_named_with_the_way_out(world: World) -> None:
    del world.objects[API]
    result = run(world)
    assert result["failed"]
    assert "Host cluster hc1 has no API monitoring.coreos.com/v1" in result["msg"]
    assert "monitoring_form to files" in result["msg"]


def test_a_vcluster_that_is_not_there_is_named() -> None:
    result = run(World())
    assert result["failed"] and "there is nothing to monitor" in result["msg"]


def test_the_charts_own_monitor_is_not_doubled_and_the_user_hears_of_it(world: World) -> None:
    values = {"controlPlane": {"serviceMonitor": {"enabled": True}}}
    world.deploy("tenant-a", "0.36.1", values)
    result = run(world)
    (warning,) = result["warnings"]
    assert "no alert rule sees them" in warning
    spec = world.objects[f"{MONITORS}/tenant-a-control-plane"]["spec"]
    assert [item["path"] for item in spec["podMetricsEndpoints"]] == ["/metrics/kine"]


def test_files_are_written_once_for_their_owner_only(world: World, tmp_path: Path) -> None:
    asked = {"form": "files", "dest": str(tmp_path / "prometheus")}
    assert run(world, check=True, **asked)["changed"] is True
    assert not (tmp_path / "prometheus").exists()
    result = run(world, **asked)
    assert result["changed"] is True
    for name in result["monitors"]:
        assert Path(name).stat().st_mode & 0o777 == 0o600
    config = yaml.safe_load((tmp_path / "prometheus" / "tenant-a.scrape.yml").read_text())
    for job in config["scrape_configs"]:
        tls = job["tls_config"]
        key = tmp_path / "prometheus" / tls["key_file"]
        assert key.read_text() == "client-key"
    assert run(world, **asked)["changed"] is False


def test_a_renewed_certificate_is_brought_and_shown_to_nobody(world: World, tmp_path: Path) -> None:
    asked = {"form": "files", "dest": str(tmp_path)}
    run(world, **asked)
    world.objects[SECRET]["data"]["client-key"] = base64.b64encode(b"another key").decode()
    result = run(world, diff=True, **asked)
    assert result["changed"] is True
    assert "another key" not in str(result)
    assert (tmp_path / "tenant-a" / "vc-tenant-a" / "tls.key").read_text() == "another key"


@pytest.mark.parametrize(
    ("more", "words"),
    [({"form": "files"}, "dest is not said"), ({"form": "files", "dest": "/d"}, "has no client-")],
)
def test_what_is_missing_for_files_is_named(world: World, more: Any, words: str) -> None:
    world.objects[SECRET] = {"data": {"certificate-authority": ""}}
    result = run(world, **more)
    assert result["failed"] and words in result["msg"]
