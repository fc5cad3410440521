# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Archives that the controller in the control plane writes into a bucket, and restores from there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from by_hand import CLUSTER, in_namespace, wait_until
from harness import Lab
from saving import (
    asking,
    configmaps,
    delete_all,
    installed,
    keys_of,
    kubeconfig_of,
    tenant,
    variables,
)

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.contents import Tally
from lab.ledger import Ledger
from lab.s3 import S3Server

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

STORES = {
    "it-asked": {"type": "sqlite"},
    "it-asked-etcd": {"type": "etcd_deployed", "members": 1},
}
LABEL = "vcluster.loft.sh/snapshot-request"


@pytest.fixture(scope="module")
def service(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A service that pods reach too; the controller in there is told of its authority."""
    server = S3Server(tmp_path_factory.mktemp("s3"), lab.gateways[CLUSTER])
    yield server
    server.close()


def in_bucket(folder: Path, name: str, options: dict[str, str]) -> dict[str, Any]:
    """The variables of a vCluster whose target is a bucket."""
    asked = variables(folder, STORES[name], vcluster_allow=["G38"], vcluster_cluster=CLUSTER)
    asked["vcluster_snapshots"]["s3"] = {**options, "prefix": "fleet"}
    del asked["vcluster_snapshots"]["directory"]
    return asked


def left(lab: Lab, name: str) -> str:
    """What is there of requests."""
    return in_namespace(
        lab, name, "get", "configmaps,secrets", f"--selector={LABEL}", "--output=name"
    )


@pytest.mark.parametrize("name", STORES)
def test_it_holds_what_was_acknowledged_and_comes_back_by_its_url(
    make_fleet: Any,
    restorers: dict[str, Path],
    lab: Lab,
    service: S3Server,
    tmp_path: Path,
    name: str,
) -> None:
    asked = in_bucket(tmp_path, name, service.bucket(name))
    fleet = installed(make_fleet({CLUSTER: {name: asked}}))
    kept = tmp_path / "acknowledged"
    with tenant(lab, name, kubeconfig_of(lab, name, tmp_path)) as target:
        ledger = Ledger(target, "default", 20, 3, 4, kept)
        ledger.write()
    written = {int(number) for number in kept.read_text().split()}
    runs = [fleet.play_file(asking(tmp_path, "snapshot_request"), "-vvv").succeeded()]
    found = json.loads((tmp_path / "found").read_text())
    # The controller in there lets go of the ConfigMap a moment later.
    wait_until("no request to be left", lambda: left(lab, name) == "")

    (stored,) = service.client.list_objects_v2(Bucket=name)["Contents"]
    assert stored["Key"] == found["key"]
    assert stored["Key"].startswith(f"fleet/{CLUSTER}/vcluster-{name}/{name}_archives/")
    assert found["compared"] is (STORES[name]["type"] != "sqlite")
    archive = tmp_path / "archive.tar.gz"
    archive.write_bytes(service.client.get_object(Bucket=name, Key=found["key"])["Body"].read())
    tally, numbers = Tally(), set()
    prefix = f"/registry/configmaps/default/ledger-{ledger.run}-"
    for key, value in keys_of(archive):
        tally.add(key.encode(), value)
        if key.startswith(prefix):
            numbers.add(int(key.removeprefix(prefix)))
    assert numbers == written
    assert (found["count"], found["digest"]) == (tally.contents.keys, tally.contents.digest)

    with tenant(lab, name, kubeconfig_of(lab, name, tmp_path)) as target:
        delete_all(target)
        assert configmaps(target, ledger.run) == set()
    asked["vcluster_snapshots"]["from"] = {"archive": found["url"]}
    fleet = make_fleet({CLUSTER: {name: asked}}, restorers)
    runs.append(fleet.play("restore", "-vvv", "-e", "fleetops_snapshot=latest").succeeded())
    with tenant(lab, name, kubeconfig_of(lab, name, tmp_path)) as target:
        assert configmaps(target, ledger.run) == written
    fleet.play("verify").succeeded()

    # G38: nowhere but in the inventory.
    secret = service.account.secret_key
    assert not [run for run in runs if secret in run.output]
    files = [path for path in tmp_path.rglob("*") if path.is_file() and path != fleet.inventory]
    assert not [path for path in files if secret.encode() in path.read_bytes()]


def test_what_goes_wrong_is_said_and_leaves_nothing(
    make_fleet: Any, lab: Lab, service: S3Server, tmp_path: Path
) -> None:
    name = "it-asked"
    options = service.bucket("elsewhere")
    installed(make_fleet({CLUSTER: {name: in_bucket(tmp_path, name, options)}}))

    def fails(**other: str) -> str:
        asked = in_bucket(tmp_path, name, {**options, **other})
        run = make_fleet({CLUSTER: {name: asked}}).play_file(asking(tmp_path, "snapshot_request"))
        assert left(lab, name) == ""
        return " ".join(run.failed().output.split())

    assert "there is no such bucket" in fails(bucket="nowhere")
    # Here it is this machine; in a pod it is the pod.
    local = S3Server(tmp_path / "local")
    words = fails(**local.bucket("elsewhere"))
    kept = local.client.list_objects_v2(Bucket="elsewhere")
    local.close()
    assert "its controller wrote no archive to s3://elsewhere/fleet/" in words
    assert "(Failed)" in words
    assert "connection refused" in words
    assert kept["KeyCount"] == 0
