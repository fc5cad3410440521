# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's whole life on this machine: up, of use, down, and nothing left.

Numbers from 151 on, and run state of its own: a lab that runs beside it is not touched.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import cgroup, process
from lab.command import LabError, run
from lab.parts import build

pytestmark = pytest.mark.lab

LAB = Path(__file__).resolve().parent.parent
FIRST = 151
WORKLOAD = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Mi}}
---
apiVersion: v1
kind: Service
metadata: {name: greeter}
spec:
  type: NodePort
  selector: {app: greeter}
  ports: [{port: 80, targetPort: 8080}]
---
apiVersion: v1
kind: Pod
metadata: {name: greeter, labels: {app: greeter}}
spec:
  nodeName: hc1-2
  initContainers:
    - name: resolves
      image: docker.io/library/busybox:1.35
      command: [nslookup, kubernetes.default.svc.cluster.local]
  containers:
    - name: greets
      image: docker.io/library/busybox:1.35
      command: [sh, -c]
      args: ["echo good day > /data/word; while true; do nc -l -p 8080 < /data/word; done"]
      volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
"""


class Lab:
    """The command line of a lab with run state of its own."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.environment = {
            **os.environ,
            "FLEETOPS_LAB_STATE": str(state),
            "PYTHONPATH": str(LAB),
        }

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "lab", *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # A suite in the background ignores Ctrl-C, and what it starts would too.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def __call__(self, *arguments: str, code: int = 0) -> str:
        command = self.start(*arguments)
        output, _ = command.communicate(timeout=280)
        assert command.returncode == code, output
        return output


def left_on_machine() -> dict[str, list[str]]:
    """What a lab with numbers from FIRST on leaves outside its namespaces, by kind."""
    numbers = range(FIRST, FIRST + 10)
    ours = tuple(f"lab{number}" for number in numbers)
    prefixes = tuple(
        f"{net}.{number}." for number in numbers for net in ("10.90", "10.244", "10.96")
    )
    links = [link["ifname"] for link in json.loads(run(["ip", "-json", "link", "show"]))]
    routes = [route["dst"] for route in json.loads(run(["ip", "-json", "route", "show"]))]
    groups = [group.name for top in cgroup.hierarchies() for group in top.iterdir()]
    return {
        "links": [link for link in links if link.startswith(ours)],
        "routes": [route for route in routes if route.startswith(prefixes)],
        "cgroups": [g for g in groups if g.startswith(tuple(f"lab-{n}-" for n in numbers))],
        "mounts": Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines(),
    }


def processes_in(namespaces: set[str]) -> list[str]:
    """PIDs of all processes on the machine that run in one of these PID namespaces."""
    found = []
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            with contextlib.suppress(OSError):
                if str((directory / "ns" / "pid").readlink()) in namespaces:
                    found.append(directory.name)
    return found


def namespaces_of(state: Path) -> set[str]:
    firsts = [running.pid for running in process.find(state) if running.first]
    return {str(Path(f"/proc/{pid}/ns/pid").readlink()) for pid in firsts}


def answer(host: str, port: int, limit: float = 30) -> str:
    """What a server says on its own account; tries again, a NodePort can miss right after Ready."""
    deadline = time.monotonic() + limit
    while True:
        try:
            with socket.create_connection((host, port), timeout=2) as connection:
                connection.settimeout(2)
                if said := connection.recv(100):
                    return said.decode()
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.2)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path / "lab")
    yield lab
    lab("down")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_lab_runs_pods_and_leaves_nothing(lab: Lab, tmp_path: Path) -> None:
    before = left_on_machine()
    lab("up", "--clusters=1", "--nodes=2", "--api-only=1", f"--first={FIRST}")
    namespaces = namespaces_of(lab.state)
    assert len(namespaces) == 3, "two nodes and a cluster without any"
    assert left_on_machine() != before
    assert "hc1-2  ready" in lab("status")
    assert lab("exec", "hc2", "--", "hostname").strip() == "hc2-1"
    assert lab("exec", "--node=2", "hc1", "--", "hostname").strip() == "hc1-2"

    facts = json.loads((lab.state / "lab.json").read_text(encoding="utf-8"))
    kubeconfig = facts["clusters"][0]["kubeconfig"]
    kubectl = [str(build(["kubectl"])["kubectl"]), f"--kubeconfig={kubeconfig}"]
    ready = run(
        [*kubectl, "get", "nodes", "--output=jsonpath={.items[*].status.conditions[-1].status}"]
    )
    assert ready.split() == ["True", "True"]
    manifest = tmp_path / "workload.yaml"
    manifest.write_text(WORKLOAD, encoding="utf-8")
    run([*kubectl, "wait", "serviceaccount/default", "--for=create", "--timeout=30s"], timeout=40)
    run([*kubectl, "create", f"--filename={manifest}"])
    run([*kubectl, "wait", "pod/greeter", "--for=condition=Ready", "--timeout=90s"], timeout=100)
    service = json.loads(run([*kubectl, "get", "service", "greeter", "--output=json"]))["spec"]
    assert answer(service["clusterIP"], 80) == "good day\n"
    # Through the first node to a pod on the second.
    node_port = service["ports"][0]["nodePort"]
    assert answer(facts["clusters"][0]["node_ip"], node_port) == "good day\n"

    lab("down")
    assert left_on_machine() == before
    assert processes_in(namespaces) == []
    assert not lab.state.exists()
    assert "nothing" in lab("down"), "down a second time is no error"


