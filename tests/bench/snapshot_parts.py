# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a snapshot of a deployed etcd takes, and to restore it, beside the tools of etcd and the same way."""

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
from measure import BenchError
from results import Result, against_goal

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.host import connect
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.repository import (
    Repository,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.streams import (
    Pieces,
    buffered,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.etcd import Etcd
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import HostCluster
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import answer
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.restore import run_restore
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.taking import (
    opened_store,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.targets import open_target
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.rewrite import batches

SIZES = {"": 100, "_1gb": 1000}  # MB, by the end of a figure's name
KEY = pyrage.x25519.Identity.generate()
PLACE = BENCH / "snapshots"
SAVED = PLACE / "etcdctl.db"
BY_HAND = "by-hand"
FILLING, COMPARING = "filling 1 etcd members", "comparing the store"  # what a restore says
WANTED: dict[str, Any] = {
    "vcluster_store": {"type": "etcd_deployed", "members": 1},
    "vcluster_snapshots": {
        "directory": str(PLACE),
        "recipients": [str(KEY.to_public())],
        "identity": str(KEY),
    },
}
# Of the rate of etcd's tools: what the data has to reach, and the whole run with reading back.
DATA, WHOLE = 1 / 0.8, 1 / 0.35
MEMORY = 200  # MB


def measured(inventory: Inventory, end: str) -> list[Result]:
    """Of one vCluster with one member that holds objects of 1 KB; ours is encrypted, etcdctl's is not.

    Args:
        end: Of the names of the figures, see SIZES.
    """
    megabytes = SIZES[end]
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir(parents=True)
    try:
        inventory.play("site")
        (name,) = inventory.hosts
        spec = inventory.spec(name)
        host = connect(spec.access, print)
        with host.reach(spec).member(f"{spec.name}-etcd-0") as etcd:
            fill(etcd, megabytes)
        with _reached(inventory, spec) as save:
            peer = _seconds(save)
        ours = _seconds(lambda: _written(spec, host))
        run = inventory.play("backup", memory=True)
        whole = run.wall - inventory.play("plan").wall
        by_hand = _seconds(lambda: _put_in_by_hand(inventory, spec, host))
        put_in = _put_in(inventory, spec)
    finally:
        shutil.rmtree(PLACE, ignore_errors=True)
    unit = f"s for {megabytes} MB"
    save_name, restore_name = "etcdctl snapshot save", "kubectl exec, etcdutl snapshot restore"
    return [
        Result(f"snapshot_rate{end}", ours, peer, save_name, unit, DATA),
        Result(f"snapshot_rate_whole{end}", whole, peer, save_name, unit, WHOLE),
        Result(f"restore_rate{end}", put_in, by_hand, restore_name, unit, DATA),
        against_goal(f"snapshot_memory{end}", run.memory, MEMORY, "MB"),
    ]


def _seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def fill(etcd: Etcd, megabytes: int, key: bytes = b"/bench/%08d") -> None:
    """Objects of 1 KB, where the API server looks for none; what is in them cannot be compressed."""
    items = ((key % number, os.urandom(1000)) for number in range(megabytes * 1000))
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
    pod = f"pod/{spec.name}-etcd-0"
    with (
        forwarded(kubeconfig, spec.namespace, pod) as port,
        tempfile.TemporaryDirectory() as folder,
    ):
        command = [program("etcdctl"), f"--endpoints=https://localhost:{port}"]
        for flag, entry in (
            ("cacert", "etcd-ca.crt"),
            ("cert", "apiserver-etcd-client.crt"),
            ("key", "apiserver-etcd-client.key"),
        ):
            path = Path(folder, entry)
            path.touch(mode=0o600)
            path.write_bytes(base64.b64decode(secret["data"][entry]))
            command.append(f"--{flag}={path}")
        save = [*command, "snapshot", "save", str(SAVED)]
        yield lambda: subprocess.run(save, check=True, capture_output=True, timeout=600)


@contextmanager
def forwarded(kubeconfig: Path, namespace: str, pod: str) -> Iterator[int]:
    """The client port of an etcd on this machine, by `kubectl port-forward`."""
    forward = [program("kubectl"), f"--kubeconfig={kubeconfig}", f"--namespace={namespace}"]
    process = subprocess.Popen(
        [*forward, "port-forward", pod, ":2379"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # a line for each connection that its client ends
        text=True,
    )
    try:
        assert process.stdout is not None
        port = re.search(r"127\.0\.0\.1:(\d+)", process.stdout.readline())
        assert port is not None
        yield int(port[1])
    finally:
        process.terminate()
        process.wait(timeout=20)


def _put_in(inventory: Inventory, spec: Spec) -> float:
    """Seconds of the data phase of a restore: from the stopped member to the one that starts with the data."""
    moments: dict[str, float] = {}

    def progress(text: str) -> None:
        for words in (FILLING, COMPARING):
            if words in text:
                moments.setdefault(words, time.monotonic())

    arguments = {**inventory.arguments(spec.name), "snapshot": "latest", "safety": False}
    result = answer(run_restore, arguments, Context(progress=progress))
    if result.get("outcome") != "done":
        raise BenchError(f"the restore failed: {result['msg']}")
    return moments[COMPARING] - moments[FILLING]


def _put_in_by_hand(inventory: Inventory, spec: Spec, host: HostCluster) -> None:
    """The file that etcdctl saved into a pod with an empty folder, and etcdutl there, as a person does it."""
    kubeconfig = inventory.clusters[inventory.hosts[spec.name]]
    place = f"--namespace={spec.namespace}"
    pod = _empty_pod(host, spec)
    kubectl(kubeconfig, place, "apply", "-f", "-", stdin=json.dumps(pod))
    kubectl(kubeconfig, place, "wait", "--for=condition=Ready", f"pod/{BY_HAND}", "--timeout=60s")
    execute = [program("kubectl"), f"--kubeconfig={kubeconfig}", place, "exec", "-i", BY_HAND]
    with SAVED.open("rb") as file:
        take = [*execute, "-c", "shell", "--", "sh", "-c", "cat > /work/etcd.db || exit"]
        subprocess.run(take, stdin=file, check=True, capture_output=True, timeout=600)
    restore = ["etcdutl", "snapshot", "restore", "/work/etcd.db", "--data-dir=/work/restored"]
    subprocess.run(
        [*execute, "-c", "etcd", "--", *restore], check=True, capture_output=True, timeout=600
    )
    kubectl(kubeconfig, place, "delete", "pod", BY_HAND, "--wait=false")


def _empty_pod(host: HostCluster, spec: Spec) -> dict[str, Any]:
    """A pod with the images that a restore uses."""
    folder = [{"name": "work", "mountPath": "/work"}]
    observation = host.observe(spec)
    plane, etcd = observation.workload("control_plane"), observation.workload("etcd")
    assert plane is not None and etcd is not None
    images = {"shell": plane.images["syncer"], "etcd": etcd.images["etcd"]}
    commands = {"shell": ["sleep", "3600"], "etcd": ["etcd", "--data-dir=/work/own"]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": BY_HAND},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "containers": [
                {"name": name, "image": image, "command": commands[name], "volumeMounts": folder}
                for name, image in images.items()
            ],
            "volumes": [{"name": "work", "emptyDir": {}}],
        },
    }
