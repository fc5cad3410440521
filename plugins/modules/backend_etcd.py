#!/usr/bin/python
# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: backend_etcd
short_description: Provide an etcd of its own for one vCluster, beside its release
version_added: 0.1.0
author: fleetops.vcluster contributors (@fleetops)
description:
  - Brings an etcd to what is asked for and proves it. It is a StatefulSet with volumes, mutual TLS between members and
    with clients, a PodDisruptionBudget, and Services for clients and members. A vCluster uses it as the store
    V(etcd_external), with RV(endpoint) and the Secret RV(secret).
  - Members come one at a time, as learners, and go one at a time, the leader last; no other member restarts for that.
    One that lost its data is replaced. Versions go up, one minor at a time (G18). Claims grow.
  - Each step is proved at every member before the next one begins. A run that is cut off is gone on with by the next.
  - Nothing is changed where there is no quorum, where members disagree, or where the etcd holds the data of another
    vCluster. It is for one vCluster, since the syncer keeps its own keys under a prefix that nobody can choose.
  - Makes the namespaces that are missing. Never deletes an etcd.
options:
  etcd:
    description: What is asked for.
    type: dict
    suboptions:
      name:
        description: Name of the StatefulSet and of the Service; C(NAME-store) by default, after the vCluster.
        type: str
      namespace:
        description: Where it runs; the vCluster's own by default.
        type: str
      members:
        description: How many, an odd number, 7 at most; 3 by default.
        type: int
      size:
        description: Size of each claim; V(8Gi) by default. It grows where the storage class lets it, and never shrinks.
        type: str
      storage_class:
        description: Storage class of the claims; the host cluster's default one by default.
        type: str
      image:
        description: Image without its tag; C(registry.k8s.io/etcd) by default, with O(image_registry) the same there.
        type: str
      version:
        description: Tag of the image; V(3.6.8-0) by default.
        type: str
      quota:
        description: Size at which etcd takes no more writes; V(2Gi) by default.
        type: str
      compaction:
        description: For how long revisions are kept, such as V(30m); V(1h) by default. API servers compact too.
        type: str
      resources:
        description: Resources of each member (requests, limits).
        type: dict
      service_type:
        description: Type of the clients' Service; V(ClusterIP) by default.
        type: str
        choices: [ClusterIP, NodePort, LoadBalancer]
      service_annotations:
        description: Annotations of that Service.
        type: dict
      hosts:
        description: More DNS names and IP addresses of the servers' certificate, for clients of other networks.
        type: list
        elements: str
      issuer:
        description:
          - Issuer of cert-manager that signs the certificates; by default M(fleetops.vcluster.tls_secrets) does.
          - It has to be one with an authority, so that C(ca.crt) is in the Secrets.
        type: dict
        suboptions:
          name:
            description: Its name.
            type: str
            required: true
          kind:
            description: V(Issuer) by default.
            type: str
          group:
            description: V(cert-manager.io) by default.
            type: str
      days:
        description: Days for which a certificate is issued; 365 by default.
        type: int
      renew_before:
        description: Days before its end at which it is issued anew; 30 by default.
        type: int
      kubeconfig:
        description: Kubeconfig of the host cluster it runs on, where that is another one than the vCluster's.
        type: path
      context:
        description: Context in that kubeconfig.
        type: str
      api_host:
        description: Address of the API server of that host cluster, instead of a kubeconfig.
        type: str
      api_token:
        description: Bearer token that goes with it.
        type: str
      api_ca_cert:
        description: Path of the CA bundle that goes with it.
        type: path
      cluster:
        description: Name of that host cluster in messages.
        type: str
extends_documentation_fragment:
  - fleetops.vcluster.vcluster
  - fleetops.vcluster.access
  - fleetops.vcluster.autoscaling
  - fleetops.vcluster.vcluster.attributes
attributes:
  diff_mode:
    support: full
    details: The objects that change; no Secrets.
requirements:
  - cryptography
"""

EXAMPLES = r"""
- name: Three members for the vCluster of this inventory host
  fleetops.vcluster.backend_etcd:
    from_inventory: true
    etcd:
      members: 3
      size: 20Gi
  register: store

- name: The same for a vCluster that no inventory knows
  fleetops.vcluster.backend_etcd:
    name: tenant-a
    kubeconfig: ~/.kube/hc1
"""

RETURN = r"""
steps:
  description: What was done, or would be.
  returned: success
  type: list
  elements: str
  sample: [certificates, install]
endpoint:
  description: Its address, for C(vcluster_store.endpoint), from pods of the same host cluster.
  returned: success
  type: str
  sample: tenant-a-store.vcluster-tenant-a:2379
secret:
  description: The Secret with the client's files, for C(vcluster_store.tls.secret).
  returned: success
  type: str
  sample: tenant-a-store-client
not_after:
  description: When the first certificate ends; empty where that is not known.
  returned: success
  type: str
checks:
  description: The last proof; each with id, status, evidence and seconds.
  returned: success, but not in check mode
  type: list
  elements: dict
outcome:
  description: V(done), V(planned), V(refused), V(failed), V(locked) or V(unreachable).
  returned: always
  type: str
msg:
  description: The outcome in one sentence.
  returned: always
  type: str
"""

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.backend_etcd import (
    run_backend_etcd,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import run_module
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.options import (
    BACKEND_ETCD_SPEC,
)


def main() -> None:
    """Run the engine of this module."""
    run_module(BACKEND_ETCD_SPEC, run_backend_etcd)


if __name__ == "__main__":
    main()
