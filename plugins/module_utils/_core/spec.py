# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The desired state of one vCluster, as the inventory says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .care import Maintenance

VENDOR_REPOSITORY = "https://charts.loft.sh"


@dataclass(frozen=True)
class Access:
    """How to reach a host cluster: a kubeconfig and context, or address, token and CA.

    Attributes:
        kubeconfig: Path of a kubeconfig file; None means $KUBECONFIG or ~/.kube/config.
        context: Context in it; None means its current one.
        host: Address of the API server (`https://...`), instead of a kubeconfig.
        token: Bearer token that goes with `host`. Secret.
        ca_cert: Path of the CA bundle that goes with `host`.
    """

    kubeconfig: str | None = None
    context: str | None = None
    host: str | None = None
    token: str | None = field(default=None, repr=False)
    ca_cert: str | None = None

    @property
    def key(self) -> str:
        """Identifies the host cluster within a run; holds no secret."""
        return self.host or f"{self.kubeconfig or 'default kubeconfig'}#{self.context or 'current'}"


@dataclass(frozen=True)
class StoreSpec:
    """The backing store asked for.

    Attributes:
        type: Name in the store registry: sqlite, etcd_deployed, etcd_embedded, etcd_external, postgresql, mysql.
        options: The remaining keys of `vcluster_store`; the store itself reads and checks them.
    """

    type: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Expose:
    """How the tenant's API is reached from outside (`vcluster_expose`).

    Attributes:
        type: cluster, node_port, load_balancer or ingress.
        address: Host name or `host:port` that the tenant's kubeconfig carries, IPv6 in brackets; required for ingress.
        node_port: Fixed port for node_port; 0 lets the host cluster choose.
        ingress_class: Ingress class for type ingress.
        annotations: Annotations of the Service or the Ingress.
    """

    type: str = "cluster"
    address: str | None = None
    node_port: int = 0
    ingress_class: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str | None:
        """The host of the address as a certificate names it: without port and brackets."""
        if not self.address:
            return None
        if self.address.startswith("["):
            return self.address[1:].partition("]")[0]
        return self.address.partition(":")[0]


@dataclass(frozen=True)
class Autoscaling:
    """What decides over the replicas of a control plane (`vcluster_autoscaling`); the least are `vcluster_replicas`.

    Attributes:
        max: Most replicas.
        by: `hpa`, a HorizontalPodAutoscaler; or `load`, the playbook `autoscale`, whenever it is run.
        requests: By `load`: requests a second for each replica, above which there is one more.
        latency_ms: By `load`: p99 of the requests, above which there is one more.
        cool_down: By `load`: seconds after a change in which no replica goes.
        cpu: Percent of the CPU request that replicas use on average; 0 for no such metric.
        memory: Percent of the memory request; 0 for no such metric.
        metrics: More metrics, as autoscaling/v2 has them.
        scale_in_window: Seconds; the highest count that the metrics asked for in that time holds.
    """

    max: int
    by: str = "hpa"
    requests: int = 100
    latency_ms: int = 1000
    cool_down: int = 600
    cpu: int = 70
    memory: int = 0
    metrics: tuple[Mapping[str, Any], ...] = ()
    scale_in_window: int = 600

    @property
    def horizontal(self) -> bool:
        """Whether a HorizontalPodAutoscaler does it."""
        return self.by == "hpa"

    @property
    def resources(self) -> list[str]:
        """The resources that its HorizontalPodAutoscaler goes by, by all of its metrics."""
        if not self.horizontal:
            return []
        found = {name for name in ("cpu", "memory") if getattr(self, name)}
        sections = ("resource", "containerResource")
        found |= {m[key]["name"] for m in self.metrics for key in sections if key in m}
        return sorted(found)


@dataclass(frozen=True)
class Decision:
    """The count of replicas that a look at the load asks for.

    Attributes:
        reason: The numbers behind it.
        before: The count that was there then.
        at: When it was, in seconds since the epoch by the host cluster's clock.
    """

    replicas: int
    reason: str
    before: int
    at: int


