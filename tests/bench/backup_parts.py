# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup of fifty vClusters in one run, beside a loop of `etcdctl snapshot save`.

The vClusters are simulated, as in the other parts; what is saved, fifty times, is a real etcd on loopback.
"""

from __future__ import annotations

import base64
import os
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pyrage
from harness import program
from hosts import BENCH, Inventory
from measure import BenchError, run
from results import Result
from session import Session
from simulated import ORIGINAL, create, install, namespace

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import Api
from lab.pki import Authority, Pair

COUNT = 50
MEGABYTES = 2  # in objects of 1 KB: more than most tenants have
FOLDER = BENCH / "backup"
SECRET = "fleet-etcd"
READY = 20.0  # seconds
RECIPIENT = str(pyrage.x25519.Identity.generate().to_public())
# A StatefulSet: simulated vClusters are one.
VOLUME = {"controlPlane": {"statefulSet": {"persistence": {"volumeClaim": {"enabled": True}}}}}


def backup(session: Session, folder: Path) -> list[Result]:
    """In waves, four at once to the target, each encrypted and read back; the loop does nothing of this."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as place, _etcd(Path(place)) as etcd:
        etcd.fill()
        inventory = _inventory(session, etcd)
        first = session.lab.names[0]
        sample = replace(inventory, name="saved-original", hosts={ORIGINAL: first})
        namespace(session.hosts[first].api, f"vcluster-{ORIGINAL}")
        _hand_out(session.hosts[first].api, ORIGINAL, etcd)
        create(install(sample, session.hosts[first]), inventory, session.hosts)
        for name, cluster in inventory.hosts.items():
            _hand_out(session.hosts[cluster].api, name, etcd)
        usage = inventory.play("backup")
        saved = list((FOLDER / "target").rglob("manifest.json"))
        if len(saved) != COUNT:
            raise BenchError(f"{len(saved)} of {COUNT} were saved, see {inventory.log}")
        loop = run(["sh", "-ec", etcd.loop], dict(os.environ), BENCH / "backup-loop.log")
    peer = f"etcdctl snapshot save, {COUNT} times"
    return [
        Result(f"backup_{COUNT}", usage.wall / COUNT, loop.wall / COUNT, peer, "s a vCluster"),
        Result(f"backup_{COUNT}_cpu", usage.cpu / COUNT, loop.cpu / COUNT, peer),
    ]


@dataclass(frozen=True)
class Etcd:
    """One that runs on loopback with mutual TLS.

    Attributes:
        port: Of its client address.
        authority: That signed both sides.
        client: What it lets in.
    """

    port: int
    authority: Authority
    client: Pair

    @property
    def files(self) -> Mapping[str, Path]:
        """What a client needs, by its entry in the Secret."""
        client = self.client
        return {
            "ca.crt": self.authority.certificate,
            "tls.crt": client.certificate,
            "tls.key": client.key,
        }

    @property
    def command(self) -> list[str]:
        """etcdctl, without what it shall do."""
        ca, certificate, key = self.files.values()
        address = f"--endpoints=https://127.0.0.1:{self.port}"
        return [
            program("etcdctl"),
            address,
            f"--cacert={ca}",
            f"--cert={certificate}",
            f"--key={key}",
        ]

    @property
    def loop(self) -> str:
        """What a person would write in a shell."""
        save = shlex.join([*self.command, "snapshot", "save"])
        return f"for number in $(seq {COUNT}); do {save} {FOLDER}/$number.db; done"

    def fill(self) -> None:
        """Objects with random content."""
        for number in range(MEGABYTES * 1000 // 100):
            keys = range(number * 100, number * 100 + 100)
            puts = "".join(
                f"put /registry/bench/{key:08} {os.urandom(500).hex()}\n" for key in keys
            )
            done = subprocess.run(
                [*self.command, "txn"],
                input=f"\n{puts}\n\n",
                text=True,
                capture_output=True,
                timeout=60,
                check=False,
            )
            if done.returncode:
                raise BenchError(f"etcd took no keys: {done.stderr}")


@contextmanager
def _etcd(place: Path) -> Iterator[Etcd]:
    authority = Authority.create(place / "pki", "bench-etcd")
    server = authority.issue("server", "etcd", hosts=["localhost", "127.0.0.1"])
    found = Etcd(_free_port(), authority, authority.issue("client", "client"))
    client, peer = f"https://127.0.0.1:{found.port}", f"http://127.0.0.1:{_free_port()}"
    command = [
        program("etcd"),
        f"--data-dir={place / 'data'}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        f"--cert-file={server.certificate}",
        f"--key-file={server.key}",
        f"--trusted-ca-file={authority.certificate}",
        "--client-cert-auth",
    ]
    with (BENCH / "backup-etcd.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            _wait(found)
            yield found
        finally:
            process.terminate()
            process.wait(timeout=20)


def _wait(etcd: Etcd) -> None:
    end = time.monotonic() + READY
    health = [*etcd.command, "endpoint", "health"]
    while subprocess.run(health, capture_output=True, timeout=30, check=False).returncode:
        if time.monotonic() > end:
            raise BenchError(f"etcd does not answer, see {BENCH / 'backup-etcd.log'}")
        time.sleep(0.2)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _inventory(session: Session, etcd: Etcd) -> Inventory:
    store = {
        "type": "etcd_external",
        "endpoint": f"127.0.0.1:{etcd.port}",
        "tls": {"secret": SECRET},
    }
    common = {
        "vcluster_store": store,
        "vcluster_values": VOLUME,
        "vcluster_soak": {"seconds": 0},
        "vcluster_snapshots": {"directory": str(FOLDER / "target"), "recipients": [RECIPIENT]},
    }
    return replace(session.inventory("saved", "saved", 0, COUNT), common=common)


def _hand_out(api: Api, name: str, etcd: Etcd) -> None:
    """The Secrets that a control plane of that name would have."""
    data = {
        entry: base64.b64encode(path.read_bytes()).decode() for entry, path in etcd.files.items()
    }
    for secret in (SECRET, f"{name}-certs"):
        path = f"/api/v1/namespaces/vcluster-{name}/secrets"
        api.create(path, {"metadata": {"name": secret}, "data": data})
