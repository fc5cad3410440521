# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots of a real kine on SQLite: taken while a tenant writes, put back, and gone on with."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from by_hand import CLUSTER, in_namespace, wait_until
from harness import Fleet, Lab
from saving import (
    configmaps,
    delete_all,
    installed,
    kubeconfig_of,
    manifests,
    opened,
    resource_version,
    tenant,
    variables,
)

from lab.ledger import Ledger

pytestmark = [pytest.mark.lab, pytest.mark.slow]

NAME = "it-file"


@pytest.fixture
def saver(make_fleet: Any, savers: dict[str, Path], tmp_path: Path) -> Any:
    return installed(make_fleet({CLUSTER: {NAME: variables(tmp_path)}}, savers))


@pytest.fixture
def restorer(make_fleet: Any, restorers: dict[str, Path], tmp_path: Path) -> Any:
    return installed(make_fleet({CLUSTER: {NAME: variables(tmp_path)}}, restorers))


def plane(lab: Lab) -> Any:
    """Identity and restarts of the control plane's pod."""
    pod = json.loads(in_namespace(lab, NAME, "get", "pod", f"{NAME}-0", "--output=json"))
    return pod["metadata"]["uid"], [s["restartCount"] for s in pod["status"]["containerStatuses"]]


def helpers(lab: Lab) -> str:
    """Pods of ours that are left."""
    selector = "--selector=app in (fleetops-copy,fleetops-restore)"
    return in_namespace(lab, NAME, "get", "pods", selector, "--output=name")


def test_under_load_it_holds_all_that_was_acknowledged_before_and_nothing_is_stopped(
    saver: Fleet, lab: Lab, tmp_path: Path
) -> None:
    """With the rights of docs/rbac/backup-cluster-role.yaml beside the least ones."""
    kept, before_it = tmp_path / "acknowledged", plane(lab)
    with tenant(lab, NAME, kubeconfig_of(lab, NAME, tmp_path)) as target:
        ledger = Ledger(target, "default", 20, 40, 4, kept)
        writer = threading.Thread(target=ledger.write)
        writer.start()
        wait_until("a hundred writes", lambda: kept.exists() and len(kept.read_text()) > 500)
        before = {int(line) for line in kept.read_text().split()}
        saver.play("backup", "-e", "fleetops_reason=CHG-1").succeeded()
        writer.join()
    assert ledger.report.failed == 0
    assert plane(lab) == before_it
    assert helpers(lab) == ""
    (manifest,) = manifests(tmp_path / "target")
    assert (manifest["way"], manifest["store"]) == ("sqlite", "sqlite")
    path = opened(tmp_path / "target", tmp_path / "state.db")
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("SELECT MAX(id) FROM kine").fetchone() == (manifest["revision"],)
        keys = {
            name
            for name, deleted in database.execute(
                "SELECT name, deleted FROM kine AS k WHERE id = (SELECT MAX(id) FROM kine WHERE name = k.name)"
            )
            if not deleted and name != "compact_rev_key"
        }
    prefix = f"/registry/configmaps/default/ledger-{ledger.run}-"
    saved = {int(key.removeprefix(prefix)) for key in keys if key.startswith(prefix)}
    assert before <= saved
    assert len(keys) == manifest["contents"]["keys"]