@dataclass(frozen=True)
class VerticalAutoscaling:
    """The VerticalPodAutoscaler of a control plane (`vcluster_vertical_autoscaling`).

    Attributes:
        mode: Off (only recommends), Initial, Recreate or InPlaceOrRecreate.
        resources: What it decides over: cpu, memory.
        min: Least request of each resource.
        max: Highest request of each resource.
        evict_single_replica: It may end the only replica of a control plane, whose API is away meanwhile.
    """

    mode: str = "Off"
    resources: tuple[str, ...] = ("cpu", "memory")
    min: Mapping[str, str] = field(default_factory=lambda: {"cpu": "2", "memory": "4Gi"})
    max: Mapping[str, str] = field(default_factory=lambda: {"cpu": "4", "memory": "8Gi"})
    evict_single_replica: bool = False


@dataclass(frozen=True)
class Defaults:
    """What production needs and the chart leaves out (`vcluster_defaults`).

    Each is three-valued: None (unset) lays it in at an install, spread and budget also with the second replica, and
    leaves what was adopted as it is; True asks for it, False removes it.
    """

    topology_spread: bool | None = None
    disruption_budgets: bool | None = None
    service_names: bool | None = None
    resources: bool | None = None


@dataclass(frozen=True)
class Limits:
    """Time limits in seconds (`vcluster_timeouts`).

    Attributes:
        total: For everything that is done to one vCluster.
        rollout: For the pods of one step to become ready.
        proof: For the checks after a step to pass.
        lock: For another run's Lease to be released; 0 fails at once.
    """

    total: int = 2400
    rollout: int = 1800
    proof: int = 180
    lock: int = 60


@dataclass(frozen=True)
class Origin:
    """A vCluster by the names its snapshots lie under; None: the same as that of the one they are read for.

    Attributes:
        namespace: None: `vcluster-NAME` where another name is given.
        archive: Path of an archive of the vendor's on the controller, instead of its snapshots.
    """

    cluster: str | None = None
    namespace: str | None = None
    name: str | None = None
    archive: str | None = None


@dataclass(frozen=True)
class S3:
    """A bucket, or a folder in one, of an S3 service (`vcluster_snapshots.s3`).

    Attributes:
        bucket: Its name; it has to be there.
        prefix: Folder in it.
        endpoint: Address of another service than Amazon's (`https://...`); its buckets are addressed by path.
        region: None means what the environment says.
        ca_cert: Path of the CA bundle that the endpoint's certificate is verified with.
        access_key: Id of the key; without one the environment gives both (variables, a profile, an instance's role).
        secret_key: The key. Secret.
        session_token: Goes with a temporary key. Secret.
    """

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    ca_cert: str | None = None
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)

    def key(self, name: str) -> str:
        """The key of a file in that folder."""
        return "/".join(filter(None, (self.prefix.strip("/"), name)))


@dataclass(frozen=True)
class Claim:
    """A PersistentVolumeClaim on the host cluster (`vcluster_snapshots.claim`).

    Attributes:
        name: Its name; it has to be there.
        namespace: Where it is.
        image: Of the pod that reads and writes it: a shell and the usual small programs; None means that of the
            vCluster's control plane.
    """

    name: str
    namespace: str
    image: str | None = None


# The options of `vcluster_snapshots` that name a target; one of them is given.
TARGETS = ("directory", "s3", "claim")


@dataclass(frozen=True)
class Snapshots:
    """Where snapshots go and how long they stay (`vcluster_snapshots`).

    Attributes:
        directory: Folder of the controller, or a share mounted there.
        s3: A bucket, instead of a directory.
        claim: A claim on the host cluster, instead of both. Where none of the three is given there is no target.
        recipients: age public keys that can open them; none: they are not encrypted.
        identity: The age secret key that opens them, for a restore. Secret.
        keep_count: The newest ones that are kept; None for no such rule.
        keep_days: Those that are kept by their age; None for no such rule. Without a rule all of them stay.
        concurrency: How many go to or come from the target at once, in one run.
        rto: Seconds that a drill may take to restore and prove; None for no limit.
        rpo: Seconds that the newest snapshot may be old at a drill; None for no limit.
        origin: Whose snapshots are listed and restored.
        allow_outage: A control plane whose store cannot be copied while it runs may be stopped for the copy.
    """

    directory: str | None = None
    s3: S3 | None = None
    claim: Claim | None = None
    recipients: tuple[str, ...] = ()
    identity: str | None = field(default=None, repr=False)
    keep_count: int | None = None
    keep_days: int | None = None
    concurrency: int = 4
    rto: int | None = None
    rpo: int | None = None
    origin: Origin = field(default_factory=Origin)
    allow_outage: bool = False


