# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The certificates of a vCluster: the entries of the Secret NAME-certs (0.36.1, pkg/certs/constants.go, certMap)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

# What tenants know a control plane by: who signs clients, servers and ServiceAccount tokens.
TENANT = ("ca.", "client-ca.", "server-ca.", "sa.")
# What is between the programs of one control plane, with the names of its members.
INTERNAL = ("etcd-", "apiserver-etcd-client.", "front-proxy-")
# They sign the others, end after ten years, and are never renewed: every kubeconfig would be void.
AUTHORITIES = ("ca.crt", "client-ca.crt", "server-ca.crt", "etcd-ca.crt", "front-proxy-ca.crt")
# The entry of Secret vc-NAME, which tenants' kubeconfigs are made of.
EXPORTED = "client-certificate"
# The syncer renews at its start what ends within so many days (0.36, pkg/certs; since 0.34 once a day, too).
RENEWS_WITHIN = 90


@dataclass(frozen=True)
class Certificates:
    """When they end.

    Attributes:
        leaves: Of what the authorities signed, by entry of Secret `NAME-certs`; EXPORTED is that of `vc-NAME`.
        authorities: Of the authorities themselves.
    """

    leaves: Mapping[str, datetime] = field(default_factory=dict)
    authorities: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def first(self) -> tuple[str, datetime] | None:
        """The first of the leaves to end; None without any."""
        return min(self.leaves.items(), key=lambda leaf: leaf[1], default=None)


def adopted(snapshot: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """The entries of a vCluster that takes the place of another one.

    What the tenant's authority signed is left out: the syncer signs it again, for the names and addresses here, when an
    entry is missing (0.34.0 to 0.36.1, pkg/certs/ensure.go, certsExpiringSoon).

    Args:
        snapshot: Entries of the one that was saved.
        own: Entries of the one that is there.
    """
    return {
        **{name: value for name, value in own.items() if name.startswith(INTERNAL)},
        **{name: value for name, value in snapshot.items() if name.startswith(TENANT)},
    }
