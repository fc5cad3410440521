# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action `proof`: all hosts at once, and a bad one is data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.fleetops.vcluster.plugins.action.proof import ActionModule

AWAY = {"vcluster_version": "0.36.1", "vcluster_kubeconfig": "/nowhere/kubeconfig"}
HOSTS = {"away": AWAY, "typo": {**AWAY, "vcluster_replica": 3}, "bastion": {"ansible_host": "x"}}


def run(folder: Path, **args: Any) -> dict[str, Any]:
    task = MagicMock(args={"directory": str(folder), **args}, async_val=0, check_mode=False)
    action = ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), None)
    return action.run(task_vars={"ansible_play_hosts_all": list(HOSTS), "hostvars": HOSTS})


def test_what_fails_is_data_printed_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run(tmp_path)
    assert not result.get("failed")
    assert set(result["failures"]) == {"away", "typo"}
    assert "2 vClusters: 0 passed, 2 failed" in capsys.readouterr().out
    kept = Path(result["path"])
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "did you mean vcluster_replicas?" in json.loads(kept.read_text())["typo"]["msg"]


@pytest.mark.parametrize(
    ("args", "wrong"), [({"due": "soon"}, "due"), ({"nonsense": 1}, "nonsense")]
)
def test_wrong_arguments_are_refused(tmp_path: Path, args: dict[str, Any], wrong: str) -> None:
    with pytest.raises(AnsibleActionFail, match=wrong):
        run(tmp_path, **args)


def test_which_checks_passed_is_written_for_prometheus(tmp_path: Path) -> None:
    run(tmp_path, dest=str(tmp_path / "proof.prom"))
    assert (tmp_path / "proof.prom").read_text().endswith("# EOF\n")
