# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in a host cluster before anything is installed, and the waits for it."""

from __future__ import annotations

from pathlib import Path
from string import Template

from .network import Network
from .unit import Unit

COREDNS_IMAGE = "docker.io/coredns/coredns:1.12.1"
MANIFEST = Path(__file__).with_name("addons.yaml")


def units(kubectl: Path, admin: Path, network: Network, directory: Path) -> list[Unit]:
    """StorageClass `standard` and cluster DNS, and the wait until DNS serves.

    :param admin: Kubeconfig of a cluster administrator.
    :param directory: Where the filled-in manifest is written.
    """
    manifest = directory / "addons.yaml"
    text = Template(MANIFEST.read_text(encoding="utf-8")).substitute(
        dns_service=network.dns_service, coredns_image=COREDNS_IMAGE
    )
    manifest.write_text(text, encoding="utf-8")
    base = [str(kubectl), f"--kubeconfig={admin}"]
    create = [*base, "create", "--validate=false", f"--filename={manifest}"]
    rollout = ["--namespace=kube-system", "rollout", "status", "deployment/coredns"]
    return [
        Unit("addons", create, after=["kube-apiserver"], once=True),
        Unit("cluster-dns", [*base, *rollout], after=["addons"], once=True),
    ]


def node_ready(kubectl: Path, admin: Path, name: str) -> list[Unit]:
    """The wait until node `name` is Ready: first for the object, then for its condition."""
    wait = [str(kubectl), f"--kubeconfig={admin}", "wait", f"node/{name}", "--timeout=110s"]
    return [
        Unit("node-registered", [*wait, "--for=create"], after=["kubelet"], once=True),
        Unit(
            "node-ready",
            [*wait, "--for=condition=Ready"],
            after=["node-registered", "kube-proxy"],
            once=True,
        ),
    ]
