# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The base of the actions: what ansible-core does for a shipped module holds in-process too."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ModuleArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.task import Task
from ansible.template import Templar

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._action import (
    EngineAction,
    environment,
)

SPEC = {
    "name": {"type": "str", "required": True},
    "count": {"type": "int", "default": 1},
    "api_token": {"type": "str", "no_log": True},
    "from_inventory": {"type": "bool", "default": False},
}
SECRET = "t0ken-of-the-test"


class Action(EngineAction):
    """An action whose engine is set by the test."""

    argument_spec = SPEC


def run(engine: Any, args: dict[str, Any], transport: str = "local", **task: Any) -> dict[str, Any]:
    Action.engine = staticmethod(engine)
    loaded = Task.load({"name": "t", "action": "ansible.builtin.debug", **task})
    loaded.args = args
    loaded.check_mode, loaded.diff = task.get("check_mode", False), False
    connection = MagicMock(transport=transport, become=task.get("become"))
    connection._shell.tmpdir = "/tmp/unused"
    templar = Templar(loader=DataLoader(), variables={})
    action = Action(loaded, connection, MagicMock(), DataLoader(), templar, None)
    action._execute_module = MagicMock(return_value={"shipped": True})
    return action.run(task_vars={})


def echo(arguments: Any, context: Any) -> dict[str, Any]:
    return {"changed": False, "arguments": dict(arguments), "check": context.check}


def test_arguments_are_coerced_and_defaults_filled_in() -> None:
    assert run(echo, {"name": 5})["arguments"]["name"] == "5"
    assert run(echo, {"name": "a"})["arguments"]["count"] == 1


def test_check_mode_reaches_the_engine() -> None:
    assert run(echo, {"name": "a"}, check_mode=True)["check"] is True


def test_a_wrong_argument_fails_and_hides_secrets() -> None:
    result = run(echo, {"name": "a", "count": f"x {SECRET}", "api_token": SECRET})
    assert result["failed"]
    assert SECRET not in str(result)


def test_no_log_values_are_known_under_their_private_name() -> None:
    validation = ModuleArgumentSpecValidator(argument_spec=SPEC).validate(
        {"name": "a", "api_token": SECRET}
    )
    assert validation._no_log_values == {SECRET}


def test_g38_a_secret_in_an_error_or_a_result_is_masked() -> None:
    def fails(arguments: Any, context: Any) -> dict[str, Any]:
        raise FleetError(f"401 for {arguments['api_token']}")

    def leaks(arguments: Any, context: Any) -> dict[str, Any]:
        return {"changed": False, "seen": arguments["api_token"]}

    for engine in (fails, leaks):
        assert SECRET not in str(run(engine, {"name": "a", "api_token": SECRET}))


def test_a_defect_is_told_without_traceback() -> None:
    def broken(arguments: Any, context: Any) -> dict[str, Any]:
        raise KeyError("gone")

    result = run(broken, {"name": "a"})
    assert result["failed"]
    assert "KeyError" in result["msg"]
    assert "Traceback" not in str(result)


def test_environment_is_set_for_the_engine_and_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEETOPS_A", "before")

    def look(arguments: Any, context: Any) -> dict[str, Any]:
        return {"seen": [os.environ.get("FLEETOPS_A"), os.environ.get("FLEETOPS_B")]}

    result = run(look, {"name": "a"}, environment=[{"FLEETOPS_A": "task", "FLEETOPS_B": "task"}])
    assert result["seen"] == ["task", "task"]
    assert os.environ["FLEETOPS_A"] == "before"
    assert "FLEETOPS_B" not in os.environ


def test_environment_is_restored_after_an_error() -> None:
    with pytest.raises(RuntimeError), environment({"FLEETOPS_B": "x"}):
        raise RuntimeError
    assert "FLEETOPS_B" not in os.environ


def test_become_is_refused() -> None:
    with pytest.raises(AnsibleActionFail, match="become"):
        run(echo, {"name": "a"}, become=True)


def test_another_connection_gets_the_module() -> None:
    assert run(echo, {"name": "a"}, transport="ssh") == {"shipped": True}


def test_a_module_door_reads_the_same_specification() -> None:
    from ansible_collections.fleetops.vcluster.plugins.action import control_plane as action
    from ansible_collections.fleetops.vcluster.plugins.modules import control_plane as module

    assert action.ActionModule.argument_spec is module.CONTROL_PLANE_SPEC
    assert action.ActionModule.engine is module.run_control_plane
    assert Path(str(module.__file__)).stem == "control_plane"
