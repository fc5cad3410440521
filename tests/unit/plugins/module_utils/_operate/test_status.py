# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The state of a vCluster, and how it is shown."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import Unreachable
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.migration import (
    Migration,
    Phase,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Applied,
    Leader,
    Observation,
    Proved,
    Release,
    Workload,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.plan_fleet import Entry
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.status import (
    status_data,
    status_of,
    status_table,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.inventory import spec_from

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
RELEASE = Release(
    4,
    "deployed",
    applied=Applied("0" * 20, 4),
    proved=Proved(NOW - timedelta(hours=3), NOW + timedelta(days=40)),
)
PLANE = Workload(
    "control_plane",
    "Deployment",
    "tenant-a",
    *(3, 3, 3, 3),
    images={"syncer": "r/vcluster-pro:0.36.1", "kubernetes": "r/kubernetes:v1.36.3"},
)
ETCD = Workload("etcd", "StatefulSet", "tenant-a-etcd", 3, 3, 3, 3)
WELL = Observation(
    release=RELEASE, workloads=(PLANE, ETCD), leader=Leader("tenant-a-x", 2.0, 60), seen_at=NOW
)


def entry(observation: Observation = WELL, name: str = "tenant-a", **more: Any) -> Entry:
    spec = spec_from({"name": name, "host": name, "kubeconfig": "/k/hc1"})
    return Entry(name, spec=spec, observation=observation, **more)


def test_what_the_light_pass_tells() -> None:
    found = status_of(entry())
    assert (found.chart, found.kubernetes) == ("0.36.1", "1.36.3")
    assert (found.ready, found.replicas, found.members_ready, found.members) == (3, 3, 3, 3)
    assert (found.state, found.release, found.revision) == ("proved", "deployed", 4)
    assert (found.proof_age, found.certificates_left) == (timedelta(hours=3), timedelta(days=40))


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"release": None}, "absent"),
        ({"paused": "loft.sh/paused"}, "paused"),
        ({"release": replace(RELEASE, status="pending-upgrade")}, "needs repair"),
        ({"release": replace(RELEASE, status="failed")}, "needs repair"),
        ({"workloads": (replace(PLANE, ready=2), ETCD)}, "not ready"),
        ({"workloads": (PLANE, replace(ETCD, updated=1))}, "not ready"),
        ({"workloads": ()}, "not ready"),
        ({"leader": None}, "no leader"),
        ({"leader": Leader("tenant-a-x", 61.0, 60)}, "no leader"),
        ({"release": replace(RELEASE, applied=None)}, "not proved"),
        ({"leader": None, "workloads": (replace(PLANE, replicas=1, total=1),)}, "proved"),
    ],
)
def test_the_state_is_the_worst_that_is_true(changes: dict[str, Any], state: str) -> None:
    assert status_of(entry(replace(WELL, **changes))).state == state


def test_one_that_cannot_be_looked_at_says_why() -> None:
    found = status_of(entry(Observation(), error=Unreachable("Host cluster hc1: no answer.", "")))
    assert (found.state, found.seen_at) == ("unreachable", None)
    assert "no answer" in found.error


def test_the_table_keeps_host_clusters_together_in_80_columns() -> None:
    two = entry(name="tenant-with-a-name-as-long-as-it-gets")
    text = status_table([status_of(entry()), status_of(two)])
    head, first, second = text.splitlines()
    assert head.split() == [
        "hc1",
        "CHART",
        "K8S",
        "READY",
        "ETCD",
        "LEADER",
        "PROVED",
        "CERTS",
        "STATE",
    ]
    assert first.split() == [
        "tenant-a",
        "0.36.1",
        "1.36.3",
        "3/3",
        "3/3",
        "2s",
        "3h",
        "40d",
        "proved",
    ]
    assert "~" in second
    assert max(map(len, (head, first, second))) <= 80


def test_g43_stores_that_are_due_for_care_are_named_below_the_table() -> None:
    proved = Proved(NOW, NOW + timedelta(days=40), "rewrite tenant-a-etcd-0")
    due = replace(WELL, release=replace(RELEASE, proved=proved))
    text = status_table([status_of(entry(due)), status_of(entry(name="tenant-b"))])
    assert "Stores due for care: tenant-a\n" in text
    assert "due for care" not in status_table([status_of(entry())])


MOVED = Migration("sqlite", "etcd_deployed", Phase.SWITCHING, "2026-11-24T10:00:00Z")


@pytest.mark.parametrize("phase", Phase)
def test_stores_that_move_or_were_left_are_named_below_the_table(phase: Phase) -> None:
    seen = replace(WELL, migration=replace(MOVED, phase=phase))
    text = status_table([status_of(entry(seen)), status_of(entry(name="tenant-b"))])
    moving = "On the way to another store: tenant-a (sqlite -> etcd_deployed)\n"
    kept = "Stores that were left, and kept: tenant-a (sqlite)\n"
    assert (moving in text, kept in text) == (phase is not Phase.DONE, phase is Phase.DONE)
    assert max(map(len, text.splitlines())) <= 80
    assert "store" not in status_table([status_of(entry())])


def test_json_has_moments_as_rfc_3339() -> None:
    (found,) = json.loads(json.dumps(status_data([status_of(entry())])))
    assert found["proved_at"] == "2026-11-24T09:00:00+00:00"
    assert found["leader_age"] == 2.0
