# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet on real host clusters: installed, proved, and left alone by the second run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from by_hand import in_namespace, namespace, releases, scale, upgrade, wait_until
from harness import Lab, kubectl

pytestmark = [pytest.mark.lab, pytest.mark.slow]

VERSIONS = {"vcluster_version": "0.36.1", "vcluster_kubernetes_version": "1.36.3"}
SQLITE = {**VERSIONS, "vcluster_store": {"type": "sqlite"}}
ETCD = {
    **VERSIONS,
    "vcluster_replicas": 3,
    "vcluster_store": {"type": "etcd_deployed", "members": 3},
}


def test_two_stores_are_installed_and_the_second_run_changes_nothing(
    make_fleet: Any, lab: Lab
) -> None:
    fleet = make_fleet({"hc1": {"it-new": SQLITE, "it-etcd": ETCD}})
    first = fleet.play("site").succeeded()
    assert "it-new: planned install: done" in first.output
    assert "it-etcd: planned install: done" in first.output
    revisions = releases(lab, "it-etcd")

    second = fleet.play("site").succeeded()
    assert "2 vClusters: 0 to change, 2 unchanged" in second.output
    assert "changed=0" in second.output
    assert releases(lab, "it-etcd") == revisions

    assert "2 vClusters: 0 to change, 2 unchanged" in fleet.play("plan").succeeded().output
    fleet.play("verify").succeeded()
    status = fleet.play("status").succeeded().output
    assert status.count("proved") == 2


def test_check_mode_shows_the_plan_and_changes_nothing(make_fleet: Any, lab: Lab) -> None:
    fleet = make_fleet({"hc1": {"it-checked": SQLITE}})
    run = fleet.play("site", "--check", "--diff").succeeded()
    assert "it-checked: install" in run.output
    assert "kind: StatefulSet" in run.output
    namespaces = kubectl(lab.clusters["hc1"], "get", "namespaces", "--output=name")
    assert "vcluster-it-checked" not in namespaces


def test_a_helm_upgrade_by_hand_is_drift_and_site_puts_it_back(make_fleet: Any, lab: Lab) -> None:
    fleet = make_fleet(
        {"hc1": {"it-sqlite": {**SQLITE, "vcluster_values": {"logging": {"encoding": "json"}}}}}
    )
    fleet.play("site").succeeded()
    upgrade(lab, "it-sqlite", {"logging": {"encoding": "console"}})
    planned = fleet.play("plan").succeeded().output
    assert "it-sqlite: values" in planned
    assert "logging.encoding: console -> json (by hand)" in planned
    fleet.play("site").succeeded()
    assert "0 to change, 1 unchanged" in fleet.play("plan").output


def test_kubectl_scale_is_drift_and_is_put_back(make_fleet: Any, lab: Lab) -> None:
    """G09: a replica that no value asks for."""
    fleet = make_fleet({"hc1": {"it-sqlite": SQLITE}})
    fleet.play("site").succeeded()
    scale(lab, "it-sqlite", 0)
    assert "it-sqlite: values" in fleet.play("plan").succeeded().output
    fleet.play("site").succeeded()
    assert "0 to change, 1 unchanged" in fleet.play("plan").output


def test_g05_g06_a_store_that_plain_helm_has_split_is_left_alone(make_fleet: Any, lab: Lab) -> None:
    """The new members are a cluster of their own; the claims of neither are ours to delete."""
    one, five = (
        {**VERSIONS, "vcluster_store": {"type": "etcd_deployed", "members": count}}
        for count in (1, 5)
    )
    make_fleet({"hc1": {"it-split": one}}).play("site").succeeded()
    members = {"statefulSet": {"highAvailability": {"replicas": 3}}}
    upgrade(lab, "it-split", {"controlPlane": {"backingStore": {"etcd": {"deploy": members}}}})
    path = "--output=jsonpath={.status.readyReplicas} {.status.updatedReplicas}"
    ready = ("get", "statefulset", "it-split-etcd", path)
    # The first one restarts when the others are ready; while it is away, they agree.
    wait_until("three members", lambda: in_namespace(lab, "it-split", *ready) == "3 3")
    before = releases(lab, "it-split")
    for asked, guard in ((one, "[G06]"), (five, "[G05]")):
        run = make_fleet({"hc1": {"it-split": asked}}).play("site").failed()
        assert guard in run.output
        assert "members disagree on who is a member" in " ".join(run.output.split())
    assert releases(lab, "it-split") == before
    claims = in_namespace(lab, "it-split", "get", "persistentvolumeclaims", "--output=name")
    assert len(claims.split()) == 3
    # Members that dial each other in vain cost the tests after this one half a core.
    kubectl(lab.clusters["hc1"], "delete", "namespace", namespace("it-split"), "--wait=false")


def test_the_kubeconfig_opens_the_tenant(make_fleet: Any, tmp_path: Path, lab: Lab) -> None:
    asked = {**SQLITE, "vcluster_expose": {"type": "node_port"}}
    fleet = make_fleet({"hc1": {"it-open": asked}})
    fleet.play("site").succeeded()
    play = [
        {
            "hosts": "it-open",
            "connection": "local",
            "gather_facts": False,
            "tasks": [
                {
                    "fleetops.vcluster.kubeconfig": {
                        "from_inventory": True,
                        "dest": str(tmp_path / "kc"),
                    }
                }
            ],
        }
    ]
    path = tmp_path / "kubeconfig.yml"
    path.write_text(yaml.safe_dump(play))
    fleet.play_file(path).succeeded()
    assert (tmp_path / "kc").stat().st_mode & 0o777 == 0o600
    found = kubectl(tmp_path / "kc", "get", "namespaces", "--output=json")
    assert "kube-system" in {item["metadata"]["name"] for item in json.loads(found)["items"]}
