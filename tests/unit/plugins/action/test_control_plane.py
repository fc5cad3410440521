# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action `control_plane`: within a run, vClusters of one host cluster take turns."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from ansible_collections.fleetops.vcluster.plugins.action import control_plane
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.outlook import CONCURRENCY
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._inventory import Collected
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._runs import PLAN_FILE
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._waves import PLAN


def turn(arguments: dict[str, Any], plan: Any, **fleet: Any) -> AbstractContextManager[None]:
    action = control_plane.ActionModule(*[MagicMock()] * 6)
    return action._turn(Collected(arguments, fleet), {PLAN: plan} if plan is not None else {})


def slots(folder: Path) -> int:
    return len(list(folder.glob("slot-*")))


@pytest.mark.parametrize("plan", [None, {}, {"waves": {}}])
def test_a_task_without_a_run_waits_for_nobody(plan: Any) -> None:
    with turn({"kubeconfig": "/k/hc1"}, plan), turn({"kubeconfig": "/k/hc1"}, plan):
        pass


@pytest.mark.parametrize(
    ("fleet", "count"),
    [
        ({}, CONCURRENCY),
        ({"concurrency": 2}, 2),
        ({"concurrency": "3"}, 3),
        ({"concurrency": None}, CONCURRENCY),
    ],
)
def test_a_run_has_as_many_slots_a_host_cluster_as_are_asked_for(
    tmp_path: Path, fleet: dict[str, Any], count: int
) -> None:
    with turn({"kubeconfig": "/k/hc1"}, {"path": str(tmp_path / PLAN_FILE)}, **fleet):
        assert slots(tmp_path) == count


@pytest.mark.parametrize(
    "other",
    [
        {"kubeconfig": "/k/hc2"},
        {"kubeconfig": "/k/hc1", "context": "west"},
        {"api_host": "https://hc1"},
        {},
    ],
)
def test_another_host_cluster_has_slots_of_its_own(tmp_path: Path, other: dict[str, Any]) -> None:
    plan = {"path": str(tmp_path / PLAN_FILE)}
    with turn({"kubeconfig": "/k/hc1"}, plan, concurrency=1), turn(other, plan, concurrency=1):
        assert slots(tmp_path) == 2


def test_what_the_plan_refused_is_not_carried_out_whatever_the_engine_would_say() -> None:
    """Only the plan knows of waves and of what was approved."""
    action = control_plane.ActionModule(*[MagicMock()] * 6)
    action._connection.become = False
    action._task.args, action._task.async_val = {"from_inventory": True}, 0
    action._in_process = MagicMock()
    plan = {"refused": {"tenant-a": "this plan is not what was approved."}}
    variables = {"inventory_hostname": "tenant-a", "vcluster_version": "0.36.1"}
    result = action.run(task_vars={**variables, "fleetops_plan": plan})
    assert (result["failed"], result["changed"], result["outcome"]) == (True, False, "refused")
    assert "not what was approved" in result["msg"]
    action._in_process.assert_not_called()
