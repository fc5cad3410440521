# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses and links of one host cluster.

Cluster N is a bridge `labN` (10.90.N.1) on the machine, one veth from it into the network namespace
of each node (10.90.N.2 and on), and routes to pods and Services, so that tests reach both directly.
N is global to the machine: making the bridge is what takes it.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from . import machine
from .command import LabError, run

NUMBERS = range(1, 200)
NODES = range(1, 5)  # the /24 of the pods is cut into four
PREFIX = "lab"


@dataclass(frozen=True)
class Network:
    """The address plan of host cluster `number`, and what makes and removes it."""

    number: int

    @property
    def bridge(self) -> str:
        return f"{PREFIX}{self.number}"

    @property
    def gateway(self) -> str:
        """The machine's own address in the cluster's network."""
        return f"10.90.{self.number}.1"

    @property
    def services(self) -> str:
        return f"10.96.{self.number}.0/24"

    @property
    def api_service(self) -> str:
        """ClusterIP of Service default/kubernetes: always the first of the range."""
        return f"10.96.{self.number}.1"

    @property
    def dns_service(self) -> str:
        return f"10.96.{self.number}.10"

    @property
    def all_pods(self) -> str:
        return f"10.244.{self.number}.0/24"

    def node(self, index: int) -> str:
        """Address of node `index`, counted from 1."""
        return f"10.90.{self.number}.{index + 1}"

    def pods(self, index: int) -> str:
        """Pod addresses of node `index`, counted from 1."""
        if index not in NODES:
            raise LabError(f"a host cluster has at most {NODES[-1]} nodes, not {index}")
        return str(list(IPv4Network(self.all_pods).subnets(new_prefix=26))[index - 1])

    def claim(self, owner: Path) -> None:
        """Take the number for the lab whose run state is in `owner`.

        :raises LabError: Another lab holds it, or the machine routes one of the ranges elsewhere.
        """
        with machine.lock():
            if self.bridge in links():
                raise LabError(
                    f"host cluster number {self.number} is taken: link {self.bridge} exists, made by "
                    f"the lab with its state in {links()[self.bridge] or 'an unknown place'}. End that "
                    "lab (`lab down` there), or choose other numbers with --first"
                )
            for prefix in (f"10.90.{self.number}.0/24", self.all_pods, self.services):
                for route in json.loads(run(["ip", "-json", "route", "show", "root", prefix])):
                    raise LabError(
                        f"{prefix} is routed to {route.get('dev')} on this machine already; "
                        "choose other numbers with --first"
                    )
            machine.prepare()
            run(["ip", "link", "add", self.bridge, "type", "bridge"])
            run(["ip", "link", "set", self.bridge, "alias", _alias(owner), "up"])
            run(["ip", "address", "add", f"{self.gateway}/24", "dev", self.bridge])
            run(["ip", "route", "add", self.services, "via", self.node(1)])

    def attach(self, index: int, pid: int) -> None:
        """Give node `index`, whose first process is `pid`, its eth0 and the route to its pods."""
        outside = f"{self.bridge}-{index}"
        peer = ["peer", "name", "eth0", "netns", str(pid)]
        run(["ip", "link", "add", outside, "type", "veth", *peer])
        run(["ip", "link", "set", outside, "master", self.bridge, "up"])
        run(["ip", "route", "add", self.pods(index), "via", self.node(index)])

    def inside(self, index: int, nodes: int) -> list[list[str]]:
        """The commands that node `index` of `nodes` runs in its own network namespace."""
        commands = [
            ["ip", "link", "set", "lo", "up"],
            ["ip", "address", "add", f"{self.node(index)}/24", "dev", "eth0"],
            ["ip", "link", "set", "eth0", "up"],
            # A default route has to exist for programs that ask for "the" address of the machine;
            # it ends in a bridge without ports, so nothing leaves the lab.
            ["ip", "link", "add", "nowhere", "type", "bridge"],
            ["ip", "link", "set", "nowhere", "up"],
            ["ip", "route", "add", "default", "dev", "nowhere", "src", self.node(index)],
        ]
        for other in range(1, nodes + 1):
            if other != index:
                commands.append(["ip", "route", "add", self.pods(other), "via", self.node(other)])
        return commands

    def release(self) -> None:
        """Remove the links and with them addresses and routes. Does nothing when they are gone."""
        with machine.lock():
            taken = links()
            for link in taken:
                if link == self.bridge or link.startswith(f"{self.bridge}-"):
                    with contextlib.suppress(LabError):  # the other end of a veth takes it along
                        run(["ip", "link", "delete", link])
            if self.bridge in links():
                raise LabError(
                    f"link {self.bridge} cannot be deleted; see `ip link show {self.bridge}`"
                )
            if not any(link.removeprefix(PREFIX).isdigit() for link in links()):
                machine.restore()


def owned_by(owner: Path) -> list[int]:
    """Numbers that the lab with its state in `owner` has taken on this machine."""
    return sorted(
        int(link.removeprefix(PREFIX))
        for link, alias in links().items()
        if alias == _alias(owner) and link.removeprefix(PREFIX).isdigit()
    )


def links() -> dict[str, str]:
    """Links of the lab on this machine, with the state directory of the lab that made them."""
    shown = json.loads(run(["ip", "-json", "link", "show"]))
    return {
        link["ifname"]: link.get("ifalias", "")
        for link in shown
        if link["ifname"].startswith(PREFIX)
    }


def _alias(owner: Path) -> str:
    return str(owner)[-255:]  # what the kernel has room for
