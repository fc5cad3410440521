# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action `report`: plan and outcomes side by side, in private files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from ansible_collections.fleetops.vcluster.plugins.action import report
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._runs import PLAN_FILE, write_json
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._waves import OUTCOME, PLAN

SAID: list[str] = []


@pytest.fixture(autouse=True)
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is printed."""
    SAID.clear()
    monkeypatch.setattr(report, "display", MagicMock(display=SAID.append))
    return SAID


def run(hostvars: dict[str, Any], **args: Any) -> dict[str, Any]:
    task = MagicMock(args=args, async_val=0)
    action = report.ActionModule(task, *[MagicMock()] * 5)
    return action.run(task_vars={"hostvars": hostvars})


def entry(wave: int, status: str = "planned") -> dict[str, Any]:
    return {"status": status, "wave": wave, "cluster": "hc1", "kinds": ["install"]}


def fleet(folder: Path, outcomes: dict[str, Any], budget: int = 0) -> dict[str, Any]:
    """Hosts a and b in wave 1, c in wave 2; d is unchanged and e left the inventory since."""
    hosts = {"a": entry(1), "b": entry(1), "c": entry(2), "d": entry(1, "unchanged")}
    write_json(folder / PLAN_FILE, {"hosts": {**hosts, "e": entry(2)}})
    plan = {
        "path": str(folder / PLAN_FILE),
        "waves": {"1": ["a", "b"], "2": ["c"]},
        "budgets": {"1": budget},
    }
    return {host: {PLAN: plan, **outcomes.get(host, {})} for host in hosts}


GOOD = {OUTCOME: {"outcome": "done", "changed": True, "seconds": 4.0}}
BAD = {OUTCOME: {"outcome": "failed", "failed": True, "msg": "1 of 2 checks failed"}}


def test_without_a_plan_there_is_nothing_to_report() -> None:
    result = run({"a": {}})
    assert (result["skipped"], result["changed"]) == (True, False)
    assert SAID == []


def test_what_failed_and_what_was_not_reached_is_told_and_kept(tmp_path: Path) -> None:
    result = run(fleet(tmp_path, {"a": GOOD, "b": BAD}), command="site.yml --limit x")
    assert result["failed_hosts"] == ["b"]
    assert result["not_reached"] == ["c", "e"]
    assert result["changed"] is False
    assert "To go on: site.yml --limit x" in SAID[0]
    kept = json.loads(Path(result["json"]).read_text())
    assert (kept["halted"], kept["failed"], kept["unchanged"]) == (1, ["b"], 1)
    for path in (result["json"], result["markdown"], result["html"]):
        assert Path(path).stat().st_mode & 0o777 == 0o600
        assert "1 of 2 checks failed" in Path(path).read_text()


def test_a_failure_within_the_budget_halts_nothing(tmp_path: Path) -> None:
    result = run(fleet(tmp_path, {"a": GOOD, "b": BAD, "c": GOOD}, budget=1))
    assert result["failed_hosts"] == ["b", "e"]
    assert result["not_reached"] == []
    assert "Halted" not in SAID[0]
    assert "To go on: " in SAID[0]


def test_results_come_as_plain_json_whatever_ansible_wraps_them_in(tmp_path: Path) -> None:
    wrapped = {
        OUTCOME: {"outcome": "done", "seconds": 4.0, "checks": ({"id": "a", "status": "pass"},)}
    }
    result = run(fleet(tmp_path, {"a": wrapped, "b": GOOD, "c": GOOD}))
    kept = json.loads(Path(result["json"]).read_text())
    assert kept["hosts"]["a"]["checks"] == [{"id": "a", "status": "pass"}]
