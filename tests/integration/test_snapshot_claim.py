# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots in a claim on the host cluster: through a pod that is there while it is used, with the rights it takes."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from by_hand import CLUSTER, in_namespace, namespace, wait_until
from harness import RBAC, Fleet, Lab, kubectl
from runs import kill_at
from saving import configmaps, delete_all, installed, kubeconfig_of, tenant, variables

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.directory import PIECE
from lab.ledger import Ledger, Target

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

NAME, PLACE = "it-claimed", "it-backups"
CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "backups"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}


@pytest.fixture
def claim(lab: Lab) -> Iterator[None]:
    """A claim, and in its namespace what docs/rbac/claim-role.yaml grants."""
    admin = lab.clusters[CLUSTER]
    kubectl(admin, "create", "namespace", namespace(PLACE))
    in_namespace(lab, PLACE, "apply", "-f", "-", stdin=yaml.safe_dump(CLAIM))
    role = RBAC / "claim-role.yaml"
    in_namespace(lab, PLACE, "apply", "-f", str(role))
    name = yaml.safe_load(role.read_text())["metadata"]["name"]
    who = [f"--serviceaccount=fleetops:{who}" for who in ("saver", "restorer")]
    in_namespace(lab, PLACE, "create", "rolebinding", name, f"--role={name}", *who)
    yield
    kubectl(admin, "delete", "namespace", namespace(PLACE), "--timeout=100s")


@pytest.fixture
def asked(tmp_path: Path) -> dict[str, Any]:
    found = variables(tmp_path, vcluster_cluster=CLUSTER)  # whoever asks
    del found["vcluster_snapshots"]["directory"]
    found["vcluster_snapshots"]["claim"] = {"name": "backups", "namespace": namespace(PLACE)}
    return found


@pytest.fixture
def saver(make_fleet: Any, savers: dict[str, Path], asked: dict[str, Any], claim: None) -> Fleet:
    return installed(make_fleet({CLUSTER: {NAME: asked}}, savers))


def pods(lab: Lab) -> list[str]:
    """Those of ours on the claim that shall not end yet."""
    found = json.loads(in_namespace(lab, PLACE, "get", "pods", "--output=json"))["items"]
    return [pod["metadata"]["name"] for pod in found if "deletionTimestamp" not in pod["metadata"]]


def fill(target: Target) -> None:
    """Some megabytes that cannot be compressed."""
    connection = target.connect()
    for number in range(8):
        content = base64.b64encode(os.urandom(700_000)).decode()
        body = {"metadata": {"name": f"large-{number}"}, "binaryData": {"content": content}}
        status, _answer = target.request(
            connection, "POST", "/api/v1/namespaces/default/configmaps", body
        )
        assert status == 201
    connection.close()


def listed(fleet: Fleet, folder: Path) -> Any:
    """What the playbook `snapshots` says of the vCluster."""
    path = folder / "snapshots.json"
    fleet.play("snapshots", "-e", "fleetops_format=json", "-e", f"fleetops_dest={path}").succeeded()
    (found,) = json.loads(path.read_text())
    return found


def test_what_was_destroyed_comes_back_from_a_claim(
    make_fleet: Any,
    restorers: dict[str, Path],
    saver: Fleet,
    asked: dict[str, Any],
    lab: Lab,
    tmp_path: Path,
) -> None:
    """Saved with the rights of a backup alone."""
    kept = tmp_path / "acknowledged"
    with tenant(lab, NAME, kubeconfig_of(lab, NAME, tmp_path)) as target:
        ledger = Ledger(target, "default", 20, 3, 4, kept)
        ledger.write()
        fill(target)
    saver.play("backup", "--check").succeeded()
    assert pods(lab) == [], "a plan makes none"
    saver.play("backup").succeeded()
    assert pods(lab) == []
    found = listed(saver, tmp_path)
    assert (found["state"], found["count"]) == ("saved", 1)
    assert found["size"] > 4 * PIECE, "it goes there in several messages"

    with tenant(lab, NAME, kubeconfig_of(lab, NAME, tmp_path)) as target:
        delete_all(target)
    restorer = make_fleet({CLUSTER: {NAME: asked}}, restorers)
    restorer.play("restore", "-e", "fleetops_snapshot=latest").succeeded()
    with tenant(lab, NAME, kubeconfig_of(lab, NAME, tmp_path)) as target:
        assert configmaps(target, ledger.run) == {int(n) for n in kept.read_text().split()}
    assert pods(lab) == []
    assert listed(saver, tmp_path)["count"] == 1, "what was there before the restore is kept apart"


def test_g48_a_run_that_was_killed_leaves_no_snapshot_and_hinders_nobody(
    saver: Fleet, lab: Lab, tmp_path: Path
) -> None:
    kill_at(saver, "reading it back", "backup")
    assert listed(saver, tmp_path)["state"] in ("none", "saved")
    saver.play("backup").succeeded()
    assert listed(saver, tmp_path)["state"] == "saved"
    assert len(pods(lab)) <= 1, "that of the run that was killed, for some minutes"


def test_a_claim_that_is_not_there_and_rights_that_are_missing_are_said(
    make_fleet: Any, saver: Fleet, asked: dict[str, Any], savers: dict[str, Path], lab: Lab
) -> None:
    asked["vcluster_snapshots"]["claim"]["name"] = "none"
    run = make_fleet({CLUSTER: {NAME: asked}}, savers).play("backup").failed()
    assert f"claim {namespace(PLACE)}/none on host cluster" in " ".join(run.output.split())
    asked["vcluster_snapshots"]["claim"]["name"] = "backups"
    in_namespace(lab, PLACE, "delete", "rolebindings", "--all")
    run = make_fleet({CLUSTER: {NAME: asked}}, savers).play("backup").failed()
    assert "docs/rbac/claim-role.yaml" in " ".join(run.output.split())
    wait_until("no pod of ours", lambda: pods(lab) == [])
