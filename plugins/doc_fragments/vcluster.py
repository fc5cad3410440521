# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Documentation that the modules share: a vCluster's arguments, and their attributes."""

    DOCUMENTATION = r"""
options:
  from_inventory:
    description:
      - Take the arguments from the host's C(vcluster_*) variables, as the playbooks do; arguments of the task win.
      - Works where the task runs with O(ignore:connection=local); a shipped module has no inventory.
    type: bool
    default: false
  host:
    description: Inventory host; names the vCluster in messages. Filled in by O(from_inventory).
    type: str
  secret_paths:
    description: JSON pointers of secret texts within O(values). Filled in for vaulted values.
    type: list
    elements: str
  name:
    description: Name of the vCluster and of its Helm release; the inventory name by default.
    type: str
  namespace:
    description: Namespace on the host cluster, C(vcluster-NAME) by default. One vCluster a namespace.
    type: str
  chart:
    description:
      - A chart repository (U(https://charts.loft.sh) by default), C(oci://), the path of a chart archive, or of a
        folder with archives C(vcluster-VERSION.tgz).
    type: str
  version:
    description: Chart version such as V(0.36.1). A new vCluster needs one; there is no "latest".
    type: str
  kubernetes_version:
    description: Tenant Kubernetes such as V(1.36.0). Unset, the running one stays, also when the chart moves.
    type: str
  replicas:
    description: Control-plane replicas; with O(autoscaling) the least there are.
    type: int
  store:
    description: The backing store. Unset, a new vCluster gets SQLite and a running one keeps its store.
    type: dict
    suboptions: &store
      type:
        description: Store type. With V(etcd_embedded) each replica is a member, and the vendor's licence is needed.
        type: str
        required: true
        choices: [sqlite, etcd_deployed, etcd_embedded, etcd_external, postgresql, mysql]
      via:
        description:
          - How V(postgresql) and V(mysql) are reached. V(kine), the default, by pods of kine, with the open-source
            release; V(vendor) by vCluster itself, with the vendor's licence.
          - R(This role,ansible_collections.fleetops.vcluster.backend_database_role) makes all that it takes.
        type: str
        choices: [kine, vendor]
      members:
        description: Members of V(etcd_deployed), an odd number; the chart's default is 1.
        type: int
      size:
        description: Size of the volume claim of V(sqlite), or of each member, such as V(5Gi).
        type: str
      storage_class:
        description: Storage class of the volume claims.
        type: str
      persistence:
        description: Whether there is a volume at all.
        type: bool
      resources:
        description: Resources of each etcd member (requests, limits).
        type: dict
      endpoint:
        description: Address of V(etcd_external), C(host:port).
        type: str
      tls:
        description: Client certificate for V(etcd_external).
        type: dict
        suboptions:
          secret:
            description: Secret in the vCluster's namespace that holds it.
            type: str
            required: true
          ca_key:
            description: Its key with the authority, V(ca.crt) by default.
            type: str
          certificate_key:
            description: Its key with the client certificate, V(tls.crt) by default.
            type: str
          private_key_key:
            description: Its key with the client key, V(tls.key) by default.
            type: str
  resources:
    description: Resources of the control-plane container (requests, limits).
    type: dict
  expose:
    description: How the tenant's API is reached from outside.
    type: dict
    suboptions:
      type:
        description: V(cluster) is the default.
        type: str
        choices: [cluster, node_port, load_balancer, ingress]
      address:
        description: Host name or C(host:port) that the tenant's kubeconfig carries; needed for V(ingress).
        type: str
      node_port:
        description: Fixed port for V(node_port); unset or 0, the host cluster chooses.
        type: int
      ingress_class:
        description: Ingress class for V(ingress).
        type: str
      annotations:
        description: Annotations of the Service or the Ingress.
        type: dict
  image_registry:
    description: Registry that replaces those of the chart (air gap).
    type: str
  pull_secrets:
    description: Names of image pull Secrets in the namespace.
    type: list
    elements: str
  values:
    description:
      - Chart values for everything else.
      - "A value C({$secret: {name: SECRET, key: KEY}}) is read from a Secret of the namespace."
    type: dict
  allow:
    description: Ids of guards that are lifted, such as V(G02); the report shows them. V(migrate), the store may move.
    type: list
    elements: str
  defaults:
    description:
      - What production needs and the chart leaves out.
      - Unset, each is laid in at an install and left alone in what was adopted; true asks for it, false removes it.
      - Unset, O(defaults.topology_spread) and O(defaults.disruption_budgets) also come with the second replica.
    type: dict
    suboptions:
      topology_spread:
        description: Replicas on different nodes and zones where there are such.
        type: bool
      disruption_budgets:
        description: PodDisruptionBudgets for the control plane and the etcd members.
        type: bool
      service_names:
        description: C(NAME.NAMESPACE.svc) and its long form among the certificate's names.
        type: bool
      resources:
        description: A memory request that an API server can live on.
        type: bool
  timeouts:
    description: Limits in seconds.
    type: dict
    suboptions:
      total:
        description: For everything done to one vCluster, each hop anew; 2400 by default.
        type: int
      rollout:
        description: For the pods of one step to become ready; 1800 by default.
        type: int
      proof:
        description: For the checks after a step to pass; 180 by default.
        type: int
      lock:
        description: For another run to let go of the vCluster; 60 by default, 0 fails at once.
        type: int
  proof:
    description: V(write), the default, proves with a ConfigMap written in the tenant's kube-system; V(read) only reads.
    type: str
    choices: [write, read]
  rollback:
    description:
      - V(auto), the default, goes back after a failed proof, as each step of the plan says; V(never) leaves that to a
        person, and then a hop to another line or minor needs no snapshot.
    type: str
    choices: [auto, never]
  renew_before:
    description:
      - Days before the first certificate ends at which all are renewed by a restart, 0 to 90, 30 by default.
      - 0 leaves that to vCluster.
    type: int
  hops:
    description:
      - How many hops between versions one run takes at most, so that a fleet goes hop by hop together; all by default.
      - What else is asked for waits until the last one.
    type: int
  snapshots:
    description: Where snapshots of it go and how long they stay.
    type: dict
    suboptions:
      directory:
        description: Folder of the controller, or a share mounted there. One of this, a bucket and a claim is given.
        type: path
      s3:
        description: A bucket of an S3 service, which has to exist.
        type: dict
        suboptions:
          bucket:
            description: Its name.
            type: str
            required: true
          prefix:
            description: Folder in it; its top by default.
            type: str
          endpoint:
            description: Address of another service than Amazon's, V(https://...); its buckets are addressed by path.
            type: str
          region:
            description: What the environment says by default (E(AWS_DEFAULT_REGION), a profile).
            type: str
          ca_cert:
            description: Path of the CA bundle for the service's certificate; E(AWS_CA_BUNDLE), then the library's.
            type: path
          access_key:
            description:
              - Id of the key. Without one the environment gives the credentials; E(AWS_ACCESS_KEY_ID), a profile or
                the instance's role.
            type: str
          secret_key:
            description: The key that goes with O(snapshots.s3.access_key).
            type: str
          session_token:
            description: Goes with a temporary key.
            type: str
      claim:
        description:
          - A PersistentVolumeClaim on the host cluster that keeps snapshots, instead of a directory or bucket.
          - A pod of the run mounts it while it is used.
        type: dict
        suboptions:
          name:
            description: Its name; it has to be there.
            type: str
            required: true
          namespace:
            description: Where it is. Not that of the vCluster, which may be deleted with it.
            type: str
            required: true
          image:
            description:
              - Image of the pod, with a shell and the usual small programs; that of the control plane by default.
              - To be given where the vCluster is not there any more.
            type: str
      recipients:
        description:
          - age public keys (C(age1...)). Snapshots are encrypted to them; each one's secret key opens them.
          - A snapshot holds certificates and values in clear otherwise, which V(G38) in O(allow) consents to.
        type: list
        elements: str
      identity:
        description: The age secret key that opens them; only a restore needs it.
        type: str
      keep_count:
        description: The newest snapshots that are kept. One is deleted when no rule keeps it; without a rule all stay.
        type: int
      keep_days:
        description: Snapshots that are younger are kept. The newest one is never deleted.
        type: int
      concurrency:
        description: How many go to or come from the target at once in one run; 4 by default.
        type: int
      rto:
        description: Seconds that a drill may take until the restored copy is proved; no limit by default.
        type: int
      rpo:
        description: Seconds that the newest snapshot may be old when a drill begins; no limit by default.
        type: int
      from:
        description:
          - Whose snapshots are listed and restored, where it is another vCluster, by the names it was saved under.
          - It is restored without what it had on its host cluster; its authorities and tokens stay valid.
        type: dict
        suboptions:
          cluster:
            description: Name of its host cluster; the same by default.
            type: str
          namespace:
            description: Its namespace; the same by default, V(vcluster-NAME) where a name is given.
            type: str
          name:
            description: Its name; the same by default.
            type: str
          archive:
            description:
              - An archive that C(vcluster snapshot) wrote; it is restored as V(latest). Its name and namespace have to
                be those of the vCluster it was taken of.
              - A path on the controller, or V(s3://BUCKET/KEY) in the bucket of O(snapshots.s3), which says how to get
                there.
              - It holds no certificates; those of the vCluster stay.
            type: path
      allow_outage:
        description:
          - Whether the control plane may be stopped for a copy of its store V(sqlite); V(false) by default.
          - It is copied while it runs wherever that can be proved to be consistent, and stopped only otherwise.
        type: bool
  maintenance:
    description: When its store is due for care; M(fleetops.vcluster.maintenance) gives it, other runs only report it.
    type: dict
    suboptions:
      fragmentation:
        description:
          - Percent of a file that is free from which it is rewritten, if O(maintenance.free_mib) are free too; 30 by
            default.
        type: int
      free_mib:
        description: MiB of it that are free; 100 by default.
        type: int
      full:
        description:
          - Percent of the quota, or of the volume, that the file takes, from which a tenth of it that is free is
            reason enough to rewrite it, and that its data takes, from which it is reported; 60 by default.
        type: int
      compaction_lag:
        description:
          - Revisions that are not compacted, from which etcd is told to; 100000 by default. An API server does it
            every 5 minutes.
        type: int
      days:
        description: It is reported that the store will be full within so many days; 30 by default.
        type: int
      fsync_ms:
        description:
          - Milliseconds of p99 of etcd's syncs of its log, above which the disk is reported as slow; 10 by default.
        type: int
      commit_ms:
        description: The same of the commits of its backend; 25 by default.
        type: int
      sql_ms:
        description: The same of the SQL statements of kine; 100 by default.
        type: int
      allow_outage:
        description: Whether the control plane may be stopped to rewrite the file of its store; V(false) by default.
        type: bool
  move_from:
    description: Where the vCluster runs before M(fleetops.vcluster.move) brings it here. What is not said is as here.
    type: dict
    suboptions:
      name:
        description: Its name.
        type: str
      namespace:
        description: Its namespace.
        type: str
      cluster:
        description: Name of its host cluster in messages.
        type: str
      kubeconfig:
        description: Kubeconfig of its host cluster.
        type: path
      context:
        description: Context in that kubeconfig.
        type: str
      api_host:
        description: Address of the API server of its host cluster, instead of a kubeconfig.
        type: str
      api_token:
        description: Bearer token that goes with it.
        type: str
      api_ca_cert:
        description: Path of the CA bundle that goes with it.
        type: path
      store:
        description: Its store, where that is V(etcd_external).
        type: dict
        suboptions: *store
  state:
    description: V(present) is the default, and all there is.
    type: str
    choices: [present]
requirements:
  - jsonschema
  - helm 3.13 or later, or 4
"""

    AUDIT = r"""
options:
  run:
    description: Id of the run.
    type: str
  by:
    description: Who asks for it; user and machine by default.
    type: str
  reason:
    description: A ticket, or why in words.
    type: str
"""

    ATTRIBUTES = r"""
attributes:
  check_mode:
    support: full
    description: Says what would be done and changes nothing.
  diff_mode:
    support: none
    description: Shows differences.
"""
