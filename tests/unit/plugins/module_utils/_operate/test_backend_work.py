# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of an etcd of our own: cut off at any change, the next run finishes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from etcd_cluster import Cluster, as_asked, run
from world import Cut


def cut_everywhere(
    begin: Callable[[Cluster], None], after: int, least: int, **etcd: object
) -> None:
    """Run to so many members, cut off at each of its changes in turn, and then once more."""
    for change in range(1, 60):
        cluster = Cluster()
        begin(cluster)
        cluster.cut_before = len(cluster.changes) + change
        try:
            assert not run(cluster, members=after, **etcd).get("failed")
        except Cut:
            cluster.cut_before = 0
        else:
            assert change > least, "it makes more changes than that"
            return
        told = run(cluster, members=after, **etcd)
        assert not told.get("failed"), f"{change}, {cluster.changes[-8:]}: {told['msg']}"
        as_asked(cluster, after, **etcd)
    raise AssertionError("it never came to its end")


@pytest.mark.parametrize(("before", "after"), [(0, 3), (1, 3), (3, 1)])
def test_g48_members_that_come_and_go(before: int, after: int) -> None:
    def begin(cluster: Cluster) -> None:
        if before:
            run(cluster, members=before)

    cut_everywhere(begin, after, 5)


def test_g48_g63_a_member_that_is_replaced() -> None:
    def begin(cluster: Cluster) -> None:
        run(cluster)
        cluster.lose("t-store-1")

    cut_everywhere(begin, 3, 4)


def test_g48_versions_and_members_at_once() -> None:
    def begin(cluster: Cluster) -> None:
        run(cluster, members=1, version="3.5.25-0")

    cut_everywhere(begin, 3, 5, version="3.6.8-0")


def test_g48_claims_that_grow() -> None:
    def begin(cluster: Cluster) -> None:
        run(cluster, size="4Gi", storage_class="fast")

    cut_everywhere(begin, 3, 4, size="8Gi")


def test_a_pod_that_waits_for_nothing_takes_the_new_template(cluster: Cluster) -> None:
    """The controller does not replace one that never becomes ready with the template before."""
    run(cluster)
    cluster.hold("t-store-2")
    told = run(cluster, resources={"limits": {"cpu": "1"}})
    assert told["steps"] == ["values"], told
    assert "delete t-store-2" in cluster.changes


def test_the_lead_goes_to_the_pod_that_restarts_last(cluster: Cluster) -> None:
    run(cluster)
    cluster.etcd.leader = "t-store-2"
    run(cluster, resources={"limits": {"cpu": "1"}})
    assert cluster.etcd.leader == "t-store-0"


def test_claims_grow_and_the_stateful_set_is_made_anew(cluster: Cluster) -> None:
    run(cluster, size="4Gi", storage_class="fast")
    cluster.changes.clear()
    told = run(cluster, size="8Gi")
    assert told["steps"] == ["resize"], told
    assert [c for c in cluster.changes if c.startswith("merge data-")] == [
        f"merge data-t-store-{number}" for number in range(3)
    ]
    assert "delete t-store" in cluster.changes
    as_asked(cluster, 3, size="8Gi", storage_class="fast")
