# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The desired state: how a host cluster and a vCluster are named."""

from __future__ import annotations

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access, Spec

SAME = Access(kubeconfig="/k/hc1", context="west")


@pytest.mark.parametrize(
    "other",
    [
        Access(),
        Access(kubeconfig="/k/hc1"),
        Access(kubeconfig="/k/hc2", context="west"),
        Access(kubeconfig="/k/hc1", context="east"),
        Access(context="west"),
        Access(host="https://hc1"),
    ],
)
def test_another_host_cluster_has_another_key(other: Access) -> None:
    assert other.key != SAME.key
    assert Access(kubeconfig="/k/hc1", context="west").key == SAME.key


def test_g38_a_token_is_in_no_key_and_no_repr() -> None:
    access = Access(host="https://hc1", token="s3cret-token")
    spec = Spec("t", "t", "n", "hc1", access)
    assert "s3cret-token" not in access.key + repr(access) + repr(spec) + spec.title
