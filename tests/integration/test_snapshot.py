# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots of real etcd members: taken while a tenant writes, opened by etcd's own tools."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from by_hand import CLUSTER, in_namespace, wait_until
from harness import Fleet, Lab, program
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

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.unpacked import live
from lab.ledger import Ledger, Target
from lab.s3 import S3Server

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

ETCD = {"type": "etcd_deployed", "members": 3}
NAME, COPY, BUCKET = "it-saved", "it-copied", "it-bucket"
POD = "/api/v1/namespaces/default/pods/started"
TOKEN = "/api/v1/namespaces/default/serviceaccounts/default/token"
REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"


@pytest.fixture
def fleet(make_fleet: Any, tmp_path: Path) -> Any:
    return installed(make_fleet({CLUSTER: {NAME: variables(tmp_path, ETCD)}}))


@pytest.fixture
def restorer(make_fleet: Any, restorers: dict[str, Path], tmp_path: Path) -> Any:
    return installed(make_fleet({CLUSTER: {NAME: variables(tmp_path, ETCD)}}, restorers))


def test_under_load_it_holds_all_that_was_acknowledged_before(
    fleet: Fleet, lab: Lab, tmp_path: Path
) -> None:
    kept = tmp_path / "acknowledged"
    with tenant(lab, NAME, kubeconfig_of(lab, NAME, tmp_path)) as target:
        ledger = Ledger(target, "default", 20, 40, 4, kept)
        writer = threading.Thread(target=ledger.write)
        writer.start()
        wait_until("a hundred writes", lambda: kept.exists() and len(kept.read_text()) > 500)
        before = {int(line) for line in kept.read_text().split()}
        run = fleet.play("backup", "-e", "fleetops_reason=CHG-1").succeeded()
        writer.join()
    assert ledger.report.failed == 0
    (manifest,) = manifests(tmp_path / "target")
    assert manifest["id"] in run.output or "1 vCluster" in run.output
    database = opened(tmp_path / "target", tmp_path / "etcd.db")
    with database.open("rb") as file:
        keys = {key.decode(errors="replace") for key, _value in live("etcd", file)}
    prefix = f"/registry/configmaps/default/ledger-{ledger.run}-"
    saved = {int(key.removeprefix(prefix)) for key in keys if key.startswith(prefix)}
    assert before <= saved
    assert len(keys) == manifest["contents"]["keys"]
    status = json.loads(
        subprocess.check_output(
            [program("etcdutl"), "snapshot", "status", str(database), "--write-out=json"],
            timeout=60,
        )
    )
    assert status["revision"] == manifest["revision"]
    assert manifest["reason"] == "CHG-1"


def test_a_store_without_quorum_gives_none_and_says_why(
    fleet: Fleet, lab: Lab, tmp_path: Path
) -> None:
    in_namespace(lab, NAME, "scale", f"statefulset/{NAME}-etcd", "--replicas=1")
    wait_until(
        "one member",
        lambda: (
            len(
                in_namespace(
                    lab, NAME, "get", "pods", "--selector=app=vcluster-etcd", "-oname"
                ).split()
            )
            == 1
        ),
    )
    run = fleet.play("backup").failed()
    assert manifests(tmp_path / "target") == []
    assert re.search(
        r"No etcd member can give a snapshot|etcd member .* (answers|did not)", run.output
    )
    in_namespace(lab, NAME, "scale", f"statefulset/{NAME}-etcd", "--replicas=3")
    wait_until("a proof that passes", lambda: fleet.play("verify").returncode == 0, 200)
    fleet.play("backup").succeeded()
    assert len(manifests(tmp_path / "target")) == 1