@pytest.mark.timeout(120)
def test_down_cleans_up_after_a_killed_up(lab: Lab) -> None:
    before = left_on_machine()
    command = lab.start("up", "--clusters=0", "--api-only=2", f"--first={FIRST}")
    deadline = time.monotonic() + 60
    while not (namespaces := namespaces_of(lab.state)):
        assert command.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    command.kill()
    command.wait()
    lab("down")
    assert left_on_machine() == before
    assert processes_in(namespaces) == []


@pytest.mark.timeout(120)
def test_ctrl_c_takes_down_what_was_started(lab: Lab) -> None:
    before = left_on_machine()
    command = lab.start("up", "--clusters=0", "--api-only=1", f"--first={FIRST}")
    deadline = time.monotonic() + 60
    while not (namespaces := namespaces_of(lab.state)):
        assert command.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    command.send_signal(signal.SIGINT)
    output, _ = command.communicate(timeout=60)
    assert command.returncode == 130, output
    assert left_on_machine() == before
    assert processes_in(namespaces) == []


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_ten_apis_fit_on_one_machine(lab: Lab) -> None:
    lab("up", "--clusters=0", "--api-only=10", f"--first={FIRST}")
    assert lab("status").count("ready") == 10
    path = lab.state / "hc10" / "kubeconfig"
    kubectl = [str(build(["kubectl"])["kubectl"]), f"--kubeconfig={path}"]
    run([*kubectl, "create", "deployment", "stays", "--image=none"])
    kinds = run([*kubectl, "get", "deployments,replicasets,pods", "--output=name"])
    assert kinds.split() == ["deployment.apps/stays"], "nothing acts on what is written"


@pytest.mark.timeout(240)
def test_the_proxy_stands_before_the_api_server(lab: Lab) -> None:
    before = sorted(Path("/tmp").glob("lab-proxy-*"))
    lab("up", "--clusters=0", "--api-only=1", f"--first={FIRST}")

    def namespaces(kubeconfig: str) -> str:
        path = lab.state / "hc1" / kubeconfig
        kubectl = [str(build(["kubectl"])["kubectl"]), f"--kubeconfig={path}"]
        return run([*kubectl, "get", "namespace", "default", "--output=name"])

    assert namespaces("kubeconfig") == "namespace/default\n"
    assert lab("proxy", "hc1", "cut") == "cut\n"
    with pytest.raises(LabError, match="exit code 1"):
        namespaces("kubeconfig")
    assert namespaces("kubeconfig.direct") == "namespace/default\n"
    lab("proxy", "hc1", "error", "500")
    with pytest.raises(LabError, match="answers 500"):
        namespaces("kubeconfig")
    lab("proxy", "hc1", "ok")
    assert namespaces("kubeconfig") == "namespace/default\n"
    lab("proxy", "hc1", "count")
    assert namespaces("kubeconfig") == "namespace/default\n", "still as the administrator"
    assert json.loads(lab("proxy", "hc1", "counts"))["requests"]["get namespaces"] == 1
    lab("down")
    assert sorted(Path("/tmp").glob("lab-proxy-*")) == before


@pytest.mark.timeout(240)
def test_a_taken_number_is_refused_and_its_owner_left_alone(lab: Lab, tmp_path: Path) -> None:
    lab("up", "--clusters=0", "--api-only=1", f"--first={FIRST}")
    other = Lab(tmp_path / "other")
    said = other("up", "--clusters=0", "--api-only=1", f"--first={FIRST}", code=1)
    assert f"number {FIRST} is taken" in said
    assert str(lab.state) in said
    other("down")
    assert f"lab{FIRST}" in left_on_machine()["links"]
    assert "hc1-1  ready" in lab("status")
    assert "runs already" in lab("up", "--clusters=0", "--api-only=1", code=1)
