# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action `status`: all hosts at once, printed or written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.fleetops.vcluster.plugins.action.status import ActionModule

AWAY = {"vcluster_version": "0.36.1", "vcluster_kubeconfig": "/nowhere/kubeconfig"}
HOSTS = {"away": AWAY, "typo": {**AWAY, "vcluster_replica": 3}, "bastion": {"ansible_host": "x"}}


def run(check: bool = False, **args: Any) -> dict[str, Any]:
    task = MagicMock(args=args, async_val=0, check_mode=check)
    action = ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), None)
    return action.run(task_vars={"ansible_play_hosts_all": list(HOSTS), "hostvars": HOSTS})


def test_what_cannot_be_looked_at_is_data(capsys: pytest.CaptureFixture[str]) -> None:
    result = run()
    assert not result.get("failed")
    assert result["states"] == {"unreachable": 1, "refused": 1}
    assert result["not_well"] == ["away", "typo"]
    assert "unreachable" in capsys.readouterr().out


def test_a_file_is_written_once_and_never_in_check_mode(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "status.json"
    assert run(check=True, dest=str(path), format="json")["changed"]
    assert not path.exists()
    assert run(dest=str(path), format="json")["changed"]
    assert [found["host"] for found in json.loads(path.read_text())] == ["away", "typo"]
    assert path.stat().st_mode & 0o777 == 0o644
    assert not run(dest=str(path), format="json")["changed"]
    assert capsys.readouterr().out == ""


def test_an_unknown_argument_is_refused() -> None:
    with pytest.raises(AnsibleActionFail, match="nonsense"):
        run(nonsense=1)
