# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a move to another store takes: how long the API is away, and how fast keys go from one etcd to another.

The peer of the rate is `etcdctl make-mirror` between the same two, both reached as the collection reaches them: through
the API server of the host cluster.
"""

from __future__ import annotations

import base64
import json
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import scale_parts
import yaml
from harness import Lab, kubectl, program
from hosts import Inventory
from measure import BenchError
from results import GOAL, Result, against_goal
from saving import snapshots
from scale_parts import ESTIMATE, LEAST, MOST, PLACE, SECRET
from scaling import service
from snapshot_parts import fill, forwarded

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.host import connect
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.control_plane import (
    run_control_plane,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import answer
from lab import external_etcd
from lab.external_etcd import ExternalEtcd

KEYS, CLIENTS = 10_000, 8
LONGEST = 60  # seconds without an acknowledged write
FILLING, COMPARING = "filling etcd", "comparing the store"  # what a move says
RATE = 5_000  # keys a second, or 0.8 of the peer's, whichever is less
MEMORY = 200  # MB
WANTED: dict[str, Any] = {
    "vcluster_store": {"type": "sqlite"},
    "vcluster_timeouts": {"rollout": 300},
    "vcluster_allow": ["migrate"],
}
ETCD = {"type": "etcd_deployed", "members": 1}


def outage(inventory: Inventory) -> list[Result]:
    """From SQLite with so many objects of 1 KB to a deployed etcd, under a client that writes."""
    scale_parts.make_place()
    tenant = scale_parts.installed(_with(inventory, vcluster_snapshots=snapshots(PLACE)))
    _objects(tenant.lab, tenant.name)
    row = tenant.become(f"migrate {KEYS}", playbook="migrate_store", store=ETCD)
    if row.cost is None:
        raise BenchError("the plan told no cost")
    unit = f"s without an acknowledged write, {KEYS} keys"
    return [
        against_goal("migrate_outage", row.gap, LONGEST, unit),
        Result("migrate_outage_estimate", row.gap, row.cost.seconds, ESTIMATE, unit, MOST, LEAST),
        against_goal("lost_migrate", row.lost, 0, "writes"),
    ]


def rate(inventory: Inventory, megabytes: int = KEYS // 1000) -> list[Result]:
    """From a deployed etcd to one that others run, key by key; with much more than that, the memory it takes."""
    scale_parts.make_place()
    (name,) = inventory.hosts
    kubeconfig = inventory.clusters[inventory.hosts[name]]
    store = _with(inventory, vcluster_store=ETCD, vcluster_snapshots=snapshots(PLACE))
    store.play("site")
    spec = store.spec(name)
    host = connect(spec.access, print)
    with host.reach(spec).member(f"{name}-etcd-0") as etcd:
        fill(etcd, megabytes, b"/registry/bench/%08d")
        held = (etcd.count(prefix=b"/registry/") or (0, 0))[1]
    try:
        own, other = (
            external_etcd.create(kubeconfig, f"{name}-{n}", PLACE / f"etcd-{n}") for n in (1, 2)
        )
        secret = yaml.safe_dump(own.secret(SECRET, spec.namespace))
        kubectl(kubeconfig, "apply", "-f", "-", stdin=secret)
        # Its Service, so that its pods are asked through the API server, as `etcdctl make-mirror` reaches them.
        endpoint = f"{own.name}.{external_etcd.NAMESPACE}:{external_etcd.CLIENT_PORT}"
        target = {"type": "etcd_external", "endpoint": endpoint, "tls": {"secret": SECRET}}
        moved = _with(store, vcluster_store=target)
        if megabytes > KEYS // 1000:
            usage = moved.play("migrate_store", memory=True)
            return [against_goal("migrate_memory", usage.memory, MEMORY, "MB")]
        peer = _mirrored(kubeconfig, spec, other, held)
        ours = _moved(moved)
    finally:
        kubectl(kubeconfig, "delete", "namespace", external_etcd.NAMESPACE)
    least = min(RATE, 0.8 * held / peer)
    unit = f"keys of 1 KB a second; {held / peer:,.0f} by etcdctl make-mirror"
    return [Result("migrate_rate", held / ours, least, GOAL, unit, float("inf"), 1.0)]


def _moved(inventory: Inventory) -> float:
    """Seconds from the first key that is written to the last."""
    moments: dict[str, float] = {}

    def progress(text: str) -> None:
        for words in (FILLING, COMPARING):
            if words in text:
                moments.setdefault(words, time.monotonic())

    (name,) = inventory.hosts
    arguments = {**inventory.arguments(name), "view": "store"}
    result = answer(run_control_plane, arguments, Context(progress=progress))
    if result.get("outcome") != "done":
        raise BenchError(f"the move failed: {result['msg']}")
    return moments[COMPARING] - moments[FILLING]


def _mirrored(kubeconfig: Path, spec: Spec, other: ExternalEtcd, held: int) -> float:
    """Seconds until `etcdctl make-mirror` has brought as many keys to the other etcd."""
    entries = ("etcd-ca.crt", "apiserver-etcd-client.crt", "apiserver-etcd-client.key")
    found = kubectl(
        kubeconfig,
        f"--namespace={spec.namespace}",
        "get",
        "secret",
        f"{spec.name}-certs",
        "-o=json",
    )
    certificates = json.loads(found)["data"]
    here = tuple(base64.b64decode(certificates[entry]) for entry in entries)
    there = (other.authority, other.certificate, other.key)
    own = f"pod/{spec.name}-etcd-0"
    with (
        forwarded(kubeconfig, spec.namespace, own) as port,
        forwarded(kubeconfig, external_etcd.NAMESPACE, f"pod/{other.name}-0") as target,
        tempfile.TemporaryDirectory() as folder,
    ):
        flags = _files(Path(folder), "", here) + _files(Path(folder), "dest-", there)
        asks = _files(Path(folder), "", there, "asks-")
        mirror = [program("etcdctl"), f"--endpoints=https://localhost:{port}", "make-mirror"]
        count = [program("etcdctl"), f"--endpoints=https://localhost:{target}", *asks, "get"]
        count += ["--prefix", "--count-only", "--write-out=fields", "/registry/"]
        process = subprocess.Popen(
            [*mirror, *flags, f"https://localhost:{target}"], stdout=subprocess.DEVNULL
        )
        began = time.monotonic()
        try:
            while int(_output(count).partition('"Count" : ')[2].split()[0]) < held:
                if process.poll() is not None or time.monotonic() - began > 600:
                    raise BenchError("etcdctl make-mirror did not come to its end")
                time.sleep(0.5)  # Who counts takes time from the mirror.
            return time.monotonic() - began
        finally:
            process.terminate()
            process.wait(timeout=20)


def _output(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def _files(folder: Path, of: str, pair: tuple[bytes, ...], name: str = "") -> list[str]:
    """The flags of etcdctl for authority, certificate and key, which are files."""
    flags = []
    for kind, content in zip(("cacert", "cert", "key"), pair, strict=True):
        path = folder / f"{name}{of}{kind}"
        path.touch(mode=0o600)
        path.write_bytes(content)
        flags.append(f"--{of}{kind}={path}")
    return flags


def _objects(lab: Lab, name: str) -> None:
    """So many ConfigMaps of 1 KB, by the tenant's API."""
    target = service(lab, name, PLACE)

    def work(client: int) -> None:
        connection = target.connect()
        for number in range(client, KEYS, CLIENTS):
            body = {"metadata": {"name": f"bench-{number}"}, "data": {"x": "x" * 700}}
            path = "/api/v1/namespaces/default/configmaps"
            status, answer = target.request(connection, "POST", path, body)
            if status != 201:
                raise BenchError(f"a ConfigMap was answered with {status}: {answer}")
        connection.close()

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(work, range(CLIENTS)))


def _with(inventory: Inventory, **variables: Any) -> Inventory:
    chart = {"vcluster_chart": Lab.running().chart_repository}
    return replace(inventory, common={**inventory.common, **chart, **variables})
