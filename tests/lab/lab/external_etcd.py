# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An etcd outside every vCluster: StatefulSets with mutual TLS on a host cluster.

vCluster has no option for a key prefix, so each vCluster needs an etcd of its own.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .command import LabError, run
from .parts import build
from .pki import Authority, Pair

NAMESPACE = "external-etcd"
IMAGE = "registry.k8s.io/etcd:3.6.8-0"
CLIENT_PORT, PEER_PORT, METRICS_PORT = 2379, 2380, 2381
NODE_ADDRESS = "{.items[0].status.addresses[?(@.type=='InternalIP')].address}"
NODE_PORT = "{.spec.ports[?(@.name=='client')].nodePort}"
READY_LIMIT = 120.0  # seconds
SUFFIXES = ("", f".{NAMESPACE}", f".{NAMESPACE}.svc", f".{NAMESPACE}.svc.cluster.local")


@dataclass(frozen=True)
class ExternalEtcd:
    """An etcd that runs, and what a client needs.

    :param name: Of its StatefulSet and Services in the namespace `external-etcd`.
    :param endpoint: `host:port`, as the chart's `backingStore.etcd.external.endpoint` takes it; pods reach it, and
        so does this machine.
    :param authority: PEM certificate of the authority that signed the servers.
    :param certificate: PEM certificate of the client.
    :param key: Its PEM key.
    """

    name: str
    endpoint: str
    authority: bytes
    certificate: bytes
    key: bytes

    def secret(self, name: str, namespace: str) -> dict[str, Any]:
        """A Secret with `ca.crt`, `tls.crt` and `tls.key`, to mount into a control plane."""
        files = {"ca.crt": self.authority, "tls.crt": self.certificate, "tls.key": self.key}
        return _secret(name, namespace, files)


def create(kubeconfig: Path, name: str, directory: Path, members: int = 1) -> ExternalEtcd:
    """Start an etcd on a host cluster and wait until all members serve.

    :param kubeconfig: Of the host cluster, as its administrator.
    :param name: Names everything of this etcd; at most 40 characters.
    :param directory: Where its keys are kept; the call makes `NAME` in it.
    :param members: 1 or 3.
    :raises LabError: Other numbers of members, or it is not ready in time.
    """
    if members not in (1, 3):
        raise LabError(f"external etcd {name}: {members} members; must be 1 or 3")
    authority = Authority.create(directory / name, f"{name}-ca")
    hosts = [f"{base}{suffix}" for base in _bases(name, members) for suffix in SUFFIXES]
    kubectl = _Kubectl(kubeconfig)
    address = kubectl.node_address()
    server = authority.issue("server", name, hosts=["localhost", "127.0.0.1", address, *hosts])
    client = authority.issue("client", f"{name}-client")
    for document in manifests(name, members, _files(authority, server)):
        kubectl.apply(document)
    try:
        kubectl.wait(name)
    except LabError as error:
        pods = kubectl("get", "pods", "-n", NAMESPACE, "-o", "wide")
        raise LabError(f"external etcd {name} is not ready:\n{error}\n{pods}") from error
    return ExternalEtcd(
        name,
        f"{address}:{kubectl.node_port(name)}",
        authority.certificate.read_bytes(),
        client.certificate.read_bytes(),
        client.key.read_bytes(),
    )


def manifests(name: str, members: int, files: dict[str, bytes]) -> list[dict[str, Any]]:
    """The objects of one etcd; `files` are those of its servers."""
    labels = {"app": "external-etcd", "etcd": name}
    service: dict[str, Any] = {
        "selector": labels,
        "ports": [{"name": "client", "port": CLIENT_PORT}, {"name": "peer", "port": PEER_PORT}],
    }
    headless = {**service, "clusterIP": "None", "publishNotReadyAddresses": True}
    outside = {**service, "type": "NodePort"}
    stateful_set = {
        "replicas": members,
        "serviceName": f"{name}-headless",
        "podManagementPolicy": "Parallel",  # members wait for each other
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": _pod(name, members)},
        "volumeClaimTemplates": [
            {
                "metadata": {"name": "data"},
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": "1Gi"}},
                },
            }
        ],
    }
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        _secret(f"{name}-server", NAMESPACE, files),
        _object("v1", "Service", name, outside),
        _object("v1", "Service", f"{name}-headless", headless),
        _object("apps/v1", "StatefulSet", name, stateful_set),
    ]


