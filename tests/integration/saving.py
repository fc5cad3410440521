# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of snapshots share: the tenant's API, its objects, and what lies in the target."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyrage
import yaml
import zstandard
from by_hand import CLUSTER, in_namespace, namespace
from harness import Fleet, Lab, program

from lab.ledger import LABEL, Target

KEY = pyrage.x25519.Identity.generate()


def snapshots(folder: Path) -> dict[str, Any]:
    """`vcluster_snapshots` with a target in a folder."""
    return {
        "directory": str(folder / "target"),
        "recipients": [str(KEY.to_public())],
        "identity": str(KEY),
    }


def variables(folder: Path, store: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Of a vCluster whose snapshots go to a folder; on SQLite where no store is said."""
    return {
        "vcluster_version": "0.36.1",
        "vcluster_kubernetes_version": "1.36.3",
        "vcluster_store": {**(store or {"type": "sqlite"})},
        "vcluster_timeouts": {"rollout": 120},
        "vcluster_snapshots": snapshots(folder),
        **more,
    }


def own_etcd(name: str) -> dict[str, Any]:
    """The store of a vCluster on the etcd that `backends` makes for it beside, as pods reach it."""
    return {
        "type": "etcd_external",
        "endpoint": f"{name}-store.{namespace(name)}:2379",
        "tls": {"secret": f"{name}-store-client"},
    }


def fleets_of_one(
    make_fleet: Any, restorers: dict[str, Path], folder: Path, name: str
) -> Callable[..., Fleet]:
    """Makes fleets of that one vCluster, of a store and more variables."""

    def made(store: dict[str, Any] | None = None, **more: Any) -> Fleet:
        asked = variables(folder, store, **more)
        return make_fleet({CLUSTER: {name: asked}}, restorers)  # type: ignore[no-any-return]

    return made


def installed(fleet: Fleet) -> Fleet:
    """The same, with all that its inventory asks for."""
    fleet.play("site").succeeded()
    return fleet


def kubeconfig_of(lab: Lab, name: str, folder: Path) -> Path:
    """The kubeconfig of a tenant as it is handed out now."""
    secret = json.loads(in_namespace(lab, name, "get", "secret", f"vc-{name}", "--output=json"))
    kubeconfig = folder / f"{name}.kubeconfig"
    kubeconfig.touch(mode=0o600)
    kubeconfig.write_bytes(base64.b64decode(secret["data"]["config"]))
    return kubeconfig


@contextmanager
def tenant(lab: Lab, name: str, kubeconfig: Path, cluster: str = CLUSTER) -> Iterator[Target]:
    """The tenant's API on this machine, through kubectl."""
    command = [
        program("kubectl"),
        f"--kubeconfig={lab.clusters[cluster]}",
        f"--namespace={namespace(name)}",
        "port-forward",
        f"service/{name}",
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


def configmaps(target: Target, run: str) -> set[int]:
    """The numbers of a ledger's objects that are there."""
    connection = target.connect()
    path = "/api/v1/namespaces/default/configmaps?limit=5000"
    status, found = target.request(connection, "GET", path)
    connection.close()
    assert status == 200
    prefix = f"ledger-{run}-"
    names = [item["metadata"]["name"] for item in found["items"]]
    return {int(name.removeprefix(prefix)) for name in names if name.startswith(prefix)}


def delete_all(target: Target) -> None:
    connection = target.connect()
    connection.timeout = 60  # the server deletes one after the other before it answers
    path = f"/api/v1/namespaces/default/configmaps?labelSelector={quote(LABEL)}"
    status, _answer = target.request(connection, "DELETE", path)
    connection.close()
    assert status == 200


def resource_version(target: Target) -> int:
    connection = target.connect()
    _status, found = target.request(connection, "GET", "/api/v1/namespaces?limit=1")
    connection.close()
    return int(found["metadata"]["resourceVersion"])


def keys_of(archive: Path) -> Iterator[tuple[str, bytes]]:
    """The keys and values of the vendor's archive, by Python's tar reader."""
    with tarfile.open(archive) as members:
        for member in members.getmembers():
            name, content = f"/{member.name.lstrip('/')}", members.extractfile(member)
            assert content is not None
            if not name.startswith("/vcluster/snapshot/"):
                yield name, content.read()


def asking(folder: Path, module: str, **options: Any) -> Path:
    """A playbook that runs a module of ours for each host, and writes what it says to FOLDER/found."""
    path = folder / f"{module}.yml"
    play = {
        "hosts": "all",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
        "tasks": [
            {
                f"fleetops.vcluster.{module}": {"from_inventory": True, **options},
                "register": "found",
            },
            {
                "ansible.builtin.copy": {
                    "content": "{{ found | to_json }}",
                    "dest": f"{folder}/found",
                }
            },
        ],
    }
    path.write_text(yaml.safe_dump([play]))
    return path
