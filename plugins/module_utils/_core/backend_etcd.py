# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An etcd of our own for one vCluster, beside its release: what is asked for, and what there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .observation import MemberList, Workload
from .spec import Access

CLIENT_PORT, PEER_PORT = 2379, 2380
METRICS_PORT = (
    2381  # plain HTTP, as that of the chart (0.20 to 0.36, templates/etcd-statefulset.yaml)
)
MOST = 7  # members whose names are in the certificate
DATA = "data"  # the claim template: claims are named as those of the chart's etcd are


@dataclass(frozen=True)
class EtcdSpec:
    """What is asked for.

    Attributes:
        owner: The vCluster, `NAMESPACE/NAME`.
        cluster: The host cluster it runs on, in messages.
        name: Of the StatefulSet, of the Service and of most else.
        size: Of each claim.
        image: Without its tag.
        version: The tag.
        quota: Bytes at which etcd takes no more writes.
        compaction: How long revisions are kept, as etcd's --auto-compaction-retention takes it.
        service_type, service_annotations: Of the Service of the clients.
        hosts: More names and addresses of the servers' certificate.
        issuer: Reference to an issuer of cert-manager; empty for certificates of our own.
        days, renew_before: Of our own certificates.
    """

    owner: str
    cluster: str
    access: Access
    name: str
    namespace: str
    members: int = 3
    size: str = "8Gi"
    storage_class: str | None = None
    image: str = "registry.k8s.io/etcd"
    version: str = "3.6.8-0"
    quota: str = "2Gi"
    compaction: str = "1h"
    resources: Mapping[str, Any] = field(default_factory=dict)
    service_type: str = "ClusterIP"
    service_annotations: Mapping[str, str] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    issuer: Mapping[str, str] = field(default_factory=dict)
    days: int = 365
    renew_before: int = 30
    pull_secrets: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """How messages name it."""
        return f"etcd {self.namespace}/{self.name} on host cluster {self.cluster}"

    @property
    def endpoint(self) -> str:
        """Its address for `vcluster_store.endpoint`, from pods of the same host cluster."""
        return f"{self.name}.{self.namespace}:{CLIENT_PORT}"

    @property
    def headless(self) -> str:
        """The Service that names each member."""
        return f"{self.name}-headless"

    @property
    def selector(self) -> dict[str, str]:
        """The labels of its pods. Not those of the chart: its own etcd would be looked for there."""
        return {"app.kubernetes.io/name": "etcd", "app.kubernetes.io/instance": self.name}

    @property
    def server_hosts(self) -> tuple[str, ...]:
        """Names and addresses of the servers' certificate: of the Service, of each member, and those asked for."""
        members = [f"{self.name}-{number}.{self.headless}" for number in range(MOST)]
        bases = [self.name, *members]
        return (
            *bases,
            *(f"{base}.{self.namespace}" for base in bases),
            *(f"{base}.{self.namespace}.svc" for base in bases),
            "127.0.0.1",  # where etcdctl asks by default
            *self.hosts,
        )


@dataclass(frozen=True)
class SeenEtcd:
    """What there is.

    Attributes:
        workload: The StatefulSet; None without one.
        begun: Its members were begun, and nobody has proved yet that they found each other.
        size, storage_class: Of its claim template.
        claims: Owner of each claim by name; empty for one that nobody marked.
        owners: The same of the objects, and of those that are not ours what is to be said of them.
        strangers: Objects of these names that somebody else made.
        members: By their own word; None where nobody was asked.
        lost: Why a member cannot come back with its data, by ordinal.
        quorum: Whether a majority answers and knows a leader.
        differs: Objects that are not as they are asked to be.
    """

    workload: Workload | None = None
    begun: bool = False
    size: str = ""
    storage_class: str | None = None
    claims: Mapping[str, str] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)
    strangers: tuple[str, ...] = ()
    members: MemberList | None = None
    lost: Mapping[int, str] = field(default_factory=dict)
    quorum: bool = False
    differs: tuple[str, ...] = ()

    @property
    def pods(self) -> int:
        """How many pods the StatefulSet has."""
        return self.workload.replicas if self.workload else 0
