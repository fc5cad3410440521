# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action `adopt`: a file that is written only where it may be, and says what it would write."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
import yaml
from ansible.errors import AnsibleActionFail

from ansible_collections.fleetops.vcluster.plugins.action import adopt as action
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.adopt import Adopted

HOSTS = {
    "a": {"vcluster_kubeconfig": "/k/west", "fleetops_store": "sqlite"},
    "paused": {"vcluster_kubeconfig": "/k/west"},
    "typo": {"vcluster_kubeconfg": "/k/west"},
    "bastion": {"ansible_host": "x"},
}


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> list[Spec]:
    """What is looked at; the vCluster `paused` cannot be taken over."""
    asked: list[Spec] = []

    def adopt(specs: list[Spec], _context: Any) -> tuple[Adopted, ...]:
        asked.extend(specs)
        return tuple(
            Adopted(spec, {"version": "0.36.1"}, held_back="G34" if spec.name == "paused" else "")
            for spec in specs
        )

    monkeypatch.setattr(action, "adopt", adopt)
    return asked


def run(
    dest: Path, check: bool = False, diff: bool = False, hosts: Any = None, **more: Any
) -> dict[str, Any]:
    task = MagicMock(args={"dest": str(dest), **more}, async_val=0)
    task.check_mode, task.diff = check, diff
    made = action.ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), None)
    variables = HOSTS if hosts is None else hosts
    result: dict[str, Any] = made.run(
        task_vars={"ansible_play_hosts_all": list(variables), "hostvars": variables}
    )
    return result


def test_the_inventory_is_written_for_everybody_to_read(tmp_path: Path) -> None:
    dest = tmp_path / "inventory.yml"
    result = run(dest)
    assert (result["changed"], result["dest"], result["adopted"]) == (True, str(dest), ["a"])
    assert dest.stat().st_mode & 0o777 == 0o644
    children = yaml.safe_load(dest.read_text())["all"]["children"]
    assert list(children["west"]["hosts"]) == ["a"]


def test_what_is_left_out_is_told_and_does_not_fail_the_task(tmp_path: Path) -> None:
    result = run(tmp_path / "inventory.yml")
    assert not result.get("failed")
    assert result["left_out"]["paused"] == "G34"
    assert "vcluster_kubeconfig" in result["left_out"]["typo"]
    assert "bastion" not in result["left_out"]


def test_nothing_is_asked_of_what_is_looked_at(tmp_path: Path, engine: list[Spec]) -> None:
    run(tmp_path / "x.yml", hosts={"a": {"vcluster_replicas": 3, "vcluster_kubeconfig": "/k/w"}})
    assert engine[0].replicas is None


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    run(tmp_path / "inventory.yml")
    assert run(tmp_path / "inventory.yml")["changed"] is False


@pytest.mark.parametrize("check", [True, False])
def test_a_file_that_says_something_else_is_left_alone_unless_forced(
    tmp_path: Path, check: bool
) -> None:
    dest = tmp_path / "inventory.yml"
    dest.write_text("mine\n")
    refused = run(dest, check=check)
    assert refused["failed"] and not refused["changed"]
    assert dest.read_text() == "mine\n"
    forced = run(dest, check=check, force=True, diff=True)
    assert forced["changed"] and forced["diff"]["before"] == "mine\n"
    assert (dest.read_text() == "mine\n") is check


def test_check_mode_says_what_would_be_written_and_writes_nothing(tmp_path: Path) -> None:
    dest = tmp_path / "inventory.yml"
    would = run(dest, check=True, diff=True)
    assert would["changed"] and not dest.exists()
    run(dest)
    assert would["diff"]["after"] == dest.read_text()


def test_without_diff_there_is_none(tmp_path: Path) -> None:
    assert "diff" not in run(tmp_path / "inventory.yml")


def test_a_folder_that_does_not_exist_is_told(tmp_path: Path) -> None:
    result = run(tmp_path / "nowhere" / "inventory.yml")
    assert result["failed"] and "cannot be written" in result["msg"]


def test_g38_a_token_is_in_neither_file_nor_result(tmp_path: Path) -> None:
    token = "t0ken-of-the-test"
    host = {"vcluster_api_host": "https://west:6443", "vcluster_api_token": token}
    dest = tmp_path / "inventory.yml"
    result = run(dest, diff=True, hosts={"a": host})
    assert token not in str(result) + dest.read_text()


def test_arguments_are_checked(tmp_path: Path) -> None:
    with pytest.raises(AnsibleActionFail, match="nonsense"):
        run(tmp_path / "x.yml", nonsense=1)
