# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Host clusters that are an API alone, and inventories of vClusters on them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml
from harness import program
from measure import BenchError, Usage, run

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.arguments import (
    FLEET_ARGUMENTS,
    PREFIX,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.inventory import spec_from
from lab.chart import package
from lab.proxy import CONTROL, set_mode

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "build" / "bench"
HERE = ROOT / "tests" / "bench"
VENV = Path(sys.executable).parent
VERSION = "0.36.1"
KUBERNETES = "1.36.3"
FIRST = 60  # number of the first host cluster on this machine, clear of the lab's own
# As docs/day-one.md advises: while a vCluster waits for a fork, Ansible itself is busy.
FORKS = 25
Counted = dict[str, dict[str, int]]


@dataclass
class BareLab:
    """Host clusters without nodes, beside the lab that may run already."""

    count: int
    state: Path = BENCH / "lab"

    def up(self) -> None:
        self.down()
        count = str(self.count)
        self._run(
            "up", "--clusters", "0", "--nodes", "0", "--api-only", count, "--first", f"{FIRST}"
        )

    def down(self) -> None:
        self._run("down")

    @cached_property
    def names(self) -> list[str]:
        """The host clusters; vCluster n is on number n modulo their count."""
        return [f"hc{number + 1}" for number in range(self.count)]

    def kubeconfig(self, name: str, *, direct: bool = False) -> Path:
        """Through the proxy, or past it for what is not measured."""
        return self.state / name / ("kubeconfig.direct" if direct else "kubeconfig")

    def count_requests(self) -> None:
        for name in self.names:
            set_mode(self.state / name / CONTROL, ["count"])

    def counted(self) -> dict[str, Counted]:
        """What each host cluster was asked since `count_requests`; the counting ends."""
        found = {}
        for name in self.names:
            control = self.state / name / CONTROL
            found[name] = json.loads(set_mode(control, ["counts"]))
            set_mode(control, ["ok"])
        return found

    def _run(self, *arguments: str) -> None:
        surroundings = {
            **os.environ,
            "FLEETOPS_LAB_STATE": str(self.state),
            "PYTHONPATH": str(ROOT / "tests" / "lab"),
        }
        command = [sys.executable, "-m", "lab", *arguments]
        with (BENCH / "lab.log").open("ab") as log:
            done = subprocess.run(
                command, env=surroundings, timeout=400, check=False, stdout=log, stderr=log
            )
        if done.returncode:
            raise BenchError(f"lab {arguments[0]} failed, see {BENCH / 'lab.log'}")


@dataclass(frozen=True)
class Inventory:
    """vClusters by host cluster, and what the inventory says of them.

    Attributes:
        name: Stem of its files in build/bench.
        clusters: Kubeconfig by host cluster.
        hosts: Host cluster by vCluster.
        common: Variables of all, over those below.
        own: Variables of single ones.
    """

    name: str
    clusters: Mapping[str, Path]
    hosts: Mapping[str, str]
    common: Mapping[str, Any] = field(default_factory=dict)
    own: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        return BENCH / f"{self.name}.log"

    @property
    def variables(self) -> dict[str, Any]:
        return {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "vcluster_chart": str(chart()),
            "vcluster_version": VERSION,
            "vcluster_kubernetes_version": KUBERNETES,
            "vcluster_store": {"type": "sqlite"},
            **self.common,
        }

    def only(self, hosts: Iterable[str], name: str = "") -> Inventory:
        """The same with fewer vClusters."""
        chosen = {host: self.hosts[host] for host in hosts}
        return Inventory(name or self.name, self.clusters, chosen, self.common, self.own)

    def write(self) -> Path:
        """The inventory as a person would write it: a group is a host cluster."""
        children: dict[str, Any] = {}
        for host, cluster in self.hosts.items():
            variables = {"vcluster_kubeconfig": str(self.clusters[cluster])}
            group = children.setdefault(cluster, {"vars": variables, "hosts": {}})
            group["hosts"][host] = dict(self.own.get(host, {}))
        path = BENCH / f"{self.name}.yml"
        document = {"all": {"vars": self.variables, "children": children}}
        path.write_text(yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False))
        return path

    def arguments(self, host: str) -> dict[str, Any]:
        """The variables of one vCluster as the arguments of a module."""
        cluster = {"vcluster_kubeconfig": str(self.clusters[self.hosts[host]])}
        everything = {**self.variables, **cluster, **self.own.get(host, {})}
        arguments = {
            key.removeprefix(PREFIX): value
            for key, value in everything.items()
            if key.startswith(PREFIX) and key.removeprefix(PREFIX) not in FLEET_ARGUMENTS
        }
        return {**arguments, "name": host}

    def spec(self, host: str) -> Spec:
        """What the collection makes of the variables of one vCluster."""
        return spec_from({**self.arguments(host), "host": host})

    def play(self, playbook: str, *, memory: bool = False, more: Sequence[str] = ()) -> Usage:
        """Run a playbook of the collection, or one of ours by its path."""
        path = HERE / playbook
        chosen = str(path) if path.exists() else f"fleetops.vcluster.{playbook}"
        command = [
            str(VENV / "ansible-playbook"),
            "-i",
            str(self.write()),
            "-f",
            f"{FORKS}",
            chosen,
        ]
        return run([*command, *more], environment(), self.log, memory=memory)

    def find(self) -> Usage:
        """Let the inventory plugin find what is on these host clusters."""
        source = {
            "plugin": "fleetops.vcluster.fleet",
            "clusters": [{"kubeconfig": str(path)} for path in self.clusters.values()],
        }
        path = BENCH / f"{self.name}.fleet.yml"
        path.write_text(yaml.dump(source))
        command = [str(VENV / "ansible-inventory"), "-i", str(path), "--list"]
        return run(command, environment(), self.log)


@cache
def chart() -> Path:
    """The lab's chart, packaged once."""
    return package(VERSION)


# What docs/day-one.md advises for a controller that waits for many vClusters.
ANSIBLE_CFG = """[defaults]
internal_poll_interval = 0.05
"""


@cache
def environment() -> dict[str, str]:
    """All sides get the same Helm, collections, settings and quiet output."""
    config = BENCH / "ansible.cfg"
    config.write_text(ANSIBLE_CFG)
    return {
        **os.environ,
        "ANSIBLE_CONFIG": str(config),
        "HELM": program("helm4"),
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "build" / "collections"),
        "ANSIBLE_NOCOLOR": "1",
    }
