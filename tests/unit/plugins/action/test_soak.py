# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action `soak`: who is watched, and when nobody is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from unittest.mock import MagicMock

import pytest

from ansible_collections.fleetops.vcluster.plugins.action import soak as module
from ansible_collections.fleetops.vcluster.plugins.action.soak import ActionModule
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.soak import Soak

WAVES = {"1": ["a", "b"], "2": ["c"]}
ASKED = {"vcluster_version": "0.36.1", "vcluster_kubeconfig": "/k/hc1"}
GOOD = {"fleetops_outcome": {"failed": False}}
BAD = {"fleetops_outcome": {"failed": True}}


def hosts(a: Mapping[str, Any], b: Mapping[str, Any], **more: Any) -> dict[str, dict[str, Any]]:
    plan = {"fleetops_plan": {"waves": dict(WAVES), "budgets": {"1": 1}}}
    return {
        name: {**ASKED, **plan, **more, **outcome}
        for name, outcome in {"a": a, "b": b, "c": {}}.items()
    }


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run the action; what it watches is kept in its result, and `a` breaks."""

    def watch(specs: Mapping[str, Spec], soak: Soak, _context: Any) -> dict[str, str]:
        seen.append((list(specs), soak.seconds))
        return {"a": "restarts: a-0 1"}

    seen: list[tuple[list[str], int]] = []
    monkeypatch.setattr(module, "watch", watch)

    def run_it(variables: dict[str, Any], wave: int = 1, check: bool = False) -> Any:
        task = MagicMock(args={"wave": wave}, async_val=0, check_mode=check)
        action = ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), None)
        result = action.run(task_vars={"ansible_play_hosts_all": ["a"], "hostvars": variables})
        assert not result.get("failed")
        return result, seen

    return run_it


def test_what_succeeded_in_the_wave_is_watched_together(run: Any) -> None:
    variables = hosts(GOOD, BAD, vcluster_soak={"seconds": 5})
    variables["a"]["vcluster_soak"] = {"seconds": 7}
    result, seen = run(variables)
    assert seen == [(["a"], 7)]
    assert result["broken"] == {"a": "restarts: a-0 1"}


def test_when_it_was_watched_is_said(run: Any) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    result, _ = run(hosts(GOOD, GOOD))
    assert before <= datetime.fromisoformat(result["began"]) <= datetime.now(UTC)
    assert result["seconds"] == 0.0


@pytest.mark.parametrize(
    ("variables", "options", "why"),
    [
        (hosts(GOOD, GOOD), {"wave": 2}, "changed nothing"),
        (hosts(BAD, BAD), {}, "changed nothing"),
        (hosts(GOOD, GOOD, vcluster_soak={"seconds": 0}), {}, "is 0"),
        (hosts(GOOD, GOOD), {"check": True}, "Check mode"),
        ({name: hosts(GOOD, GOOD)[name] for name in "ab"}, {}, ""),
    ],
)
def test_nobody_is_watched_without_need(
    run: Any, variables: dict[str, Any], options: dict[str, Any], why: str
) -> None:
    if not why:
        del variables["a"]["fleetops_plan"]["waves"]["2"]
        why = "No wave follows"
    result, seen = run(variables, **options)
    assert result["skipped"] and why in result["msg"]
    assert seen == []
