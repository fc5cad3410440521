# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything of one vCluster, over a host cluster in memory."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any

import pytest
from fakes import FakeHost, World

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.apply import Application


def test_an_install_is_proved_and_the_second_run_changes_nothing(run: Any, world: World) -> None:
    first = run()
    assert (first["outcome"], first["changed"], first.get("failed", False)) == (
        "done",
        True,
        False,
    ), first
    assert {check["id"] for check in first["checks"]} >= {"api_ready", "write_and_read", "tokens"}
    done = list(world.log)
    second = run()
    assert (second["outcome"], second["changed"]) == ("unchanged", False)
    assert world.log == done


def test_check_mode_plans_and_changes_nothing(run: Any, world: World) -> None:
    result = run(check=True)
    assert (result["outcome"], result["changed"]) == ("planned", True)
    assert result["plan"]["kinds"] == ["install"]
    assert world.log == []


def test_a_change_of_values_is_one_step_and_then_nothing(run: Any) -> None:
    run()
    changed = run(values={"telemetry": {"enabled": False}})
    assert changed["steps"] == ["values"]
    assert run(values={"telemetry": {"enabled": False}})["outcome"] == "unchanged"


def test_a_refusal_changes_nothing(run: Any, world: World) -> None:
    result = run(replicas=3)
    assert (result["outcome"], result["failed"]) == ("refused", True)
    assert "G01" in {finding["guard"] for finding in result["findings"]}
    assert world.log == []


def test_g24_a_held_lock_ends_the_run_with_its_holder(run: Any, world: World) -> None:
    world.holder = "somebody@elsewhere"
    result = run()
    assert result["outcome"] == "locked"
    assert "somebody@elsewhere" in result["msg"]


def test_a_plan_that_has_become_another_is_refused_or_carried_out_by_choice(run: Any) -> None:
    assert run(planned="f" * 20)["outcome"] == "refused"
    assert run(planned="f" * 20, on_change="replan")["outcome"] == "done"


def test_g24_what_another_run_finished_meanwhile_is_unchanged(
    run: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other run held the lock until it was done."""
    shown = run(check=True)["plan"]["digest"]
    other = run
    held = FakeHost.lock

    @contextmanager
    def lock(self: FakeHost, spec: Any) -> Any:
        monkeypatch.setattr(FakeHost, "lock", held)
        assert other()["outcome"] == "done"
        with held(self, spec) as mine:
            yield mine

    monkeypatch.setattr(FakeHost, "lock", lock)
    assert run(planned=shown)["outcome"] == "unchanged"


def test_the_plan_that_was_shown_is_carried_out(run: Any) -> None:
    digest = run(check=True)["plan"]["digest"]
    assert run(planned=digest)["outcome"] == "done"


@pytest.mark.parametrize(("planned", "looks"), [("", 2), ("shown", 1)])
def test_a_change_that_a_plan_has_shown_is_looked_at_once_under_the_lock(
    run: Any, world: World, monkeypatch: pytest.MonkeyPatch, planned: str, looks: int
) -> None:
    run()
    seen: list[Any] = []
    observe = FakeHost.observe

    def looked(self: FakeHost, spec: Any) -> Any:
        seen.append(spec)
        return observe(self, spec)

    monkeypatch.setattr(FakeHost, "observe", looked)
    monkeypatch.setattr(Application, "carry_out", lambda _self: {"changed": True})
    run(values={"telemetry": {"enabled": False}}, planned=planned, on_change="replan")
    assert len(seen) == looks


def test_where_nothing_is_yet_a_refusal_leaves_no_namespace_behind(run: Any, world: World) -> None:
    assert run(replicas=3, planned="shown", on_change="replan")["outcome"] == "refused"
    assert world.log == []


def test_g53_a_chart_that_cannot_be_pulled_fails_while_planning(run: Any, world: World) -> None:
    result = run(chart="missing")
    assert "missing 0.36.1 was not found" in result["msg"]
    assert world.log == []
