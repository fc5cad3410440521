# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab as a whole: `lab up`, `lab status`, `lab down`, `lab exec`."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import cgroup, chart_server, network, process
from .cluster import PROGRAMS, HostCluster
from .command import LabError, write_private
from .images import KUBERNETES, images_for, programs_for
from .network import NODES, Network
from .parts import build
from .paths import state
from .toolchain import debian_packages

TOOLS = ("kubectl", "etcdctl")
NAME = "hc"


@dataclass(frozen=True)
class Lab:
    """The lab whose run state is in a directory."""

    directory: Path

    @property
    def record(self) -> Path:
        """What is meant to run; written before the first thing is started, so that `down` finds it."""
        return self.directory / "clusters.json"

    @property
    def facts(self) -> Path:
        """What tests and the demo read; written when all of it runs."""
        return self.directory / "lab.json"

    def clusters(self) -> list[HostCluster]:
        """The host clusters that were started here, running or not."""
        if not self.record.exists():
            return []
        found = json.loads(self.record.read_text(encoding="utf-8"))
        return [self._cluster(entry["name"], entry["number"], entry["nodes"]) for entry in found]

    def _cluster(self, name: str, number: int, nodes: int) -> HostCluster:
        return HostCluster(name, number, nodes, self.directory / name)

    def up(
        self,
        nodes: Sequence[int],
        first: int,
        *,
        kubernetes: Sequence[str] = KUBERNETES[:1],
        helm: Sequence[str] = ("helm4",),
    ) -> dict[str, Any]:
        """Start host clusters with these numbers of nodes; returns the facts.

        The defaults are the newest: each release takes minutes to build.

        :param kubernetes: Releases that tenants can have; see `images_for`.
        :param helm: Which programs to have at hand.
        """
        if process.find(self.directory):
            raise LabError("a lab runs already: `lab status` shows it, `lab down` ends it")
        self.down()  # what a lab that failed or was killed left behind
        debian_packages()
        tools = (*TOOLS, *helm)
        tenants = programs_for(kubernetes=kubernetes) if any(nodes) else []
        programs = build([*PROGRAMS, *tools, *tenants])
        images = images_for(kubernetes=kubernetes) if any(nodes) else []
        clusters = [
            self._cluster(f"{NAME}{index}", first + index - 1, count)
            for index, count in enumerate(nodes, 1)
        ]
        entries = [{"name": c.name, "number": c.number, "nodes": c.nodes} for c in clusters]
        write_private(self.record, json.dumps(entries))
        self._start(clusters, programs, images)
        facts = {
            "clusters": [_entry(cluster) for cluster in clusters],
            **chart_server.start(self.directory / "charts"),
            "programs": {name: str(programs[name]) for name in tools},
        }
        write_private(self.facts, json.dumps(facts, indent=1))
        return facts

    def _start(
        self,
        clusters: Sequence[HostCluster],
        programs: Mapping[str, Path],
        images: Sequence[Path],
    ) -> None:
        """Start the clusters side by side; on a failure or Ctrl-C nothing but the logs stays."""
        try:
            with ThreadPoolExecutor(len(clusters)) as pool:
                try:
                    starts = pool.map(
                        lambda one: one.up(programs, images, self.directory), clusters
                    )
                    list(starts)
                except BaseException:
                    process.end(
                        self.directory
                    )  # so that the other threads have nothing to wait for
                    raise
        except BaseException:
            self._end()
            raise

    def down(self) -> int:
        """End and remove all of it; returns how many nodes were running."""
        chart_server.stop(self.directory / "charts")
        ended = self._end()
        if self.directory.exists():
            shutil.rmtree(self.directory)
        return ended

    def _end(self) -> int:
        """End the nodes and give back what they hold of the machine.

        Found by what is there, not by records: processes by their command line, numbers by the
        alias of their link. So a lab whose starter was killed goes too, and no other lab does.
        """
        ended = process.end(self.directory)
        for number in network.owned_by(self.directory):
            for index in NODES:
                cgroup.remove(cgroup.name(number, index))
            Network(number).release()
        return ended

    def status(self) -> Iterator[str]:
        """A line a node, and where things are."""
        clusters = self.clusters()
        if not clusters:
            yield "no lab is running; `lab up` starts one"
            return
        for cluster in clusters:
            yield f"{cluster.name}  kubeconfig {cluster.kubeconfig}"
            for index in range(1, max(cluster.nodes, 1) + 1):
                yield f"  {cluster.name}-{index}  {_condition(cluster.node_directory(index))}"
        if self.facts.exists():
            facts = json.loads(self.facts.read_text(encoding="utf-8"))
            yield f"charts  {facts['chart_repository']}  {facts['oci_registry']}"


