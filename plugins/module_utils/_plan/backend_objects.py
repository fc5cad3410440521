# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The objects of an etcd of our own, as they are applied."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from .._core.autoscaling import OURS
from .._core.backend_etcd import CLIENT_PORT, DATA, METRICS_PORT, PEER_PORT, EtcdSpec
from .._core.marks import OWNER
from .._core.ports import Json
from .._core.quantity import quantity
from .._core.tls import CLIENT, LOCAL, SERVER

TRUST = "fleetops.vcluster/trust"  # digest of ca.crt: etcd reads certificates anew by itself, and authorities never
_COLLECTIONS = {
    "Certificate": "/apis/cert-manager.io/v1/namespaces/{}/certificates",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "PodDisruptionBudget": "/apis/policy/v1/namespaces/{}/poddisruptionbudgets",
    "Service": "/api/v1/namespaces/{}/services",
    "StatefulSet": "/apis/apps/v1/namespaces/{}/statefulsets",
}
_VERSIONS = {
    "Certificate": "cert-manager.io/v1",
    "PodDisruptionBudget": "policy/v1",
    "StatefulSet": "apps/v1",
}
_PEM = {"cert-file": "tls.crt", "key-file": "tls.key", "trusted-ca-file": "ca.crt"}


def path_of(item: Json) -> str:
    """Where an object is in the API."""
    metadata = item["metadata"]
    return f"{_COLLECTIONS[item['kind']].format(metadata['namespace'])}/{metadata['name']}"


def certificates(etcd: EtcdSpec) -> list[Json]:
    """Certificates of cert-manager, which end in the same Secrets as our own."""
    days = {"duration": f"{24 * etcd.days}h", "renewBefore": f"{24 * etcd.renew_before}h"}
    usages = {SERVER: ["server auth", "client auth"], CLIENT: ["client auth"]}
    return [
        _object(
            etcd,
            "Certificate",
            f"{etcd.name}-{part}",
            {
                "secretName": f"{etcd.name}-{part}",
                "commonName": f"{etcd.name}-{part}",
                "issuerRef": {"kind": "Issuer", "group": "cert-manager.io", **etcd.issuer},
                "usages": ["digital signature", *usages[part]],
                "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
                **days,
                **(_names(etcd) if part == SERVER else {}),
            },
        )
        for part in (SERVER, CLIENT)
    ]


def _names(etcd: EtcdSpec) -> dict[str, list[str]]:
    hosts = dict.fromkeys((LOCAL, *etcd.server_hosts))
    addresses = [host for host in hosts if _is_address(host)]
    names = [host for host in hosts if host not in addresses]
    return {"dnsNames": names, **({"ipAddresses": addresses} if addresses else {})}


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def members_map(etcd: EtcdSpec, count: int, *, begins: bool) -> Json:
    """Who begins the cluster, or is in it already: read by each member at its start, so nobody restarts for another.

    Args:
        begins: The members make a cluster. Later on, one without data must never make one of its own (G05).
    """
    names = (f"{etcd.name}-{number}" for number in range(count))
    peers = (f"{name}=https://{_peer(etcd, name)}:{PEER_PORT}" for name in names)
    item = _object(etcd, "ConfigMap", f"{etcd.name}-members", {})
    del item["spec"]
    state = "new" if begins else "existing"
    return {
        **item,
        "data": {"ETCD_INITIAL_CLUSTER": ",".join(peers), "ETCD_INITIAL_CLUSTER_STATE": state},
    }


def objects(
    etcd: EtcdSpec, count: int, *, begins: bool, trust: str, claim: Mapping[str, Any] | None = None
) -> list[Json]:
    """All others, in the order in which they are applied.

    Args:
        count: Pods of the StatefulSet.
        begins: See members_map.
        trust: Digest of the authorities.
        claim: Size and class of a StatefulSet that is there, of which nothing can be changed.
    """
    client = {"name": "client", "port": CLIENT_PORT, "targetPort": "client"}
    peer = {"name": "peer", "port": PEER_PORT, "targetPort": "peer"}
    headless = {
        "clusterIP": "None",
        "publishNotReadyAddresses": True,  # members look for each other before they are ready
        "selector": etcd.selector,
        "ports": [client, peer],
    }
    outward = {"type": etcd.service_type, "selector": etcd.selector, "ports": [client]}
    budget = {"maxUnavailable": 1, "selector": {"matchLabels": etcd.selector}}
    return [
        members_map(etcd, count, begins=begins),
        _object(etcd, "Service", etcd.headless, headless),
        _object(etcd, "Service", etcd.name, outward, etcd.service_annotations),
        _object(etcd, "PodDisruptionBudget", etcd.name, budget),
        _stateful_set(etcd, count, trust, claim or {}),
    ]