def test_what_was_destroyed_is_there_again_and_a_watch_opened_before_sees_what_comes_after(
    restorer: Fleet, lab: Lab, tmp_path: Path
) -> None:
    kept = tmp_path / "acknowledged"
    with tenant(lab, NAME, kubeconfig_of(lab, NAME, tmp_path)) as target:
        ledger = Ledger(target, "default", 20, 5, 4, kept)
        ledger.write()
        started_pod(target)
        restorer.play("backup").succeeded()
        version = resource_version(target)
        delete_all(target)
        Ledger(target, "default", 20, 2, 4, tmp_path / "later").write()
        assert configmaps(target, ledger.run) == set()

    plan = restorer.play("restore", "-e", "fleetops_snapshot=latest", "--check").succeeded()
    assert re.search("[1-9][0-9,]* writes since are lost", " ".join(plan.output.split()))
    run = restorer.play("restore", "-e", "fleetops_snapshot=latest").succeeded()
    assert "planned restore: done" in run.output

    with tenant(lab, NAME, kubeconfig_of(lab, NAME, tmp_path)) as target:
        assert configmaps(target, ledger.run) == {int(n) for n in kept.read_text().split()}
        # A client that remembers the old revision is told to list again, and is not left blind.
        connection = target.connect()
        path = "/api/v1/namespaces/default/configmaps?watch=1&timeoutSeconds=5"
        status, answer = target.request(connection, "GET", f"{path}&resourceVersion={version}")
        assert status == 200
        assert (answer["type"], answer["object"]["code"]) == ("ERROR", 410)
        connection.close()
        assert resource_version(target) > version + 1_000_000
        # Its pod on the host is gone: one that says it runs would be deleted by the syncer.
        pod = one(target, "GET", POD)
        assert "nodeName" not in pod["spec"]
        assert {"phase", "startTime"} & pod["status"].keys() == set()
    restorer.play("verify").succeeded()
    assert ": 0 to change" in " ".join(restorer.play("plan").succeeded().output.split())
    assert in_namespace(lab, NAME, "get", "pods", "--selector=app=fleetops-restore", "-oname") == ""
    assert len(manifests(tmp_path / "target")) == 2, "what was there before it is saved too"


def one(target: Target, method: str, path: str, body: object = None) -> Any:
    """One request that is answered."""
    connection = target.connect()
    status, found = target.request(connection, method, path, body)
    connection.close()
    assert status in (200, 201), found
    return found


def started_pod(target: Target) -> None:
    """A pod that says it has been started on a node, as the syncer would have written it."""
    pods, name = POD.rsplit("/", 1)
    spec = {"containers": [{"name": "main", "image": "busybox:1.35"}], "nodeName": "elsewhere"}
    pod = one(target, "POST", pods, {"metadata": {"name": name}, "spec": spec})
    pod["status"] |= {"phase": "Running", "startTime": pod["metadata"]["creationTimestamp"]}
    one(target, "PUT", f"{POD}/status", pod)


def test_another_one_takes_its_place_with_its_authorities(
    make_fleet: Any, restorers: dict[str, Path], lab: Lab, tmp_path: Path
) -> None:
    """Under another name, with fewer members: objects, kubeconfigs and tokens are those that were saved."""
    both = {NAME: variables(tmp_path, ETCD), COPY: variables(tmp_path, ETCD)}
    both[COPY]["vcluster_store"] = {"type": "etcd_deployed", "members": 1}
    both[COPY]["vcluster_snapshots"] |= {"from": {"name": NAME}}
    fleet = make_fleet({CLUSTER: both}, restorers)
    fleet.play("site").succeeded()
    kept = tmp_path / "acknowledged"
    before = kubeconfig_of(lab, NAME, tmp_path)
    with tenant(lab, NAME, before) as target:
        ledger = Ledger(target, "default", 20, 3, 4, kept)
        ledger.write()
        token = one(target, "POST", TOKEN, {})["status"]["token"]
    fleet.play("backup", "--limit", NAME).succeeded()
    arguments = ("--limit", COPY, "-e", "fleetops_snapshot=latest")
    plan = fleet.play("restore", *arguments, "--check").succeeded()
    assert "all that is there now is lost" in " ".join(plan.output.split())
    fleet.play("restore", *arguments).succeeded()
    written = {int(number) for number in kept.read_text().split()}
    with tenant(lab, COPY, before) as target:
        assert configmaps(target, ledger.run) == written
        found = one(target, "POST", REVIEWS, {"spec": {"token": token}})
        assert found["status"]["authenticated"] is True
    with tenant(lab, COPY, kubeconfig_of(lab, COPY, tmp_path)) as target:
        assert configmaps(target, ledger.run) == written
    with tenant(lab, NAME, before) as target:
        assert configmaps(target, ledger.run) == written, "the one that was saved is as it was"
    assert ": 0 to change" in " ".join(fleet.play("plan").succeeded().output.split())