def _pod(name: str, members: int) -> dict[str, Any]:
    return {
        "terminationGracePeriodSeconds": 5,
        "containers": [
            {
                "name": "etcd",
                "image": IMAGE,
                "command": ["etcd", *_flags(name, members)],
                "env": [{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
                "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}},
                "readinessProbe": {
                    "httpGet": {"path": "/readyz", "port": METRICS_PORT},
                    "periodSeconds": 1,
                },
                "volumeMounts": [
                    {"name": "data", "mountPath": "/data"},
                    {"name": "tls", "mountPath": "/tls", "readOnly": True},
                ],
            }
        ],
        "volumes": [{"name": "tls", "secret": {"secretName": f"{name}-server"}}],
    }


def _flags(name: str, members: int) -> list[str]:
    peers = [
        f"{pod}=https://{pod}.{name}-headless.{NAMESPACE}:{PEER_PORT}"
        for pod in (f"{name}-{index}" for index in range(members))
    ]
    own = f"https://$(POD).{name}-headless.{NAMESPACE}"
    flags = [
        "--name=$(POD)",
        "--data-dir=/data/etcd",
        f"--listen-client-urls=https://0.0.0.0:{CLIENT_PORT}",
        f"--advertise-client-urls={own}:{CLIENT_PORT}",
        f"--listen-peer-urls=https://0.0.0.0:{PEER_PORT}",
        f"--initial-advertise-peer-urls={own}:{PEER_PORT}",
        f"--initial-cluster={','.join(peers)}",
        f"--listen-metrics-urls=http://0.0.0.0:{METRICS_PORT}",
        "--client-cert-auth=true",
        "--peer-client-cert-auth=true",
    ]
    for prefix in ("", "peer-"):
        flags += [
            f"--{prefix}cert-file=/tls/tls.crt",
            f"--{prefix}key-file=/tls/tls.key",
            f"--{prefix}trusted-ca-file=/tls/ca.crt",
        ]
    return flags


def _bases(name: str, members: int) -> list[str]:
    return [name, *(f"{name}-{index}.{name}-headless" for index in range(members))]


def _files(authority: Authority, server: Pair) -> dict[str, bytes]:
    pems = {"ca.crt": authority.certificate, "tls.crt": server.certificate, "tls.key": server.key}
    return {name: path.read_bytes() for name, path in pems.items()}


def _object(version: str, kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def _secret(name: str, namespace: str, files: dict[str, bytes]) -> dict[str, Any]:
    data = {key: base64.b64encode(content).decode() for key, content in files.items()}
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


class _Kubectl:
    """kubectl on one host cluster."""

    def __init__(self, kubeconfig: Path) -> None:
        self._argv: list[str | Path] = [build(["kubectl"])["kubectl"], "--kubeconfig", kubeconfig]

    def __call__(self, *argv: str, stdin: str | None = None, timeout: float = 30) -> str:
        return run([*self._argv, *argv], stdin=stdin, timeout=timeout)

    def apply(self, document: dict[str, Any]) -> None:
        self("apply", "--server-side", "-f", "-", stdin=json.dumps(document))

    def node_address(self) -> str:
        return self("get", "nodes", "-o", f"jsonpath={NODE_ADDRESS}")

    def node_port(self, name: str) -> str:
        return self("get", f"service/{name}", "-n", NAMESPACE, "-o", f"jsonpath={NODE_PORT}")

    def wait(self, name: str) -> None:
        limit = f"--timeout={READY_LIMIT:.0f}s"
        status = ["rollout", "status", f"statefulset/{name}", "-n", NAMESPACE, limit]
        self(*status, timeout=READY_LIMIT + 10)
