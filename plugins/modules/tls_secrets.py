#!/usr/bin/python
# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: tls_secrets
short_description: Keep the certificates of a backing-store server in Secrets
version_added: 0.1.0
author: fleetops.vcluster contributors (@fleetops)
description:
  - Keeps an authority and what it signs for one server, an etcd or a kine, in three Secrets of a host cluster,
    C(NAME-ca), C(NAME-server) and C(NAME-client), each with C(ca.crt), C(tls.crt) and C(tls.key).
  - What is there and good stays. A pair is issued anew when it ends within O(renew_before) days, when its names are not
    those of O(hosts), when no authority that is trusted signed it, or when it is damaged.
  - The authority lives for ten years. It is replaced when it could not sign for O(days) and O(renew_before) any more;
    C(ca.crt) then holds the new one and the old one, and what the old one signed stays until it is due by itself, so
    that by then every pod has learnt of the new one. Deleting the Secret C(NAME-ca) begins anew at once.
  - Whoever reads C(ca.crt) once only, at its start, has to be restarted when it changes; RV(digest) is for that.
  - A Secret of such a name that has no label C(app.kubernetes.io/managed-by=fleetops.vcluster) is refused. Nothing else
    is ever written. The namespace has to be there.
  - It is a module, and not tasks with C(community.crypto), so that no private key ever passes through a variable or a
    file of Ansible (G38). Keys are made in memory and written to the API server.
  - Days are counted by the host cluster's clock (G55).
options:
  namespace:
    description: Where the Secrets are.
    type: str
    required: true
  name:
    description: What their names begin with, such as V(tenant-a-store); 57 characters at most.
    type: str
    required: true
  hosts:
    description: DNS names and IP addresses of the server's certificate; V(localhost) is always one of them.
    type: list
    elements: str
    default: []
  days:
    description: Days for which a certificate is issued, 1 to 1000; none ends later than its authority.
    type: int
    default: 365
  renew_before:
    description: Days before its end at which a certificate is issued anew, 0 to less than O(days).
    type: int
    default: 30
extends_documentation_fragment:
  - fleetops.vcluster.access
  - fleetops.vcluster.vcluster.attributes
attributes:
  diff_mode:
    support: full
    details: Names, hosts and ends of the certificates; no keys.
requirements:
  - cryptography
"""

EXAMPLES = r"""
- name: Certificates of a kine
  fleetops.vcluster.tls_secrets:
    kubeconfig: ~/.kube/hc1
    namespace: vcluster-tenant-a
    name: tenant-a-kine-mysql
    hosts:
      - tenant-a-kine-mysql
      - tenant-a-kine-mysql.vcluster-tenant-a.svc
  register: certificates
"""

RETURN = r"""
issued:
  description: The Secrets whose certificate was issued, in that order.
  returned: success
  type: list
  elements: str
  sample: [tenant-a-kine-mysql-ca, tenant-a-kine-mysql-server, tenant-a-kine-mysql-client]
updated:
  description: The Secrets that kept their certificate and got another C(ca.crt).
  returned: success
  type: list
  elements: str
not_after:
  description: When the first of the certificates ends.
  returned: success
  type: str
  sample: "2027-01-31T13:17:24Z"
digest:
  description:
    - SHA-256 over the server's certificate and C(ca.crt), for an annotation of the pods that read them once only.
    - In check mode it is another one than before exactly when it would become another one.
  returned: success
  type: str
msg:
  description: The outcome in one sentence.
  returned: always
  type: str
"""

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import run_module
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.options import (
    TLS_SECRETS_SPEC,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.tls_secrets import (
    run_tls_secrets,
)


def main() -> None:
    """Run the engine of this module."""
    run_module(TLS_SECRETS_SPEC, run_tls_secrets)


if __name__ == "__main__":
    main()
