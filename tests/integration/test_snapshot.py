# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots of real etcd members: taken while a tenant writes, opened by etcd's own tools."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyrage
import pytest
import zstandard
from by_hand import CLUSTER, in_namespace, namespace, wait_until
from harness import Fleet, Lab, program

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import etcd_file
from lab.ledger import Ledger, Target

pytestmark = [pytest.mark.lab, pytest.mark.slow]

NAME = "it-saved"
KEY = pyrage.x25519.Identity.generate()


@pytest.fixture
def fleet(make_fleet: Any, tmp_path: Path) -> Any:
    variables = {
        "vcluster_version": "0.36.1",
        "vcluster_kubernetes_version": "1.36.3",
        "vcluster_store": {"type": "etcd_deployed", "members": 3},
        "vcluster_snapshots": {
            "directory": str(tmp_path / "target"),
            "recipients": [str(KEY.to_public())],
        },
    }
    made = make_fleet({CLUSTER: {NAME: variables}})
    made.play("site").succeeded()
    return made


@contextmanager
def tenant(lab: Lab, folder: Path) -> Iterator[Target]:
    """The tenant's API on this machine, through kubectl."""
    secret = json.loads(in_namespace(lab, NAME, "get", "secret", f"vc-{NAME}", "--output=json"))
    kubeconfig = folder / "tenant.kubeconfig"
    kubeconfig.touch(mode=0o600)
    kubeconfig.write_bytes(base64.b64decode(secret["data"]["config"]))
    command = [
        program("kubectl"),
        f"--kubeconfig={lab.clusters[CLUSTER]}",
        f"--namespace={namespace(NAME)}",
        "port-forward",
        f"service/{NAME}",
        ":443",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = re.search(r"127\.0\.0\.1:(\d+)", process.stdout.readline())
        assert port is not None
        yield Target.of(kubeconfig, f"https://localhost:{port[1]}")
    finally:
        process.terminate()
        process.wait(timeout=20)


def manifests(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(folder.rglob("manifest.json"))]


def opened(folder: Path, target: Path) -> Path:
    """The database of the only snapshot, as age and zstd give it."""
    (data,) = folder.rglob("data")
    clear = pyrage.decrypt(data.read_bytes(), [KEY])
    target.write_bytes(zstandard.ZstdDecompressor().decompressobj().decompress(clear))
    return target


def test_under_load_it_holds_all_that_was_acknowledged_before(
    fleet: Fleet, lab: Lab, tmp_path: Path
) -> None:
    kept = tmp_path / "acknowledged"
    with tenant(lab, tmp_path) as target:
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
        keys = {key.decode(errors="replace") for key, _value in etcd_file.live(file)}
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