def test_a_store_whose_volumes_are_gone_is_filled_again(
    restorer: Fleet, lab: Lab, tmp_path: Path
) -> None:
    kept = tmp_path / "acknowledged"
    with tenant(lab, NAME, kubeconfig_of(lab, NAME, tmp_path)) as target:
        ledger = Ledger(target, "default", 20, 3, 4, kept)
        ledger.write()
    restorer.play("backup").succeeded()
    in_namespace(lab, NAME, "delete", "pvc", "--selector=app=vcluster-etcd", "--wait=false")
    in_namespace(lab, NAME, "delete", "pods", "--selector=app=vcluster-etcd", "--wait=true")
    refused = restorer.play(
        "restore", "-e", "fleetops_snapshot=latest", "-e", "fleetops_safety=true"
    )
    arguments = ("-e", "fleetops_snapshot=latest", "-e", "fleetops_safety=false")
    if refused.returncode:
        assert "Nothing was touched" in refused.output
        restorer.play("restore", *arguments).succeeded()
    with tenant(lab, NAME, kubeconfig_of(lab, NAME, tmp_path)) as target:
        assert configmaps(target, ledger.run) == {int(n) for n in kept.read_text().split()}


@pytest.fixture
def service(tmp_path: Path) -> Iterator[S3Server]:
    server = S3Server(tmp_path / "s3")
    yield server
    server.close()


def test_a_bucket_keeps_it_and_gives_it_back(
    make_fleet: Any, restorers: dict[str, Path], lab: Lab, service: S3Server, tmp_path: Path
) -> None:
    asked = variables(tmp_path, ETCD)
    asked["vcluster_store"]["members"] = 1
    asked["vcluster_snapshots"]["s3"] = {**service.bucket("backups"), "prefix": "fleet"}
    del asked["vcluster_snapshots"]["directory"]
    fleet = make_fleet({CLUSTER: {BUCKET: asked}}, restorers)
    fleet.play("site").succeeded()
    kept = tmp_path / "acknowledged"
    with tenant(lab, BUCKET, kubeconfig_of(lab, BUCKET, tmp_path)) as target:
        ledger = Ledger(target, "default", 20, 3, 4, kept)
        ledger.write()
    runs = [fleet.play("backup", "-vvv").succeeded()]
    with tenant(lab, BUCKET, kubeconfig_of(lab, BUCKET, tmp_path)) as target:
        delete_all(target)

    objects = service.client.list_objects_v2(Bucket="backups")["Contents"]
    keys = [found["Key"].split("/") for found in objects]
    assert [key[-1] for key in keys] == ["data", "manifest.json", "private"]
    identifier = keys[0][-2]

    listing = tmp_path / "list.yml"
    task = {"fleetops.vcluster.snapshot_info": {"from_inventory": True}, "register": "found"}
    ids = {"ansible.builtin.assert": {"that": f"found.snapshots[0].id == '{identifier}'"}}
    play = {"hosts": "all", "gather_facts": False, "tasks": [task, ids]}
    listing.write_text(yaml.safe_dump([play]))
    runs.append(fleet.play_file(listing, "-vvv").succeeded())
    runs.append(fleet.play("restore", "-vvv", "-e", "fleetops_snapshot=latest").succeeded())
    with tenant(lab, BUCKET, kubeconfig_of(lab, BUCKET, tmp_path)) as target:
        assert configmaps(target, ledger.run) == {int(n) for n in kept.read_text().split()}

    # G38: nowhere but in the inventory.
    secret = service.account.secret_key
    assert not [run for run in runs if secret in run.output]
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path != fleet.inventory]
    assert not [path for path in files if secret.encode() in path.read_bytes()]