def _condition(directory: Path) -> str:
    """What the supervisor of a node says: ready, starting, failed, with the units in trouble; or gone."""
    if not any(running.first for running in process.find(directory)):
        return "gone"
    with contextlib.suppress(OSError, ValueError):
        said = json.loads((directory / "status.json").read_text(encoding="utf-8"))
        troubled = [
            f"{name} {unit['state']}, {unit['restarts']} restarts"
            for name, unit in said["units"].items()
            if unit["state"] not in ("ready", "done") or unit["restarts"]
        ]
        return "; ".join([str(said["state"]), *troubled])
    return "starting"


def _entry(cluster: HostCluster) -> dict[str, Any]:
    return {
        "name": cluster.name,
        "kubeconfig": str(cluster.kubeconfig),
        "nodes": cluster.nodes,
        "node_ip": cluster.network.node(1),
        "gateway": cluster.network.gateway,
    }


def add_command(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add up, status, down and exec to the command line."""
    up = subparsers.add_parser("up", help="start host clusters")
    up.add_argument("--clusters", type=int, default=2, help="how many with nodes (default 2)")
    up.add_argument("--nodes", default="2,1", help="nodes of each, by comma (default 2,1)")
    up.add_argument("--api-only", type=int, default=0, help="how many more without nodes")
    up.add_argument("--first", type=int, default=1, help="number of the first on this machine")
    up.add_argument(
        "--kubernetes",
        default=KUBERNETES[0],
        help=f"releases of tenants, by comma (of {', '.join(KUBERNETES)}; default {KUBERNETES[0]})",
    )
    up.add_argument("--helm", default="helm4", help="helm4, or helm3,helm4 (default helm4)")
    up.set_defaults(run=_up)
    subparsers.add_parser("status", help="show what runs").set_defaults(run=_status)
    subparsers.add_parser("down", help="end and remove all of it").set_defaults(run=_down)
    execute = subparsers.add_parser(
        "exec", help="run a command in the namespaces of a host cluster"
    )
    execute.add_argument("--node", type=int, default=1, help="which of its nodes (default 1)")
    execute.add_argument("cluster", help="for example hc1")
    execute.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    execute.set_defaults(run=_exec)


def _up(arguments: argparse.Namespace) -> int:
    counts = [int(part) for part in arguments.nodes.split(",")][: arguments.clusters]
    counts += [1] * (arguments.clusters - len(counts))
    began = time.monotonic()
    nodes = [*counts, *[0] * arguments.api_only]
    kubernetes, helm = arguments.kubernetes.split(","), arguments.helm.split(",")
    facts = Lab(state()).up(nodes, arguments.first, kubernetes=kubernetes, helm=helm)
    for entry in facts["clusters"]:
        print(f"{entry['name']}  {entry['nodes']} nodes  kubeconfig {entry['kubeconfig']}")
    print(f"charts  {facts['chart_repository']}")
    print(f"up in {time.monotonic() - began:.0f} s; `lab down` ends it")
    return 0


def _status(_arguments: argparse.Namespace) -> int:
    for line in Lab(state()).status():
        print(line)
    return 0


def _down(_arguments: argparse.Namespace) -> int:
    ended = Lab(state()).down()
    print(f"ended {ended} nodes; nothing is left" if ended else "nothing ran here; nothing is left")
    return 0


def _exec(arguments: argparse.Namespace) -> int:
    argv = arguments.argv[1:] if arguments.argv[:1] == ["--"] else arguments.argv
    if not argv:
        raise LabError("say which command: lab exec hc1 -- ip address")
    for cluster in Lab(state()).clusters():
        if cluster.name == arguments.cluster:
            prefix = process.enter(cluster.first_process(arguments.node))
            sys.stdout.flush()
            os.execvp(prefix[0], [*prefix, *argv])
    raise LabError(f"there is no host cluster {arguments.cluster} here")
