# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The entries of the Secret NAME-certs (0.36.1, pkg/certs/constants.go, certMap)."""

from __future__ import annotations

from collections.abc import Mapping

# What tenants know a control plane by: who signs clients, servers and ServiceAccount tokens.
TENANT = ("ca.", "client-ca.", "server-ca.", "sa.")
# What is between the programs of one control plane, with the names of its members.
INTERNAL = ("etcd-", "apiserver-etcd-client.", "front-proxy-")


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
