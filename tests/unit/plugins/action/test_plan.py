# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action `plan`: all hosts at once, and a bad one is data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.fleetops.vcluster.plugins.action.plan import ActionModule

GOOD = {"vcluster_version": "0.36.1", "vcluster_kubeconfig": "/nowhere/kubeconfig"}


def run(hosts: dict[str, dict[str, Any]], folder: Path, **args: Any) -> dict[str, Any]:
    task = MagicMock(args={"directory": str(folder), "show": "none", **args}, async_val=0)
    task.check_mode, task.diff = False, False
    action = ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), None)
    return action.run(task_vars={"ansible_play_hosts_all": list(hosts), "hostvars": hosts})


def test_bad_hosts_are_data_and_the_task_does_not_fail(tmp_path: Path) -> None:
    hosts = {
        "typo": {**GOOD, "vcluster_replica": 3},
        "away": {**GOOD, "vcluster_wave": 2},
        "bastion": {"ansible_host": "x"},
    }
    result = run(hosts, tmp_path)
    assert not result.get("failed")
    assert result["hosts"] == {"typo": ["refused"], "away": ["unreachable"]}
    assert list(result["refused"]) == ["typo"]
    assert result["waves"] == {"1": ["typo"], "2": ["away"]}


@pytest.mark.parametrize("wrong", ["many", [3], 0])
def test_a_wrong_concurrency_refuses_its_host_and_nobody_else(tmp_path: Path, wrong: Any) -> None:
    hosts = {"typo": {**GOOD, "vcluster_concurrency": wrong}, "away": GOOD}
    result = run({**hosts, "unset": {**GOOD, "vcluster_concurrency": None}}, tmp_path, show="plan")
    assert list(result["refused"]) == ["typo"]


def test_the_plan_file_is_private_and_holds_every_host(tmp_path: Path) -> None:
    path = Path(run({"away": GOOD}, tmp_path)["path"])
    assert path.stat().st_mode & 0o777 == 0o600
    content = json.loads(path.read_text())
    assert "/nowhere/kubeconfig does not exist" in content["hosts"]["away"]["error"]


def test_g38_a_token_is_in_neither_result_nor_file(tmp_path: Path) -> None:
    token = "t0ken-of-the-test"
    host = {
        "vcluster_version": "0.36.1",
        "vcluster_api_host": "https://127.0.0.1:9",
        "vcluster_api_token": token,
        "vcluster_values": {"controlPlane": {"x": token}},
    }
    result = run({"away": {**host, "vcluster_api_ca_cert": "/nowhere/ca"}}, tmp_path)
    assert token not in str(result) + Path(result["path"]).read_text()


def test_what_a_person_approves_is_handed_to_the_next_jobs_of_a_workflow(tmp_path: Path) -> None:
    result = run({"away": GOOD}, tmp_path)
    assert result["ansible_stats"]["data"] == {
        "fleetops_approved": result["digests"],
        "fleetops_summary": result["summary"],
    }
    assert result["last_wave"] == 10
    later = run({"away": GOOD}, tmp_path / "later", approved={}, last_wave=1)
    assert "ansible_stats" not in later
    assert later["last_wave"] == 1


def test_an_unknown_argument_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AnsibleActionFail, match="nonsense"):
        run({}, tmp_path, nonsense=1)
