# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What gives metrics of a vCluster, and how it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .lines.line import MetricsPaths

# The labels and the port that the pods of this collection's own backends have.
BACKEND_NAME, BACKEND_INSTANCE = "app.kubernetes.io/name", "app.kubernetes.io/instance"
BACKEND_PORT = "metrics"


@dataclass(frozen=True)
class Certificates:
    """What the scraper verifies a server with, and shows of itself.

    Attributes:
        secret: In the vCluster's namespace.
        ca, certificate, private_key: Its keys; without a certificate the scraper shows none.
        server_name: In the server's certificate, whose other names are of Services and pods.
    """

    secret: str
    ca: str
    certificate: str = ""
    private_key: str = field(default="", repr=False)
    server_name: str = "localhost"


@dataclass(frozen=True)
class Scrape:
    """One endpoint that each of some pods has. Pods are asked, not a Service: that would show one of them by chance.

    Attributes:
        component: Whose metrics they are: apiserver, controller-manager, kine or etcd.
        group: Scrapes of one group have the same pods; it ends the name of the object that stands for them.
        labels: What the pods are selected by.
        port: Number of a port that the pods do not declare, as the chart's do not, or name of one that they do.
        container: The container that serves the number; the others have no target.
        namespace: Of the pods, where it is not the vCluster's.
        certificates: None is plain http.
    """

    component: str
    group: str
    labels: Mapping[str, str]
    port: int | str
    path: str = "/metrics"
    container: str = ""
    namespace: str = ""
    certificates: Certificates | None = None


def plane(name: str, component: str, path: str) -> Scrape:
    """One of a vCluster's control plane, to which the client certificate of its kubeconfig opens.

    Args:
        name: Of the vCluster.
    """
    certificates = Certificates(
        f"vc-{name}", "certificate-authority", "client-certificate", "client-key"
    )
    labels = {"app": "vcluster", "release": name}
    return Scrape(
        component, "control-plane", labels, 8443, path, "syncer", certificates=certificates
    )


def api_scrapes(name: str, paths: MetricsPaths) -> tuple[Scrape, ...]:
    """Those that the chart's own ServiceMonitor has too."""
    return (
        plane(name, "apiserver", "/metrics"),
        plane(name, "controller-manager", paths.controller_manager),
    )


def plane_scrapes(name: str, component: str, path: str) -> tuple[Scrape, ...]:
    """That of a store within the control plane; none where the line has no path for it."""
    return (plane(name, component, path),) if path else ()


def backend_scrape(
    component: str, instance: str, namespace: str = "", certificates: Certificates | None = None
) -> Scrape:
    """That of a backend which this collection made.

    Args:
        component: etcd or kine.
        instance: Of that, as its label says.
        namespace: Where it is; empty for the vCluster's.
    """
    labels = {BACKEND_NAME: component, BACKEND_INSTANCE: instance}
    return Scrape(
        component, component, labels, BACKEND_PORT, namespace=namespace, certificates=certificates
    )
