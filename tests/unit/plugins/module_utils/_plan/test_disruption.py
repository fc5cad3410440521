# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a step costs the tenant."""

from __future__ import annotations

import pytest
from paper import DEPLOYED, chart, installed, spec

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Workload
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.disruption import (
    ALONE_SECONDS,
    PAIR_SECONDS,
    POD_SECONDS,
    hop_cost,
    replica_change,
    replicas_back,
    restart,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan


def test_g11_every_change_names_the_pods_that_restart() -> None:
    changed = spec(values={"telemetry": {"enabled": False}})
    one = plan(changed, installed(spec()).seen(), chart()).steps[0]
    assert one.disruption.kind == "outage"
    assert "tenant-a" in one.disruption.estimate
    many = installed(spec(store=DEPLOYED, replicas=3), replicas=3, members=3)
    asked = spec(store=DEPLOYED, replicas=3, values={"telemetry": {"enabled": False}})
    assert plan(asked, many.seen(), chart()).steps[0].disruption.kind == "rolling"


@pytest.mark.parametrize(
    ("workload", "running", "asked", "kind", "seconds"),
    [
        ("StatefulSet", 1, 1, "outage", POD_SECONDS),
        ("StatefulSet", 3, 3, "rolling", 3 * POD_SECONDS),
        ("StatefulSet", 1, 3, "outage", POD_SECONDS),
        ("StatefulSet", 3, 1, "outage", POD_SECONDS),
        ("Deployment", 1, 1, "rolling", POD_SECONDS),
        ("Deployment", 3, 3, "rolling", 3 * POD_SECONDS),
        ("Deployment", 1, 3, "rolling", POD_SECONDS),
        ("Deployment", 0, 1, "outage", POD_SECONDS),
        ("", None, 3, "rolling", 3 * POD_SECONDS),
    ],
)
def test_g11_only_what_a_pod_serves_all_along_is_rolling(
    workload: str, running: int | None, asked: int, kind: str, seconds: int
) -> None:
    plane = None if running is None else Workload("control_plane", workload, "p", running)
    found = restart(plane, asked)
    assert (found.kind, found.seconds) == (kind, seconds)
    assert ("p" if plane else "control plane") in found.estimate


@pytest.mark.parametrize(
    ("before", "after", "kind", "seconds", "words"),
    [
        (1, 3, "outage", 2 * POD_SECONDS, "tenant-a-0 restarts, up to 2 times"),
        (3, 5, "rolling", 3 * POD_SECONDS, "3 pods of tenant-a restart one after the other"),
        (5, 3, "outage", POD_SECONDS, "2 of 5 pods of tenant-a go while tenant-a-2 restarts"),
        (3, 1, "outage", POD_SECONDS, "all pods of tenant-a end"),
    ],
)
def test_g11_replicas_that_are_members_come_and_go(
    before: int, after: int, kind: str, seconds: int, words: str
) -> None:
    found = replica_change("tenant-a", before, after)
    assert (found.kind, found.seconds) == (kind, seconds)
    assert words in found.estimate


def test_g11_replicas_that_come_back_were_missed() -> None:
    found = replicas_back("tenant-a")
    assert (found.kind, found.seconds) == ("outage", POD_SECONDS)
    assert "pods of tenant-a come back" in found.estimate


@pytest.mark.parametrize(
    ("replicas", "members", "kind", "seconds"),
    [
        (3, 0, "rolling", 3 * POD_SECONDS),
        (3, 3, "rolling", 3 * POD_SECONDS + 45),
        # Both are needed for a quorum.
        (3, 2, "outage", PAIR_SECONDS),
        (3, 1, "outage", ALONE_SECONDS),
        (1, 3, "outage", POD_SECONDS + 45),
        (1, 2, "outage", POD_SECONDS),
    ],
)
def test_g11_members_that_restart_at_a_hop_cost_what_they_cost_elsewhere(
    replicas: int, members: int, kind: str, seconds: int
) -> None:
    plane = Workload("control_plane", "StatefulSet", "t", replicas)
    cost = hop_cost(plane, members)
    assert (cost.kind, cost.seconds) == (kind, seconds)
