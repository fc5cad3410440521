# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in a host cluster before anything is installed, and the waits for it."""

from __future__ import annotations

import base64
import sys
from collections.abc import Mapping
from pathlib import Path
from string import Template

from .network import Network
from .pki import Authority
from .unit import Unit

COREDNS_IMAGE = "docker.io/coredns/coredns:1.12.1"
METRICS_PORT = 4443
PROGRAMS = ("metrics-server",)
MANIFEST = Path(__file__).with_name("addons.yaml")


def units(
    programs: Mapping[str, Path],
    admin: Path,
    network: Network,
    authority: Authority,
    directory: Path,
) -> list[Unit]:
    """StorageClasses `standard` and `growing`, cluster DNS, metrics-server, and the wait until DNS serves.

    :param programs: Executables by name.
    :param admin: Kubeconfig of a cluster administrator.
    :param directory: Where the filled-in manifest is written.
    """
    manifest = directory / "addons.yaml"
    text = Template(MANIFEST.read_text(encoding="utf-8")).substitute(
        dns_service=network.dns_service,
        coredns_image=COREDNS_IMAGE,
        node=network.node(1),
        metrics_port=METRICS_PORT,
        authority=base64.b64encode(authority.certificate.read_bytes()).decode(),
    )
    manifest.write_text(text, encoding="utf-8")
    base = [str(programs["kubectl"]), f"--kubeconfig={admin}"]
    create = [*base, "create", "--validate=false", f"--filename={manifest}"]
    rollout = ["--namespace=kube-system", "rollout", "status", "deployment/coredns"]
    return [
        Unit("addons", create, after=["kube-apiserver"], once=True),
        Unit("cluster-dns", [*base, *rollout], after=["addons"], once=True),
        Unit(
            "metrics-server",
            _metrics_server(programs["metrics-server"], admin, network, authority),
            after=["addons"],
        ),
        Unit("resizer", [sys.executable, "-m", "lab.resizer", str(admin)], after=["addons"]),
    ]


def _metrics_server(
    program: Path, admin: Path, network: Network, authority: Authority
) -> list[str]:
    serving = authority.issue(
        "metrics-server", "metrics-server", hosts=["metrics-server.kube-system.svc"]
    )
    return [
        str(program),
        *(f"--{use}kubeconfig={admin}" for use in ("", "authentication-", "authorization-")),
        f"--bind-address={network.node(1)}",
        f"--secure-port={METRICS_PORT}",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        f"--kubelet-certificate-authority={authority.certificate}",
        "--kubelet-preferred-address-types=InternalIP",
        "--metric-resolution=15s",
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
