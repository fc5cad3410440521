# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An etcd of our own: begun, grown, shrunk, mended; cut off anywhere, the next run finishes."""

from __future__ import annotations

from typing import Any

import pytest
from etcd_cluster import Cluster, Host, as_asked, run

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.backend_etcd import (
    run_backend_etcd,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import answer

NS = "/api/v1/namespaces/vcluster-t"
SET = "/apis/apps/v1/namespaces/vcluster-t/statefulsets/t-store"


def test_it_is_made_and_proved_once(cluster: Cluster) -> None:
    told = run(cluster)
    assert told["steps"] == ["certificates", "install"]
    assert (told["endpoint"], told["secret"]) == (
        "t-store.vcluster-t:2379",
        "t-store-client",
    )
    assert {check["status"] for check in told["checks"]} == {"pass"}
    as_asked(cluster, 3)


def test_check_mode_tells_what_a_run_does_and_changes_nothing(cluster: Cluster) -> None:
    for members in (3, 5, 1):
        changes = list(cluster.changes)
        told = run(cluster, check=True, members=members)
        assert cluster.changes == changes
        done = run(cluster, members=members)
        assert not done.get("failed"), done
        assert (told["changed"], told["steps"]) == (done["changed"], done["steps"])
        assert "would do" in told["msg"]
    as_asked(cluster, 1)


def test_check_mode_changes_nothing_where_nothing_is(cluster: Cluster) -> None:
    assert run(cluster, check=True, diff=True)["changed"]
    assert not cluster.changes


def test_a_difference_shows_objects_and_no_key(cluster: Cluster) -> None:
    told = run(cluster, check=True, diff=True)
    titles = {one["after_header"] for one in told["diff"]}
    assert {"StatefulSet t-store", "Service t-store", "ConfigMap t-store-members"} <= titles
    run(cluster)
    (only,) = run(cluster, check=True, diff=True, resources={"limits": {"cpu": "1"}})["diff"]
    assert only["after_header"] == "StatefulSet t-store"
    assert "limits" in only["after"] and "limits" not in only["before"]
    assert "PRIVATE" not in str(told)


def test_g05_g06_members_come_and_go_one_at_a_time(cluster: Cluster) -> None:
    run(cluster, members=1)
    assert run(cluster, members=3)["steps"] == ["scale_out", "scale_out"]
    as_asked(cluster, 3)
    assert run(cluster, members=1)["steps"] == ["scale_in"]
    as_asked(cluster, 1)


def test_g05_once_it_is_proved_no_member_ever_begins_a_cluster_again(cluster: Cluster) -> None:
    run(cluster)
    state = cluster.objects[f"{NS}/configmaps/t-store-members"]["data"]
    assert state["ETCD_INITIAL_CLUSTER_STATE"] == "existing"


def test_g63_a_member_without_data_is_replaced(cluster: Cluster) -> None:
    run(cluster)
    cluster.lose("t-store-1")
    before = cluster.etcd.members["t-store-1"].id
    told = run(cluster)
    assert told["steps"] == ["replace_member"], told
    assert cluster.etcd.members["t-store-1"].id != before
    assert "delete data-t-store-1" in cluster.changes
    as_asked(cluster, 3)


def test_g06_without_a_quorum_it_is_refused(cluster: Cluster) -> None:
    run(cluster)
    cluster.etcd.silent = {"t-store-1", "t-store-2"}
    changes = list(cluster.changes)
    for check in (True, False):
        told = run(cluster, check=check, members=5)
        assert told["outcome"] == "refused" and "no quorum" in told["msg"]
    assert cluster.changes == changes


def test_one_that_is_as_asked_and_not_well_fails_and_is_not_changed(cluster: Cluster) -> None:
    run(cluster)
    cluster.etcd.silent = {"t-store-1"}
    told = run(cluster)
    assert told["failed"] and not told["changed"]
    assert "2 of 3 members answer" in told["msg"]


def test_the_etcd_of_another_vcluster_is_refused(cluster: Cluster) -> None:
    run(cluster)
    changes = list(cluster.changes)
    told = run(
        cluster,
        arguments={"name": "u", "namespace": "vcluster-u"},
        name="t-store",
        namespace="vcluster-t",
    )
    assert told["outcome"] == "refused"
    assert "holds the data of vCluster vcluster-t/t, not of vcluster-u/u" in told["msg"]
    assert [
        change for change in cluster.changes[len(changes) :] if "vcluster-u" not in change
    ] == []


@pytest.mark.parametrize(
    "path", [SET, f"{NS}/services/t-store", f"{NS}/configmaps/t-store-members"]
)
def test_what_somebody_else_made_is_not_touched(cluster: Cluster, path: str) -> None:
    run(cluster)
    cluster.objects[path]["metadata"]["labels"] = {}
    changes = list(cluster.changes)
    told = run(cluster, members=5)
    assert told["outcome"] == "refused" and "somebody else made" in told["msg"]
    assert cluster.changes == changes


def test_elsewhere_the_client_files_come_to_the_vcluster(cluster: Cluster) -> None:
    assert run(cluster, check=True, namespace="stores")["changed"]
    assert run(cluster, namespace="stores")["changed"]
    there = cluster.objects["/api/v1/namespaces/stores/secrets/t-store-client"]["data"]
    here = cluster.objects[f"{NS}/secrets/t-store-client"]
    assert {key: here["data"][key] for key in there} == there
    assert here["metadata"]["annotations"] == {"fleetops.vcluster/owner": "vcluster-t/t"}
    again = run(cluster, namespace="stores")
    assert not again["changed"]
    here["metadata"]["labels"] = {}
    here["data"] = {}
    assert "somebody else made it" in run(cluster, namespace="stores")["msg"]


def test_certificates_that_are_issued_anew_restart_nothing(cluster: Cluster) -> None:
    run(cluster)
    before = cluster.objects[SET]["spec"]
    told = run(cluster, hosts=["etcd.example.net"])
    assert told["steps"] == ["certificates"]
    assert cluster.objects[SET]["spec"] == before


def test_an_authority_that_is_another_rolls_the_pods(cluster: Cluster) -> None:
    run(cluster)
    del cluster.objects[f"{NS}/secrets/t-store-ca"]
    assert run(cluster)["steps"] == ["certificates", "values"]


@pytest.mark.parametrize("wrong", [{"hosts": ["a b"]}, {"days": 5000}, {"renew_before": 365}])
def test_wrong_options_of_certificates_are_refused(cluster: Cluster, wrong: dict[str, Any]) -> None:
    for check in (True, False):
        assert run(cluster, check=check, **wrong)["outcome"] == "refused"
    assert not any("t-store" in path for path in cluster.objects)


def test_the_vcluster_is_locked_meanwhile(cluster: Cluster) -> None:
    host = Host(cluster)
    context = Context(connect=lambda _access, _warn: host)  # type: ignore[arg-type,return-value]
    given = {"name": "t", "timeouts": {"rollout": 1, "proof": 1}}
    assert answer(run_backend_etcd, given, context)["changed"]
    assert host.locked == ["vcluster-t/t"]