def _object(
    etcd: EtcdSpec,
    kind: str,
    name: str,
    spec: Mapping[str, Any],
    annotations: Mapping[str, str] | None = None,
) -> Json:
    return {
        "apiVersion": _VERSIONS.get(kind, "v1"),
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": etcd.namespace,
            "labels": {**etcd.selector, **OURS},
            "annotations": {**(annotations or {}), OWNER: etcd.owner},
        },
        "spec": dict(spec),
    }


def _stateful_set(etcd: EtcdSpec, count: int, trust: str, claim: Mapping[str, Any]) -> Json:
    storage_class = claim.get("storage_class", etcd.storage_class)
    template = {
        "metadata": {
            "name": DATA,
            "labels": {**etcd.selector, **OURS},
            "annotations": {OWNER: etcd.owner},
        },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": claim.get("size", etcd.size)}},
            **({"storageClassName": storage_class} if storage_class else {}),
        },
    }
    spec = {
        "replicas": count,
        "serviceName": etcd.headless,
        # Members that begin wait for each other; updates go one after the other all the same.
        "podManagementPolicy": "Parallel",
        "updateStrategy": {"type": "RollingUpdate"},
        "selector": {"matchLabels": etcd.selector},
        "template": {
            "metadata": {"labels": {**etcd.selector, **OURS}, "annotations": {TRUST: trust}},
            "spec": _pod(etcd),
        },
        "volumeClaimTemplates": [template],
    }
    return _object(etcd, "StatefulSet", etcd.name, spec)


def _pod(etcd: EtcdSpec) -> Json:
    spread = [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": etcd.selector},
        }
        for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
    ]
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,  # etcd reads ETCD_ variables, and a Service may be named so
        "topologySpreadConstraints": spread,
        **(
            {"imagePullSecrets": [{"name": name} for name in etcd.pull_secrets]}
            if etcd.pull_secrets
            else {}
        ),
        "containers": [_container(etcd)],
        "volumes": [{"name": "tls", "secret": {"secretName": f"{etcd.name}-{SERVER}"}}],
    }


def _container(etcd: EtcdSpec) -> Json:
    ports = {"client": CLIENT_PORT, "peer": PEER_PORT, "metrics": METRICS_PORT}
    return {
        "name": "etcd",
        "image": f"{etcd.image}:{etcd.version}",
        "command": ["etcd", *_flags(etcd)],
        "env": [{"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "envFrom": [{"configMapRef": {"name": f"{etcd.name}-members"}}],
        "ports": [{"name": name, "containerPort": port} for name, port in ports.items()],
        "resources": dict(etcd.resources),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
        # It serves, with a quorum, and votes (etcd, server/etcdserver/api/etcdhttp/health.go).
        "readinessProbe": {**_probe("/readyz"), "periodSeconds": 3, "failureThreshold": 3},
        "livenessProbe": {**_probe("/livez"), "initialDelaySeconds": 10, "failureThreshold": 8},
        "volumeMounts": [
            {"name": DATA, "mountPath": "/data"},
            {"name": "tls", "mountPath": "/tls", "readOnly": True},
        ],
    }


def _probe(path: str) -> Json:
    return {"httpGet": {"path": path, "port": "metrics"}, "timeoutSeconds": 15}


def _flags(etcd: EtcdSpec) -> list[str]:
    own = _peer(etcd, "$(POD)")
    return [
        "--name=$(POD)",
        "--data-dir=/data/etcd",
        f"--listen-client-urls=https://0.0.0.0:{CLIENT_PORT}",
        f"--advertise-client-urls=https://{own}:{CLIENT_PORT}",
        f"--listen-peer-urls=https://0.0.0.0:{PEER_PORT}",
        f"--initial-advertise-peer-urls=https://{own}:{PEER_PORT}",
        f"--initial-cluster-token={etcd.namespace}/{etcd.name}",
        f"--listen-metrics-urls=http://0.0.0.0:{METRICS_PORT}",
        "--client-cert-auth=true",
        "--peer-client-cert-auth=true",
        *(f"--{peer}{flag}=/tls/{key}" for peer in ("", "peer-") for flag, key in _PEM.items()),
        f"--quota-backend-bytes={int(quantity(etcd.quota) or 0)}",
        "--auto-compaction-mode=periodic",
        f"--auto-compaction-retention={etcd.compaction}",
    ]


def _peer(etcd: EtcdSpec, pod: str) -> str:
    """The host of a member's address, as `_stores.etcd_seats` has it."""
    return f"{pod}.{etcd.headless}.{etcd.namespace}"