def test_what_was_destroyed_is_there_again_and_kine_goes_on_above_all_that_was_seen(
    restorer: Fleet, lab: Lab, tmp_path: Path
) -> None:
    kept = tmp_path / "acknowledged"
    handed_out = kubeconfig_of(lab, NAME, tmp_path)
    with tenant(lab, NAME, handed_out) as target:
        ledger = Ledger(target, "default", 20, 5, 4, kept)
        ledger.write()
        restorer.play("backup").succeeded()
        version = resource_version(target)
        delete_all(target)
        Ledger(target, "default", 20, 2, 4, tmp_path / "later").write()
        assert configmaps(target, ledger.run) == set()

    restorer.play("restore", "-e", "fleetops_snapshot=latest", "--check").succeeded()
    run = restorer.play("restore", "-e", "fleetops_snapshot=latest").succeeded()
    assert "planned restore: done" in run.output

    with tenant(lab, NAME, handed_out) as target:
        assert configmaps(target, ledger.run) == {int(n) for n in kept.read_text().split()}
        ledger.target = target
        ledger.check()
        assert ledger.report.lost == 0, "the values too"
        # A client that remembers the old revision is told to list again, and is not left blind.
        connection = target.connect()
        path = "/api/v1/namespaces/default/configmaps?watch=1&timeoutSeconds=5"
        status, answer = target.request(connection, "GET", f"{path}&resourceVersion={version}")
        assert status == 200
        assert (answer["type"], answer["object"]["code"]) == ("ERROR", 410)
        connection.close()
        assert resource_version(target) > version + 1_000_000
        again = Ledger(target, "default", 20, 5, 4, tmp_path / "after")
        again.write()
        again.check()
        assert (again.report.failed, again.report.lost) == (0, 0)
    restorer.play("verify").succeeded()
    assert ": 0 to change" in " ".join(restorer.play("plan").succeeded().output.split())
    assert helpers(lab) == ""
    assert len(manifests(tmp_path / "target")) == 2, "what was there before it is saved too"
    # What was restored can be saved, and restored, again.
    restorer.play("backup").succeeded()
    restorer.play("restore", "-e", "fleetops_snapshot=latest").succeeded()


def test_a_volume_that_is_gone_is_filled_again(restorer: Fleet, lab: Lab, tmp_path: Path) -> None:
    kept = tmp_path / "acknowledged"
    with tenant(lab, NAME, kubeconfig_of(lab, NAME, tmp_path)) as target:
        ledger = Ledger(target, "default", 20, 3, 4, kept)
        ledger.write()
    restorer.play("backup").succeeded()
    in_namespace(lab, NAME, "scale", f"statefulset/{NAME}", "--replicas=0")
    in_namespace(lab, NAME, "wait", "--for=delete", f"pod/{NAME}-0", "--timeout=60s")
    in_namespace(lab, NAME, "delete", "pvc", f"data-{NAME}-0", "--wait=true")
    arguments = ("-e", "fleetops_snapshot=latest")
    refused = restorer.play("restore", *arguments).failed()
    words = " ".join(refused.output.split())
    assert f"claim data-{NAME}-0 does not exist" in words
    assert "Nothing was touched" in words
    restorer.play("restore", *arguments, "-e", "fleetops_safety=false").succeeded()
    with tenant(lab, NAME, kubeconfig_of(lab, NAME, tmp_path)) as target:
        assert configmaps(target, ledger.run) == {int(n) for n in kept.read_text().split()}


def test_a_volume_for_one_pod_alone_is_copied_with_consent_only(
    make_fleet: Any, restorers: dict[str, Path], lab: Lab, tmp_path: Path
) -> None:
    """The same way is taken where a log is begun anew too fast."""
    claim = {"volumeClaim": {"accessModes": ["ReadWriteOncePod"]}}
    values = {"controlPlane": {"statefulSet": {"persistence": claim}}}
    own = variables(tmp_path, vcluster_values=values)
    fleet = make_fleet({CLUSTER: {f"{NAME}-alone": own}}, restorers)
    fleet.play("site").succeeded()
    refused = fleet.play("backup").failed()
    assert "vcluster_snapshots.allow_outage" in " ".join(refused.output.split())
    assert manifests(tmp_path / "target") == []
    own["vcluster_snapshots"]["allow_outage"] = True
    consenting = make_fleet({CLUSTER: {f"{NAME}-alone": own}}, restorers)
    planned = consenting.play("backup", "--check").succeeded()
    assert "the API is away for about 60 s" in " ".join(planned.output.split())
    consenting.play("backup").succeeded()
    assert len(manifests(tmp_path / "target")) == 1
    consenting.play("verify").succeeded()
