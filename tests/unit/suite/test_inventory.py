# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's inventory says what the demo promises."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import inventory
import pytest
import yaml

from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.inventory import spec_from
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._inventory import collect

FACTS = {
    "clusters": [{"name": f"hc{n}", "kubeconfig": f"/lab/hc{n}/kubeconfig"} for n in (1, 2)],
    "chart_repository": "http://127.0.0.1:8879",
}
ETCDS = {f"hc{n}": f"external-{n}.external-etcd:2379" for n in (1, 2)}


def hosts(fleet: inventory.Fleet) -> dict[str, dict[str, Any]]:
    """The variables of each host, merged as Ansible does it."""
    top = yaml.safe_load(inventory.render(fleet))["all"]
    return {
        host: {**top["vars"], **group["vars"], **own}
        for group in top["children"].values()
        for host, own in group["hosts"].items()
    }


def test_the_lab_gets_six_valid_vclusters() -> None:
    fleet = inventory.of_lab(FACTS, ETCDS)
    variables = hosts(fleet)
    assert fleet.size == len(variables) == 6
    collected = [collect(variables, host) for host in variables]
    assert [found.errors for found in collected] == [()] * 6
    specs = [spec_from(found.arguments) for found in collected]
    stores = [(s.store.type, s.replicas, s.store.options.get("members")) for s in specs if s.store]
    assert (
        stores == [("sqlite", None, None), ("etcd_deployed", 3, 3), ("etcd_external", 2, None)] * 2
    )
    assert {s.cluster for s in specs} == {"hc1", "hc2"}


def test_a_database_adds_one_vcluster_to_each_host_cluster(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = tmp_path / "server.json"
    told.write_text('{"type": "mysql", "server": {"password": "s3cret-pass"}}')
    monkeypatch.setenv("DATABASE", str(told))
    fleet = replace(inventory.of_lab(FACTS, ETCDS), database=inventory.database())
    variables = hosts(fleet)
    assert fleet.size == len(variables) == 8
    assert variables["sql-2"]["vcluster_store"] == {"type": "mysql"}
    assert collect(variables, "sql-1").errors == ()
    assert "s3cret-pass" not in inventory.render(fleet), "it is read where it lies"
    monkeypatch.setenv("DATABASE", "nowhere/x")
    with pytest.raises(inventory.DemoError, match="nowhere/x"):
        inventory.database()


def test_one_canary_goes_first() -> None:
    waves = [own["vcluster_wave"] for own in hosts(inventory.of_lab(FACTS, ETCDS)).values()]
    assert waves.count(1) == 1


def test_clusters_of_a_user_get_the_vendors_chart(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("CHART", raising=False)
    files = [tmp_path / "a", tmp_path / "b"]
    for file in files:
        file.touch()
    variables = hosts(inventory.of_users(",".join(map(str, files))))
    assert len(variables) == 4
    assert {own["vcluster_chart"] for own in variables.values()} == {"https://charts.loft.sh"}


def test_a_missing_kubeconfig_is_named() -> None:
    with pytest.raises(inventory.DemoError, match="nowhere/x"):
        inventory.of_users("nowhere/x")
