# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps, their proof and the way back, over a host cluster in memory."""

from __future__ import annotations

from typing import Any

import pytest
from fakes import READ, Cut, World

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Release

SAFE_TIMEOUTS = {"total": 5, "rollout": 1, "proof": 1, "lock": 0}


def test_the_time_of_a_proof_and_the_end_of_its_certificates_are_noted(
    run: Any, world: World
) -> None:
    run()
    assert world.newest and world.newest.proved
    end = world.newest.proved.certificates_end
    assert end and end.isoformat() == READ.facts["ends"]


def test_a_failed_proof_goes_back_to_the_last_proved_values(run: Any, world: World) -> None:
    run()
    before = world.releases[-1].values
    asked = {"telemetry": {"enabled": False}}
    planned = run(check=True, values=asked)["plan"]["steps"][0]["values"]
    world.broken_when = planned
    result = run(values=asked, timeouts=SAFE_TIMEOUTS)
    assert (result["outcome"], result["failed"]) == ("rolled_back", True), result
    assert "api_ready" in result["msg"]
    assert world.releases[-1].values == before
    world.broken_when = None
    assert run(values=asked)["outcome"] == "done"


def test_a_failed_proof_of_an_install_says_what_failed(run: Any, world: World) -> None:
    world.broken_when = run(check=True)["plan"]["steps"][0]["values"]
    result = run(timeouts=SAFE_TIMEOUTS)
    assert (result["outcome"], result["failed"]) == ("failed", True)
    assert "api_ready" in result["msg"]
    world.broken_when = None
    assert run()["outcome"] in ("done", "adopted")


def test_g48_cut_off_before_every_change_the_next_run_converges(run: Any, world: World) -> None:
    run()
    changes = len(world.log)
    assert changes >= 4
    for number in range(1, changes + 1):
        fresh = World(cut_before=number)
        world.__dict__.update(fresh.__dict__)
        with pytest.raises(Cut):
            run()
        world.cut_before = 0
        again = run()
        assert not again.get("failed"), (number, again)
        assert run()["outcome"] == "unchanged", number


def test_g23_a_stuck_upgrade_is_repaired_and_carried_out(run: Any, world: World) -> None:
    run()
    stuck = Release(
        2, "pending-upgrade", chart_version="0.36.1", values={"telemetry": {"enabled": False}}
    )
    world.releases.append(stuck)
    result = run()
    assert not result.get("failed"), result
    assert result["steps"][0] == "repair"
    assert run()["outcome"] == "unchanged"


def test_g22_a_pod_with_a_known_ending_stops_the_wait_at_once(run: Any, world: World) -> None:
    run()
    item = world.workloads[0]
    world.never_ready = "CrashLoopBackOff"
    world.pod_log = (
        "x\nyou are trying to use a vCluster pro feature 'Embedded etcd' that is not available"
    )
    object.__setattr__(item, "ready", 0)
    result = run(timeouts={"total": 900, "rollout": 900})
    assert (result["outcome"], result["failed"]) == ("failed", True)
    assert "pro feature" in result["msg"]
    assert "tenant-a-0" in result["msg"]


def test_an_adopted_vcluster_is_proved_and_not_changed(run: Any, world: World) -> None:
    world.deploy("tenant-a", "0.36.1", {"telemetry": {"enabled": False}})
    result = run()
    assert (result["outcome"], result["changed"]) == ("adopted", False), result
    assert world.log == ["create namespaces", "mark 1"]
    assert run()["outcome"] == "unchanged"


def test_progress_names_the_vcluster_and_the_step(run: Any) -> None:
    said: list[str] = []
    run(progress=said.append)
    assert any(text.startswith("tenant-a: install: ") for text in said)
