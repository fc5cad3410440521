# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the pods that a plan adds find room."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paper import NOTHING, Running, chart, plane, spec

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Node,
    Workload,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.room import (
    added_pods,
    left_on,
    room,
    room_findings,
)

SMALL, LARGE = room("500m", "1Gi"), room("3", "6Gi")
ETCD = {"type": "etcd_deployed", "members": 1, "resources": {"requests": {"cpu": "100m"}}}


@pytest.mark.parametrize(
    ("nodes", "pods", "without"),
    [
        ([room(1, "2Gi", 9)], [SMALL, SMALL], 0),
        ([room(1, "2Gi", 9)], [SMALL] * 3, 1),
        ([room(4, "2Gi", 9)], [LARGE], 1),
        ([room(1, "2Gi", 9), room(4, "8Gi", 9)], [SMALL, LARGE, SMALL], 0),
        ([room(9, "9Gi", 1)], [SMALL, SMALL], 1),
        ([], [SMALL], 1),
        ([room("-1", "-1Gi", 9)], [SMALL], 1),
    ],
)
def test_pods_are_put_on_nodes_the_largest_first(nodes, pods, without) -> None:  # type: ignore[no-untyped-def]
    found = list(room_findings(nodes, pods))
    assert [f.severity for f in found] == ["warn"] * bool(without)
    assert all(f"{without} of {len(pods)} new pods" in f.what for f in found)


@given(st.lists(st.sampled_from([SMALL, LARGE]), max_size=6))
def test_nothing_is_said_where_each_has_a_node_of_its_own(pods) -> None:  # type: ignore[no-untyped-def]
    assert list(room_findings([LARGE] * len(pods), pods)) == []


def test_what_a_plan_adds_are_its_members_and_replicas() -> None:
    first = plan(spec(store=ETCD, replicas=1), NOTHING, chart()).steps[0]
    seen = Running(first.values or {}, kind="Deployment", members=1).seen()
    asked = spec(
        store={**ETCD, "members": 3}, replicas=2, resources={"requests": {"cpu": "1", "memory": "2Gi"}}
    )  # fmt: skip
    found = plan(asked, seen, chart())
    added = added_pods(found, seen, chart().defaults)
    assert sorted(pod.cpu for pod in added) == [room("100m", 0).cpu] * 2 + [room(1, 0).cpu]
    assert added_pods(replace(found, steps=()), seen, {}) == []


def test_other_values_add_nothing() -> None:
    raw = plane("statefulSet", "resources", "requests", "cpu", value="9")
    seen = Running().seen()
    assert added_pods(plan(spec(values=raw), seen, chart()), seen, chart().defaults) == []


def test_where_nothing_is_there_each_pod_is_added() -> None:
    requests = {"requests": {"cpu": "1"}}
    asked = spec(store={"type": "etcd_embedded"}, replicas=3, resources=requests)
    found = plan(asked, NOTHING, chart())
    assert found.kinds == ("install", "scale_out")
    assert [pod.cpu for pod in added_pods(found, NOTHING, chart().defaults)] == [1, 1, 1]
    both = plan(spec(store={**ETCD, "members": 3}, replicas=2), NOTHING, chart())
    assert len(added_pods(both, NOTHING, chart().defaults)) == 5


def test_an_install_that_was_cut_off_adds_to_the_pods_it_left() -> None:
    left = replace(NOTHING, workloads=(Workload("control_plane", "StatefulSet", "tenant-a", 1),))
    found = plan(spec(store={"type": "etcd_embedded"}, replicas=3), left, chart())
    assert len(added_pods(found, left, chart().defaults)) == 2


def test_a_count_of_a_store_that_does_not_run_is_no_pod() -> None:
    raw = plane(
        "backingStore", "etcd", "deploy", "statefulSet", "highAvailability", "replicas", value=3
    )
    found = plan(spec(values=raw), NOTHING, chart())
    assert len(added_pods(found, NOTHING, chart().defaults)) == 1


@pytest.mark.parametrize(
    ("pods", "has"), [("1k", 1000), ("110", 110), (8, 8), ("many", 0), ("", 0)]
)
def test_a_node_is_read_in_quantities_and_an_odd_one_has_no_room(pods, has) -> None:  # type: ignore[no-untyped-def]
    node = Node({"cpu": "2", "memory": "4Gi", "pods": pods}, ({"pods": "1"}, {"cpu": "odd"}))
    left = left_on(node)
    assert (left.cpu, left.memory, left.pods) == (2, 4 * 2**30, has - 1)
    assert left.holds(SMALL) is (has > 1)
