# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a snapshot of a deployed etcd takes, beside `etcdctl snapshot save` to the same folder."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyrage
from harness import kubectl, program
from hosts import BENCH, Inventory
from results import Result, against_goal

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.host import connect
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.repository import (
    Repository,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.streams import (
    Pieces,
    buffered,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import HostCluster
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.taking import (
    opened_store,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.targets import open_target
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.rewrite import batches

MEGABYTES = 100
KEY = pyrage.x25519.Identity.generate()
PLACE = BENCH / "snapshots"
WANTED: dict[str, Any] = {
    "vcluster_store": {"type": "etcd_deployed", "members": 1},
    "vcluster_snapshots": {"directory": str(PLACE), "recipients": [str(KEY.to_public())]},
}
# Of the rate of etcdctl: what the data has to reach, and the whole run with reading back.
DATA, WHOLE = 1 / 0.8, 1 / 0.35
MEMORY = 200  # MB


def measured(inventory: Inventory) -> list[Result]:
    """Of one vCluster with one member that holds that many objects of 1 KB; ours is encrypted, etcdctl's is not."""
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(parents=True)
    try:
        inventory.play("site")
        (name,) = inventory.hosts
        spec = inventory.spec(name)
        host = connect(spec.access, print)
        _fill(spec, host)
        with _reached(inventory, spec) as save:
            peer = _seconds(save)
        ours = _seconds(lambda: _written(spec, host))
        run = inventory.play("backup", memory=True)
        whole = run.wall - inventory.play("plan").wall
    finally:
        shutil.rmtree(PLACE, ignore_errors=True)
    unit = f"s for {MEGABYTES} MB"
    return [
        Result("snapshot_rate", ours, peer, "etcdctl snapshot save", unit, DATA),
        Result("snapshot_rate_whole", whole, peer, "etcdctl snapshot save", unit, WHOLE),
        against_goal("snapshot_memory", run.memory, MEMORY, "MB"),
    ]


def _seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _fill(spec: Spec, host: HostCluster) -> None:
    """Objects of 1 KB, where the API server looks for none; what is in them cannot be compressed."""
    items = ((b"/bench/%08d" % number, os.urandom(1000)) for number in range(MEGABYTES * 1000))
    with host.reach(spec).member(f"{spec.name}-etcd-0") as etcd:
        for changes in batches(items):
            etcd.write(changes)


def _written(spec: Spec, host: HostCluster) -> None:
    """The data phase: what `backup` does from the member to the target."""
    observation = host.observe(spec)
    repository = Repository(open_target(spec.snapshots), spec)
    with opened_store(spec, host, observation) as store:
        content = buffered(Pieces(store.pieces()))
        repository.write("measured", "data", content, spec.snapshots.recipients)


@contextmanager
def _reached(inventory: Inventory, spec: Spec) -> Iterator[Callable[[], object]]:
    """`etcdctl snapshot save` through a port-forward of kubectl."""
    kubeconfig = inventory.clusters[inventory.hosts[spec.name]]
    place = f"--namespace={spec.namespace}"
    secret = json.loads(
        kubectl(kubeconfig, place, "get", "secret", f"{spec.name}-certs", "--output=json")
    )
    forward = [program("kubectl"), f"--kubeconfig={kubeconfig}", place, "port-forward"]
    process = subprocess.Popen(
        [*forward, f"pod/{spec.name}-etcd-0", ":2379"], stdout=subprocess.PIPE, text=True
    )
    with tempfile.TemporaryDirectory() as folder:
        try:
            assert process.stdout is not None
            port = re.search(r"127\.0\.0\.1:(\d+)", process.stdout.readline())
            assert port is not None
            command = [program("etcdctl"), f"--endpoints=https://localhost:{port[1]}"]
            for flag, entry in (
                ("cacert", "etcd-ca.crt"),
                ("cert", "apiserver-etcd-client.crt"),
                ("key", "apiserver-etcd-client.key"),
            ):
                path = Path(folder, entry)
                path.touch(mode=0o600)
                path.write_bytes(base64.b64decode(secret["data"][entry]))
                command.append(f"--{flag}={path}")
            save = [*command, "snapshot", "save", str(PLACE / "etcdctl.db")]
            yield lambda: subprocess.run(save, check=True, capture_output=True, timeout=600)
        finally:
            process.terminate()
            process.wait(timeout=20)
