# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that runs pods: containerd, kubelet, kube-proxy, and their configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import yaml

from . import cgroup, containerd
from .containerd import HERE, SOCKET
from .machine import VOLUMES
from .network import Network
from .pki import Authority, kubeconfig
from .unit import Mount, NodeSpec, Unit

PROGRAMS = ("kubelet", "kube-proxy")
RESOLV_CONF = Path("/etc/resolv.conf")
# kubelet sets these for the whole machine; a node gets files of its own with what kubelet wants.
KERNEL_SETTINGS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}


def mounts(directory: Path, volumes: Path) -> list[Mount]:
    """The private mounts of a node.

    :param directory: The node's files.
    :param volumes: Where hostpath volumes are, the same for all nodes of a cluster: a pod that
        moves to another node finds its data there, as with network storage.
    """
    settings = directory / "settings"
    settings.mkdir(exist_ok=True)
    empty = settings / "empty"
    empty.touch()
    found = [
        Mount("tmpfs", "/run"),
        Mount("tmpfs", "/var/log"),
        Mount(str(directory), str(HERE)),
        Mount(str(volumes), str(VOLUMES)),
    ]
    if RESOLV_CONF.exists() and not RESOLV_CONF.is_symlink():
        # No name server: a pull that has nowhere to go fails at once, not after a time-out.
        found.append(Mount(str(empty), str(RESOLV_CONF)))
    for setting, value in KERNEL_SETTINGS.items():
        file = settings / setting.replace("/", ".")
        file.write_text(f"{value}\n", encoding="ascii")
        found.append(Mount(str(file), f"/proc/sys/{setting}"))
    return found


def commands() -> list[list[str]]:
    """Kernel settings of the node's network namespace."""
    values = ("net.ipv4.ip_forward=1", "net.bridge.bridge-nf-call-iptables=1")
    return [["busybox", "sysctl", "-w", value] for value in values]


def units(
    programs: Mapping[str, Path],
    network: Network,
    index: int,
    spec: NodeSpec,
    authority: Authority,
) -> list[Unit]:
    """The units of node `index`; they wait for a unit `kube-apiserver` that the spec also has."""
    directory = Path(spec.directory)
    _configure(directory, network, index, spec.name, authority)
    return [
        containerd.unit(directory),
        Unit(
            "kubelet",
            [
                str(programs["kubelet"]),
                f"--config={HERE}/kubelet.yaml",
                f"--kubeconfig={HERE}/kubelet.kubeconfig",
                f"--root-dir={HERE}/kubelet",
                f"--hostname-override={spec.name}",
                f"--node-ip={network.node(index)}",
            ],
            after=["kube-apiserver", "containerd"],
            probe="http://127.0.0.1:10248/healthz",
        ),
        Unit(
            "kube-proxy",
            [str(programs["kube-proxy"]), f"--config={HERE}/kube-proxy.yaml"],
            after=["kube-apiserver"],
            probe="http://127.0.0.1:10256/livez",
        ),
    ]


def _configure(
    directory: Path, network: Network, index: int, name: str, authority: Authority
) -> None:
    server = f"https://{network.node(1)}:6443"
    kubelet = authority.issue(
        f"kubelet-{index}",
        f"system:node:{name}",
        groups=["system:nodes"],
        hosts=[name, network.node(index), "127.0.0.1"],
    )
    proxy = authority.issue(f"kube-proxy-{index}", "system:kube-proxy")
    kubeconfig(directory / "kubelet.kubeconfig", server, name, authority, kubelet)
    kubeconfig(directory / "kube-proxy.kubeconfig", server, name, authority, proxy)
    cni = directory / "cni"
    cni.mkdir(exist_ok=True)
    (cni / "lab.conflist").write_text(json.dumps(_cni(network, index)), encoding="utf-8")
    tls = {"tlsCertFile": str(kubelet.certificate), "tlsPrivateKeyFile": str(kubelet.key)}
    for file, document in (
        ("kubelet.yaml", {**_kubelet(network, index, authority), **tls}),
        ("kube-proxy.yaml", _kube_proxy(network, name)),
    ):
        (directory / file).write_text(yaml.safe_dump(document), encoding="utf-8")


def _cni(network: Network, index: int) -> dict[str, object]:
    return {
        "cniVersion": "1.0.0",
        "name": "lab",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isDefaultGateway": True,
                "hairpinMode": True,  # a pod reaches itself through its own Service
                "ipam": {
                    "type": "host-local",
                    "dataDir": f"{HERE}/cni/addresses",
                    "ranges": [[{"subnet": network.pods(index)}]],
                },
            }
        ],
    }


def _kubelet(network: Network, index: int, authority: Authority) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": "0.0.0.0",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(authority.certificate)},
        },
        "authorization": {"mode": "Webhook"},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup.name(network.number, index)}",
        "cgroupsPerQOS": True,
        "enforceNodeAllocatable": [],
        "failCgroupV1": False,
        "failSwapOn": False,
        "clusterDNS": [network.dns_service],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        # The machine's disk and memory are shared with everything else on it: no eviction.
        "evictionHard": {
            "memory.available": "1Mi",
            "nodefs.available": "0%",
            "nodefs.inodesFree": "0%",
            "imagefs.available": "0%",
            "imagefs.inodesFree": "0%",
        },
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "maxPods": 58,  # of the 64 addresses of its range
        "oomScoreAdj": 0,
        "podLogsDir": f"{HERE}/pod-logs",
        "resolvConf": f"{HERE}/settings/empty",
        "shutdownGracePeriod": "0s",
    }


def _kube_proxy(network: Network, name: str) -> dict[str, object]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": f"{HERE}/kube-proxy.kubeconfig"},
        "clusterCIDR": network.all_pods,
        "hostnameOverride": name,
        "mode": "nftables",
        "oomScoreAdj": 0,
        # The limits on connections belong to the whole machine: leave them alone.
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
    }
