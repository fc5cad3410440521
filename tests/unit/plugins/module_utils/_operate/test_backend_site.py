# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What there is of an etcd of our own."""

from __future__ import annotations

from typing import Any

import pytest
from etcd_cluster import Cluster, run

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.backend_site import plain

NS = "/api/v1/namespaces/vcluster-t"


def test_what_the_api_server_writes_by_itself_is_no_difference() -> None:
    item = {"kind": "X", "metadata": {"name": "x", "uid": "1", "managedFields": []}, "status": {}}
    other = {"kind": "X", "metadata": {"name": "x", "uid": "2", "generation": 3}}
    assert plain(item) == plain(other) == {"kind": "X", "metadata": {"name": "x"}}
    assert plain(None) == {}


@pytest.mark.parametrize("name", ["services/t-store", "services/t-store-headless"])
def test_what_somebody_changed_is_put_back(cluster: Cluster, name: str) -> None:
    run(cluster)
    path = f"{NS}/{name}"
    wanted: dict[str, Any] = cluster.find(path)["spec"]
    cluster.objects[path]["spec"] = {"ports": []}
    told = run(cluster)
    assert told["steps"] == ["values"]
    assert cluster.find(path)["spec"] == wanted


def test_a_claim_of_another_ones_name_is_not_its_own(cluster: Cluster) -> None:
    path = f"{NS}/persistentvolumeclaims/data-t-store-of-mine-0"
    cluster.objects[path] = {"metadata": {"name": "data-t-store-of-mine-0"}, "spec": {}}
    assert not run(cluster).get("failed")


@pytest.mark.parametrize(("owner", "refused"), [("", True), ("a/b", True), ("vcluster-t/t", False)])
def test_g14_claims_without_stateful_set(cluster: Cluster, owner: str, refused: bool) -> None:
    run(cluster, members=1)
    del cluster.objects["/apis/apps/v1/namespaces/vcluster-t/statefulsets/t-store"]
    claim = cluster.objects[f"{NS}/persistentvolumeclaims/data-t-store-0"]
    claim["metadata"]["annotations"] = {"fleetops.vcluster/owner": owner}
    told = run(cluster, members=1)
    assert (told["outcome"] == "refused") is refused, told
    state = cluster.objects[f"{NS}/configmaps/t-store-members"]["data"]
    assert state["ETCD_INITIAL_CLUSTER_STATE"] == "existing", "its data is there"