@dataclass(frozen=True)
class Spec:
    """One vCluster as the inventory asks for it.

    None means: not said. Store and versions then stay as they run, and everything else as the
    last proof left it, less what the inventory no longer asks for.

    Attributes:
        host: Name of the inventory host; names the vCluster in messages.
        name: Helm release and vCluster name.
        namespace: Namespace in the host cluster, `vcluster-NAME` by default.
        cluster: Name of the host cluster, for messages and caps.
        access: How to reach the host cluster.
        chart: A chart repository, an `oci://` reference or the path of a chart archive.
        version: Chart version such as 0.36.1; needed for a new vCluster.
        kubernetes_version: Tenant Kubernetes such as 1.36.0 (no leading v); None keeps the running one.
        replicas: Control-plane replicas; with `autoscaling` the least there are.
        autoscaling: See Autoscaling; None for none.
        vertical_autoscaling: See VerticalAutoscaling; None for none.
        decision: Of this run, where it looked at the load; None otherwise.
        gives_up: Of this run: where the store that runs gives no copy, the one that it left comes back as it was left.
        store: The backing store; None keeps the running one (sqlite for a new vCluster).
        resources: Resources of the control-plane container (requests, limits).
        expose: See Expose; None keeps what is there.
        image_registry: Registry that replaces the chart's registries (air gap).
        pull_secrets: Names of image pull Secrets in the namespace.
        values: Chart values for everything else, all layers merged; a value may be a reference (see `references`).
        secret_paths: Paths into `values` whose content is secret (from the vault): masked wherever shown.
        allow: Ids of guards that are lifted; `migrate` lets the store move with everything else.
        defaults: See Defaults.
        limits: See Limits.
        proof: `write` proves with a ConfigMap written in the tenant, `read` only reads.
        rollback: `auto` goes back after a failed proof, as each step of the plan says; `never` leaves that to a person.
        renew_before: Days before the first certificate ends at which all are renewed; 0 leaves that to vCluster itself.
        hops: How many hops between versions one run takes at most; None for all.
        snapshots: See Snapshots.
        maintenance: When the store is due for care.
        move_from: The vCluster that a move replaces by this one.
        state: `present`; nothing else yet.
    """

    host: str
    name: str
    namespace: str
    cluster: str
    access: Access
    chart: str = VENDOR_REPOSITORY
    version: str | None = None
    kubernetes_version: str | None = None
    replicas: int | None = None
    autoscaling: Autoscaling | None = None
    vertical_autoscaling: VerticalAutoscaling | None = None
    decision: Decision | None = None
    gives_up: bool = False
    store: StoreSpec | None = None
    resources: Mapping[str, Any] | None = None
    expose: Expose | None = None
    image_registry: str | None = None
    pull_secrets: tuple[str, ...] | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    secret_paths: tuple[str, ...] = ()
    allow: frozenset[str] = frozenset()
    defaults: Defaults = field(default_factory=Defaults)
    limits: Limits = field(default_factory=Limits)
    proof: str = "write"
    rollback: str = "auto"
    renew_before: int = 30
    hops: int | None = None
    snapshots: Snapshots = field(default_factory=Snapshots)
    maintenance: Maintenance = field(default_factory=Maintenance)
    move_from: Spec | None = None
    state: str = "present"

    @property
    def title(self) -> str:
        """How messages name this vCluster."""
        return f"vCluster {self.namespace}/{self.name} on host cluster {self.cluster}"

    @property
    def origin(self) -> Spec:
        """This, under the names of the vCluster whose snapshots are listed and restored."""
        origin = self.snapshots.origin
        usual = f"vcluster-{origin.name}" if origin.name else self.namespace
        return replace(
            self,
            cluster=origin.cluster or self.cluster,
            namespace=origin.namespace or usual,
            name=origin.name or self.name,
        )
