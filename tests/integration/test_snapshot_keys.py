# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots that go from store to store by their keys: an external etcd, and the vendor's archive out and in."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from by_hand import CLUSTER, namespace, wait_until
from harness import Fleet, Lab, kubectl, program
from saving import (
    asking,
    configmaps,
    delete_all,
    installed,
    keys_of,
    kubeconfig_of,
    manifests,
    resource_version,
    tenant,
    variables,
)

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.contents import Tally
from lab import external_etcd
from lab.external_etcd import ExternalEtcd
from lab.ledger import Ledger

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

MakeEtcd = Callable[[str], ExternalEtcd]
OUTSIDE, FILE = "it-outside", "it-archive"
SECRET = "etcd-client"


@pytest.fixture(scope="module")
def etcds(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeEtcd]:
    """An etcd that others run, for each name."""
    admin = lab.clusters[CLUSTER]
    yield cache(lambda name: external_etcd.create(admin, name, tmp_path_factory.mktemp(name)))
    kubectl(admin, "delete", "namespace", external_etcd.NAMESPACE)


class Etcdctl:
    """etcd's own tool, from this machine."""

    def __init__(self, etcd: ExternalEtcd, folder: Path) -> None:
        files = {"cacert": etcd.authority, "cert": etcd.certificate, "key": etcd.key}
        self._command = [program("etcdctl"), f"--endpoints=https://{etcd.endpoint}"]
        for flag, content in files.items():
            path = folder / f"etcdctl-{flag}"
            path.touch(mode=0o600)
            path.write_bytes(content)
            self._command.append(f"--{flag}={path}")

    def __call__(self, *arguments: str, stdin: bytes | None = None) -> bytes:
        return subprocess.check_output([*self._command, *arguments], input=stdin, timeout=60)


@pytest.fixture
def etcd(etcds: MakeEtcd) -> ExternalEtcd:
    return etcds(OUTSIDE)


@pytest.fixture
def outside(
    make_fleet: Any, restorers: dict[str, Path], lab: Lab, etcd: ExternalEtcd, tmp_path: Path
) -> Fleet:
    place = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace(OUTSIDE)}}
    secret = etcd.secret(SECRET, namespace(OUTSIDE))
    objects = yaml.safe_dump_all([place, secret])
    kubectl(lab.clusters[CLUSTER], "apply", "-f", "-", stdin=objects)
    store = {"type": "etcd_external", "endpoint": etcd.endpoint, "tls": {"secret": SECRET}}
    own = variables(tmp_path, store, vcluster_replicas=2)
    return installed(make_fleet({CLUSTER: {OUTSIDE: own}}, restorers))


def test_an_external_etcd_that_was_emptied_under_load_is_filled_again(
    outside: Fleet, lab: Lab, etcd: ExternalEtcd, tmp_path: Path
) -> None:
    kept = tmp_path / "acknowledged"
    with tenant(lab, OUTSIDE, kubeconfig_of(lab, OUTSIDE, tmp_path)) as target:
        ledger = Ledger(target, "default", 20, 20, 4, kept)
        writer = threading.Thread(target=ledger.write)
        writer.start()
        wait_until("a hundred writes", lambda: kept.exists() and len(kept.read_text()) > 500)
        before = {int(line) for line in kept.read_text().split()}
        outside.play("backup").succeeded()
        writer.join()
        version = resource_version(target)
    assert ledger.report.failed == 0
    # Objects go behind the API's back: what runs on cannot be trusted with saving the rest.
    etcdctl = Etcdctl(etcd, tmp_path)
    etcdctl("del", "/registry/configmaps/", "--prefix")
    run = outside.play("restore", "-e", "fleetops_snapshot=latest").succeeded()
    assert "planned restore: done" in run.output
    with tenant(lab, OUTSIDE, kubeconfig_of(lab, OUTSIDE, tmp_path)) as target:
        assert before <= configmaps(target, ledger.run)
        assert resource_version(target) > version
        # A watch from before is not left blind: it is shown changes, or told to list again.
        connection = target.connect()
        path = "/api/v1/namespaces/default/configmaps?watch=1&timeoutSeconds=5"
        status, answer = target.request(connection, "GET", f"{path}&resourceVersion={version}")
        connection.close()
        assert status == 200
        assert answer["type"] in ("DELETED", "ADDED", "MODIFIED") or answer["object"]["code"] == 410
    outside.play("verify").succeeded()
    assert ": 0 to change" in " ".join(outside.play("plan").succeeded().output.split())


def test_an_etcd_that_others_use_too_is_not_emptied(
    outside: Fleet, lab: Lab, etcd: ExternalEtcd, tmp_path: Path
) -> None:
    outside.play("backup").succeeded()
    etcdctl = Etcdctl(etcd, tmp_path)
    etcdctl("put", "/theirs/a", "1")
    run = outside.play("restore", "-e", "fleetops_snapshot=latest").failed()
    assert "keys that are no vCluster's" in " ".join(run.output.split())
    assert etcdctl("get", "/theirs/a", "--print-value-only").strip() == b"1"
    etcdctl("del", "/theirs/a")


def test_an_archive_of_ours_is_the_vendors_and_comes_back(
    make_fleet: Any, restorers: dict[str, Path], lab: Lab, etcds: MakeEtcd, tmp_path: Path
) -> None:
    """Of SQLite: a tar reader and etcdctl put it into an etcd, and we put it back when everything was deleted."""
    archive = tmp_path / "archive.tar.gz"
    inventory = {CLUSTER: {FILE: variables(tmp_path)}}
    fleet = installed(make_fleet(inventory, restorers))
    kept = tmp_path / "acknowledged"
    with tenant(lab, FILE, kubeconfig_of(lab, FILE, tmp_path)) as target:
        ledger = Ledger(target, "default", 20, 3, 4, kept)
        ledger.write()
    written = {int(number) for number in kept.read_text().split()}
    fleet.play("backup").succeeded()
    fleet.play_file(asking(tmp_path, "snapshot_archive", dest=str(archive))).succeeded()
    told = json.loads((tmp_path / "found").read_text())
    etcdctl = Etcdctl(etcds(FILE), tmp_path)
    for key, value in keys_of(archive):
        etcdctl("put", key, stdin=value)
    tally, numbers = Tally(), set()
    prefix = f"/registry/configmaps/default/ledger-{ledger.run}-"
    for pair in json.loads(etcdctl("get", "/", "--prefix", "--write-out=json"))["kvs"]:
        name = base64.b64decode(pair["key"])
        tally.add(name, base64.b64decode(pair.get("value", "")))
        if name.decode().startswith(prefix):
            numbers.add(int(name.decode().removeprefix(prefix)))
    assert numbers == written
    assert (told["count"], told["digest"]) == (tally.contents.keys, tally.contents.digest)
    (manifest,) = manifests(tmp_path / "target")
    assert manifest["contents"]["digest"] == told["digest"], "SQLite has no other keys"

    with tenant(lab, FILE, kubeconfig_of(lab, FILE, tmp_path)) as target:
        version = resource_version(target)
        delete_all(target)
        assert configmaps(target, ledger.run) == set()
    inventory[CLUSTER][FILE]["vcluster_snapshots"]["from"] = {"archive": str(archive)}
    fleet = make_fleet(inventory, restorers)
    fleet.play("restore", "-e", "fleetops_snapshot=latest").succeeded()
    with tenant(lab, FILE, kubeconfig_of(lab, FILE, tmp_path)) as target:
        assert configmaps(target, ledger.run) == written
        assert resource_version(target) > version
    fleet.play("verify").succeeded()
