# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who takes another one's place has its authorities, and its own members' certificates."""

from __future__ import annotations

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.certificates import adopted

# 0.36.1, vcluster-facts: the 29 entries.
PAIRS = (
    "apiserver", "apiserver-etcd-client", "apiserver-kubelet-client", "ca", "client-ca", "server-ca",
    "etcd-ca", "etcd-healthcheck-client", "etcd-peer", "etcd-server", "front-proxy-ca", "front-proxy-client",
)  # fmt: skip
ENTRIES = (
    *(f"{name}.{end}" for name in PAIRS for end in ("crt", "key")),
    "sa.key", "sa.pub", "admin.conf", "controller-manager.conf", "scheduler.conf",
)  # fmt: skip


def test_g27_tokens_and_kubeconfigs_of_the_one_that_was_saved_stay_valid() -> None:
    assert len(ENTRIES) == 29
    found = adopted(dict.fromkeys(ENTRIES, "saved"), dict.fromkeys(ENTRIES, "own"))
    saved = {name for name, value in found.items() if value == "saved"}
    assert saved == {
        *(f"{name}.{end}" for name in ("ca", "client-ca", "server-ca") for end in ("crt", "key")),
        "sa.key",
        "sa.pub",
    }
    # They carry names of this one, and nobody outside trusts who signed them.
    own = set(found) - saved
    assert {"etcd-server.crt", "etcd-peer.key", "apiserver-etcd-client.crt"} <= own
    # What the tenant's authority has to sign again.
    assert set(ENTRIES) - set(found) == {
        "apiserver.crt", "apiserver.key", "apiserver-kubelet-client.crt", "apiserver-kubelet-client.key",
        "admin.conf", "controller-manager.conf", "scheduler.conf",
    }  # fmt: skip
