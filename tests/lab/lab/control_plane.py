# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control plane of a host cluster: etcd, kube-apiserver, controller-manager, scheduler."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from .network import Network
from .pki import Authority, Pair, signing_key
from .unit import Unit

API_PORT = 6443
PROXY_PORT = 7443  # what users of the cluster go through
ETCD = "http://127.0.0.1:2379"  # reachable in the node's network namespace alone
FRONT_PROXY = "front-proxy-client"
READY = f"https://127.0.0.1:{API_PORT}/readyz"
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")


def api(
    programs: Mapping[str, Path],
    network: Network,
    authority: Authority,
    data: Path,
    control: Path,
) -> list[Unit]:
    """The units of the API, all on the first node.

    :param programs: Executables by name.
    :param data: Directory for etcd.
    :param control: Where the proxy before the API server takes its orders.
    """
    serving = _serving_pair(network, authority)
    return [
        Unit("etcd", _etcd(programs["etcd"], data), probe=f"{ETCD}/health"),
        Unit(
            "kube-apiserver",
            _apiserver(programs["kube-apiserver"], network, authority, serving),
            after=["etcd"],
            probe=READY,
        ),
        Unit(
            "proxy",
            _proxy(network, authority, serving, control),
            after=["kube-apiserver"],
            probe=f"https://{network.node(1)}:{PROXY_PORT}/readyz",
        ),
    ]


def controllers(programs: Mapping[str, Path], authority: Authority, admin: Path) -> list[Unit]:
    """The units that act on what is written; on the first node, too.

    :param programs: Executables by name.
    :param admin: Kubeconfig of a cluster administrator for use inside the node.
    """
    return [
        Unit(
            "kube-controller-manager",
            _controller_manager(programs["kube-controller-manager"], authority, admin),
            after=["kube-apiserver"],
        ),
        Unit(
            "kube-scheduler",
            [
                str(programs["kube-scheduler"]),
                f"--kubeconfig={admin}",
                "--leader-elect=false",
                "--bind-address=127.0.0.1",
                "--profiling=false",
            ],
            after=["kube-apiserver"],
        ),
    ]


def _etcd(program: Path, data: Path) -> list[str]:
    return [
        str(program),
        f"--data-dir={data}",
        f"--listen-client-urls={ETCD}",
        f"--advertise-client-urls={ETCD}",
        "--listen-peer-urls=http://127.0.0.1:2380",
        # This store ends with the lab. The tenants' stores, which tests break, do sync to disk.
        "--unsafe-no-fsync",
        "--log-level=warn",
    ]


def _serving_pair(network: Network, authority: Authority) -> Pair:
    return authority.issue(
        "kube-apiserver",
        "kube-apiserver",
        hosts=[
            "localhost",
            "127.0.0.1",
            network.node(1),
            network.gateway,
            network.api_service,
            *(f"kubernetes{suffix}" for suffix in ("", ".default", ".default.svc")),
            "kubernetes.default.svc.cluster.local",
        ],
    )


def _proxy(network: Network, authority: Authority, serving: Pair, control: Path) -> list[str]:
    # It may act in the name of its clients, whose certificates end at it while it counts.
    client = authority.issue("proxy", "lab-proxy", groups=["system:masters"])
    return [
        # Its own files go where they end with the node, not into the machine's /tmp.
        "env",
        "TMPDIR=/run",
        sys.executable,
        "-m",
        "lab.proxy",
        f"--listen={network.node(1)}:{PROXY_PORT}",
        f"--upstream=127.0.0.1:{API_PORT}",
        f"--serving={serving.certificate}:{serving.key}",
        f"--client={client.certificate}:{client.key}",
        f"--authority={authority.certificate}",
        f"--control={control}",
    ]


def _apiserver(program: Path, network: Network, authority: Authority, serving: Pair) -> list[str]:
    kubelet_client = authority.issue(
        "kubelet-client", "kube-apiserver-kubelet-client", groups=["system:masters"]
    )
    # API servers that extend this one are told by it who asks.
    front = authority.issue("front-proxy", FRONT_PROXY)
    tokens = service_account_pair(authority)
    return [
        str(program),
        f"--advertise-address={network.node(1)}",
        f"--secure-port={API_PORT}",
        f"--etcd-servers={ETCD}",
        f"--service-cluster-ip-range={network.services}",
        f"--client-ca-file={authority.certificate}",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        f"--kubelet-certificate-authority={authority.certificate}",
        f"--kubelet-client-certificate={kubelet_client.certificate}",
        f"--kubelet-client-key={kubelet_client.key}",
        "--kubelet-preferred-address-types=InternalIP",
        f"--proxy-client-cert-file={front.certificate}",
        f"--proxy-client-key-file={front.key}",
        f"--requestheader-client-ca-file={authority.certificate}",
        f"--requestheader-allowed-names={FRONT_PROXY}",
        "--requestheader-username-headers=X-Remote-User",
        "--requestheader-group-headers=X-Remote-Group",
        "--requestheader-extra-headers-prefix=X-Remote-Extra-",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={tokens.certificate}",
        f"--service-account-signing-key-file={tokens.key}",
        "--authorization-mode=Node,RBAC",
        "--allow-privileged=true",
        "--enable-priority-and-fairness=false",
        "--profiling=false",
    ]


def _controller_manager(program: Path, authority: Authority, admin: Path) -> list[str]:
    return [
        str(program),
        f"--kubeconfig={admin}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        "--profiling=false",
        f"--root-ca-file={authority.certificate}",
        f"--service-account-private-key-file={service_account_pair(authority).key}",
        f"--cluster-signing-cert-file={authority.certificate}",
        f"--cluster-signing-key-file={authority.key}",
        "--enable-hostpath-provisioner=true",
        "--pvclaimbinder-sync-period=2s",
        # Half of the default, so that tests of lost nodes do not wait for most of a minute.
        "--node-monitor-grace-period=20s",
    ]


def service_account_pair(authority: Authority) -> Pair:
    """The key pair of service account tokens; made at the first call."""
    pair = Pair(authority.directory / "tokens.pub", authority.directory / "tokens.key")
    return pair if pair.key.exists() else signing_key(authority.directory, "tokens")
