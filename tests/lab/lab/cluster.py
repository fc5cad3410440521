# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host cluster: a control plane and its nodes, each node in namespaces of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import addons, cgroup, control_plane, image_store, node, process, proxy
from .command import LabError
from .control_plane import API_PORT, PROXY_PORT, READY
from .network import Network
from .pki import Authority, Pair, kubeconfig
from .unit import NodeSpec, Unit

UP_LIMIT = 300.0  # seconds for a node, on a busy machine of two cores
PROGRAMS = ("kubectl", *control_plane.PROGRAMS, *node.PROGRAMS, *addons.PROGRAMS)


@dataclass(frozen=True)
class HostCluster:
    """A host cluster of the lab.

    :param name: Name of its kubeconfig's context, and first part of its nodes' names.
    :param number: Its number on this machine, from which all addresses follow.
    :param nodes: How many nodes run pods; 0 is the API alone, where what is written stays as written.
    :param directory: Its files: keys, logs, volumes, kubeconfigs.
    """

    name: str
    number: int
    nodes: int
    directory: Path

    @property
    def network(self) -> Network:
        return Network(self.number)

    @property
    def kubeconfig(self) -> Path:
        """For its users: through the proxy that can cut it off."""
        return self.directory / "kubeconfig"

    @property
    def direct_kubeconfig(self) -> Path:
        """For the lab itself: straight to the API server."""
        return self.directory / "kubeconfig.direct"

    @property
    def node_names(self) -> list[str]:
        return [f"{self.name}-{index}" for index in range(1, self.nodes + 1)]

    def node_directory(self, index: int) -> Path:
        return self.directory / f"node{index}"

    def up(self, programs: Mapping[str, Path], images: Sequence[Path], lab: Path) -> None:
        """Start it and wait until its API answers, its nodes are Ready and its DNS serves.

        :param programs: Executables by name.
        :param images: Image archives that every node imports.
        :param lab: The run state of the lab, which owns the cluster's number.
        :raises LabError: The number is taken, or a program failed: its last lines of log follow.
        """
        self.network.claim(lab)
        specs = self.prepare(programs)
        if self.nodes:
            image_store.provide(images, [Path(spec.directory) for spec in specs])
        starts = []
        for index, spec in enumerate(specs, 1):
            if self.nodes:
                cgroup.create(cgroup.name(self.number, index))
            start = process.Start(spec)
            self.network.attach(index, start.first_process())
            start.go()
            starts.append(start)
        for start in starts:
            start.wait(UP_LIMIT)

    def first_process(self, index: int = 1) -> int:
        """PID of the supervisor of node `index`.

        :raises LabError: It does not run.
        """
        for running in process.find(self.node_directory(index) / "spec.json"):
            if running.first:
                return running.pid
        raise LabError(f"{self.name}: node {index} does not run; see `lab status`")

    def prepare(self, programs: Mapping[str, Path]) -> list[NodeSpec]:
        """Write keys, kubeconfigs, configurations and what each node's supervisor is told."""
        authority = Authority.create(self.directory / "pki", f"{self.name}-ca")
        admin = authority.issue("admin", "admin", groups=["system:masters"])
        local = self._write_kubeconfigs(authority, admin)
        volumes = self.directory / "volumes"
        volumes.mkdir(exist_ok=True)
        specs = []
        for index in range(1, max(self.nodes, 1) + 1):
            spec = self._spec(index, programs, authority, local, volumes)
            spec.write()
            specs.append(spec)
        return specs

    def _spec(
        self,
        index: int,
        programs: Mapping[str, Path],
        authority: Authority,
        local: Path,
        volumes: Path,
    ) -> NodeSpec:
        directory = self.node_directory(index)
        directory.mkdir(parents=True, exist_ok=True)
        network = self.network
        kubectl = programs["kubectl"]
        if index == 1:
            units = control_plane.api(
                programs,
                network,
                authority,
                self.directory / "etcd",
                self.directory / proxy.CONTROL,
            )
            if self.nodes:
                units += control_plane.controllers(programs, authority, local)
                units += addons.units(programs, local, network, authority, self.directory)
        else:
            probe = READY.replace("127.0.0.1", network.node(1))
            units = [Unit("kube-apiserver", probe=probe)]
        spec = NodeSpec(
            name=f"{self.name}-{index}",
            directory=str(directory),
            authority=str(authority.certificate),
            mounts=node.mounts(directory, volumes),
            commands=[*network.inside(index, self.nodes), *node.commands()],
            units=units,
        )
        if self.nodes:
            units += node.units(programs, network, index, spec, authority)
            units += addons.node_ready(kubectl, directory / "kubelet.kubeconfig", spec.name)
        return spec

    def _write_kubeconfigs(self, authority: Authority, admin: Pair) -> Path:
        """Write the kubeconfigs; returns the one for use inside the first node."""
        direct = f"https://{self.network.node(1)}:{API_PORT}"
        proxied = f"https://{self.network.node(1)}:{PROXY_PORT}"
        kubeconfig(self.kubeconfig, proxied, self.name, authority, admin)
        kubeconfig(self.direct_kubeconfig, direct, self.name, authority, admin)
        local = self.directory / "kubeconfig.local"
        return kubeconfig(local, f"https://127.0.0.1:{API_PORT}", self.name, authority, admin)
