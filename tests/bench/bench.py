# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CPU seconds a vCluster beside kubernetes.core.helm and a loop of helm (`make bench`).

`install` and `verify` run on the lab's host clusters (`make lab-up`), the no-op on two host
clusters without nodes, started here. All figures of one run come from one machine, one after the
other; they go to build/bench.json.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml
from fake_node import FakeNode
from harness import Lab, kubectl, program
from measure import BenchError, Comparison, cpu_seconds, write

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.host import connect
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.digest import applied_digest
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.inventory import spec_from
from lab.chart import package

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "build" / "bench"
VENV = Path(sys.executable).parent
VERSION = "0.36.1"
KUBERNETES = "1.36.3"
MODULE_PEER = "kubernetes.core.helm"
LOOP_PEER = "helm upgrade --install loop"


@dataclass(frozen=True)
class Bench:
    """Names on host clusters, and the ways to bring them there.

    Attributes:
        hosts: Kubeconfig by vCluster name.
        wait: Whether the peers wait until pods are ready, as an install does.
    """

    name: str
    hosts: dict[str, Path]
    wait: bool

    @property
    def log(self) -> Path:
        return BENCH / f"{self.name}.log"

    @property
    def chart(self) -> Path:
        return package(VERSION)

    @property
    def values(self) -> dict[str, object]:
        """The chart values that say what the inventory below says."""
        image = {"tag": f"v{KUBERNETES}"}
        return {"controlPlane": {"distro": {"k8s": {"enabled": True, "image": image}}}}

    def inventory(self) -> Path:
        path = BENCH / f"{self.name}.yml"
        common = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "vcluster_chart": str(self.chart),
            "vcluster_version": VERSION,
            "vcluster_kubernetes_version": KUBERNETES,
            "vcluster_store": {"type": "sqlite"},
            "vcluster_concurrency": 2,
            "bench_chart": str(self.chart),
            "bench_values": self.values,
            "bench_wait": self.wait,
        }
        hosts = {name: {"vcluster_kubeconfig": str(path)} for name, path in self.hosts.items()}
        path.write_text(yaml.safe_dump({"all": {"vars": common, "hosts": hosts}}))
        return path

    def ours(self, playbook: str) -> float:
        """CPU s a vCluster of one of our playbooks."""
        return self._playbook(f"fleetops.vcluster.{playbook}")

    def module(self) -> float:
        """CPU s a vCluster of kubernetes.core.helm."""
        return self._playbook(str(ROOT / "tests" / "bench" / "helm.yml"))

    def loop(self) -> float:
        """CPU s a vCluster of a helm command each."""
        values = BENCH / f"{self.name}-values.json"
        values.write_text(json.dumps(self.values))
        total = 0.0
        for name, kubeconfig in self.hosts.items():
            wait = ["--wait", "--timeout", "5m"] if self.wait else []
            command = [
                program("helm4"),
                "upgrade",
                "--install",
                name,
                str(self.chart),
                "--namespace",
                f"vcluster-{name}",
                "--create-namespace",
                "--kubeconfig",
                str(kubeconfig),
                "--values",
                str(values),
                *wait,
            ]
            total += cpu_seconds(command, environment(), self.log)
        return total / len(self.hosts)

    def remove(self) -> None:
        """Delete the namespaces and wait until they are gone."""
        for name, kubeconfig in self.hosts.items():
            kubectl(kubeconfig, "delete", "namespace", f"vcluster-{name}", "--ignore-not-found")

    def _playbook(self, playbook: str) -> float:
        command = [str(VENV / "ansible-playbook"), "-i", str(self.inventory()), "-f", "2", playbook]
        return cpu_seconds(command, environment(), self.log) / len(self.hosts)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--installs", type=int, default=4, help="vClusters to install (default 4)")
    parser.add_argument("--unchanged", type=int, default=100, help="of the no-op (default 100)")
    arguments = parser.parse_args()
    BENCH.mkdir(parents=True, exist_ok=True)
    try:
        results = [*no_op(arguments.unchanged), *install_and_verify(arguments.installs)]
    except (BenchError, RuntimeError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    write(results, ROOT / "build" / "bench.json")
    return 0


def install_and_verify(count: int) -> list[Comparison]:
    """On the lab. Our install proves too, which the peers do not: verify is measured and taken off."""
    kubeconfigs = list(Lab.running().clusters.values())
    hosts = {f"bench-{n}": kubeconfigs[n % len(kubeconfigs)] for n in range(count)}
    bench = Bench("install", hosts, wait=True)
    figures = []
    for way in (bench.loop, bench.module):
        bench.remove()
        figures.append(way())
    bench.remove()
    site = bench.ours("site")
    verify = bench.ours("verify")
    bench.remove()
    loop, module = figures
    return [
        Comparison("install without proof", max(site - verify, 0.0), loop, LOOP_PEER),
        Comparison("install without proof", max(site - verify, 0.0), module, MODULE_PEER),
        Comparison("install with proof", site, loop, LOOP_PEER),
        Comparison("verify", verify, loop, "installing by " + LOOP_PEER),
    ]


def no_op(count: int) -> list[Comparison]:
    """Unchanged vClusters on host clusters without nodes."""
    lab = BareLab()
    kubeconfigs = lab.up()
    nodes = [FakeNode(connect(Access(str(path)), print).api) for path in kubeconfigs]
    try:
        for node in nodes:
            node.start()
        hosts = {f"quiet-{n}": kubeconfigs[n % len(kubeconfigs)] for n in range(count)}
        bench = Bench("no-op", hosts, wait=False)
        bench.loop()
        settle(bench)
        ours = bench.ours("site")
        return [
            Comparison(f"no-op of {count}", ours, bench.module(), MODULE_PEER),
            Comparison(f"no-op of {count}", ours, bench.loop(), LOOP_PEER),
        ]
    finally:
        for node in nodes:
            node.end()
        lab.down()


def settle(bench: Bench) -> None:
    """Wait for the workloads, then mark each release as a proof would: no tenant runs here to prove."""
    for kubeconfig in set(bench.hosts.values()):
        kubectl(
            kubeconfig,
            "wait",
            "--for=jsonpath={.status.readyReplicas}=1",
            "statefulset",
            "--all-namespaces",
            "-l",
            "app=vcluster",
            "--timeout=100s",
        )
    top = yaml.safe_load(bench.inventory().read_text())["all"]
    for name, own in top["hosts"].items():
        variables = {**top["vars"], **own}
        prefix = "vcluster_"
        arguments = {k[len(prefix) :]: v for k, v in variables.items() if k.startswith(prefix)}
        arguments.pop("concurrency")
        spec = spec_from({**arguments, "name": name, "host": name})
        host = connect(spec.access, print)
        observation = host.observe(spec)
        if observation.release is None:
            raise BenchError(f"{name} has no release")
        digest = applied_digest(spec, observation)
        host.mark(spec, observation.release.revision, digest, ())


class BareLab:
    """Two host clusters without nodes, beside the lab that may run already."""

    def __init__(self) -> None:
        state = str(BENCH / "lab")
        self._environment = {
            **os.environ,
            "FLEETOPS_LAB_STATE": state,
            "PYTHONPATH": str(ROOT / "tests" / "lab"),
        }

    def up(self) -> list[Path]:
        self.down()
        self._run("up", "--clusters", "0", "--nodes", "0", "--api-only", "2", "--first", "60")
        facts = json.loads((BENCH / "lab" / "lab.json").read_text())
        return [Path(entry["kubeconfig"]) for entry in facts["clusters"]]

    def down(self) -> None:
        self._run("down")

    def _run(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "lab", *arguments]
        subprocess.run(command, env=self._environment, timeout=300, check=True)


def environment() -> dict[str, str]:
    """Both sides get the same Helm, collections and quiet output."""
    return {
        **os.environ,
        "HELM": program("helm4"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "build" / "collections"),
        "ANSIBLE_NOCOLOR": "1",
    }


if __name__ == "__main__":
    sys.exit(main())
