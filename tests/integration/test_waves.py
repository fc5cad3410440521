# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rollouts that go wrong: what is done, what is not, the recap, the exit code, and the run after it.

A vCluster is broken by a rollout limit that nothing can keep: the run fails, and the pod is well a moment later.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from harness import ROOT, Fleet, Run
from runs import cut, kill_at, started, watched

pytestmark = [pytest.mark.lab, pytest.mark.slow]

ASKED = {
    "vcluster_version": "0.36.1",
    "vcluster_kubernetes_version": "1.36.3",
    "vcluster_store": {"type": "sqlite"},
}
# Where each lives, and its wave.
PLACES = {"it-w1": ("hc1", 1), "it-w2a": ("hc1", 2), "it-w2b": ("hc2", 2), "it-w3": ("hc1", 3)}
BROKEN = {"vcluster_timeouts": {"rollout": 1}}
RECAP = re.compile(
    r"^(\S+) +: ok=\d+ +changed=(\d+) +unreachable=(\d+) +failed=(\d+)", re.MULTILINE
)
# What was asked for so far; the newest is what runs.
values: list[dict[str, Any]] = [{}]


@pytest.fixture(params=["core-2.21", "core-2.19"], ids=["2.21", "2.19"], scope="module")
def ansible(request: pytest.FixtureRequest) -> Path:
    return ROOT / ".venv" / str(request.param) / "bin" / "ansible-playbook"


@pytest.fixture
def rollout(make_fleet: Any, ansible: Path) -> Any:
    """A fleet that is there, proved, and asked for a change that none of its members has yet."""

    def made(asked: dict[str, Any], more: dict[str, Any], policy: dict[str, Any]) -> Fleet:
        hosts: dict[str, dict[str, Any]] = {"hc1": {}, "hc2": {}}
        for name, (cluster, wave) in PLACES.items():
            own = {"vcluster_wave": wave, "vcluster_values": asked, **policy, **more.get(name, {})}
            hosts[cluster][name] = {**ASKED, **own}
        fleet: Fleet = replace(make_fleet(hosts), ansible=ansible)
        return fleet

    def asked(policy: dict[str, Any] | None = None, **broken: dict[str, Any]) -> Fleet:
        made(values[-1], {}, {}).play("site").succeeded()
        env = [{"name": "TURN", "value": str(len(values))}]
        values.append({"controlPlane": {"statefulSet": {"env": env}}})
        names = {key.replace("_", "-"): value for key, value in broken.items()}
        return made(values[-1], names, policy or {})

    return asked


def recap(run: Run) -> dict[str, tuple[bool, bool]]:
    """Whether each host changed, and whether it failed; nobody is ever `unreachable` (G46)."""
    found = RECAP.findall(run.output)
    assert found, run.output
    assert all(unreachable == "0" for _host, _changed, unreachable, _failed in found)
    return {host: (changed != "0", failed != "0") for host, changed, _u, failed in found}


def changed_in(run: Run) -> set[str]:
    return {host for host, (changed, _failed) in recap(run).items() if changed}


def failed_in(run: Run) -> set[str]:
    return {host for host, (_changed, failed) in recap(run).items() if failed}


def finished(fleet: Fleet, run: Run | None = None) -> None:
    """Going on is running again: what is left is done, and then there is nothing."""
    healed = replace(fleet, inventory=fleet.inventory.with_name("healed.yml"))
    content = yaml.safe_load(fleet.inventory.read_text())
    for group in content["all"]["children"].values():
        for variables in group["hosts"].values():
            variables.pop("vcluster_timeouts", None)
    healed.inventory.write_text(yaml.safe_dump(content))
    again = healed.play("site").succeeded()
    if run is not None:
        done = {host for host in changed_in(run) if host not in failed_in(run)}
        assert not done & changed_in(again), "what was done stays done"
    assert "0 to change, 4 unchanged" in healed.play("plan").succeeded().output


def test_g50_a_broken_canary_halts_everything(rollout: Any) -> None:
    fleet = rollout(it_w1=BROKEN)
    run = fleet.play("site").failed()
    assert run.returncode == 2
    assert failed_in(run) == {"it-w1"}
    assert changed_in(run) == set(), "the recap counts a failed task as failed only"
    assert "Halted: wave 1 broke its budget; 3 not reached." in run.output
    finished(fleet, run)


def test_g50_a_wave_that_fails_as_a_whole_breaks_its_budget(rollout: Any) -> None:
    fleet = rollout({"vcluster_wave_budget": {"2": 1}}, it_w2a=BROKEN, it_w2b=BROKEN)
    run = fleet.play("site").failed()
    assert run.returncode == 2
    assert failed_in(run) == {"it-w2a", "it-w2b"}
    assert changed_in(run) == {"it-w1"}
    assert "Halted: wave 2 broke its budget; 1 not reached." in run.output
    finished(fleet, run)


def test_g50_a_wave_within_its_budget_goes_on_and_the_run_fails_in_the_end(rollout: Any) -> None:
    fleet = rollout({"vcluster_wave_budget": {"2": "50%"}}, it_w2a=BROKEN)
    run = fleet.play("site").failed()
    assert run.returncode == 2
    assert failed_in(run) == {"it-w2a"}
    assert changed_in(run) == set(PLACES) - {"it-w2a"}
    assert "Halted" not in run.output
    finished(fleet, run)


def test_g46_a_host_cluster_cut_off_in_the_middle_counts_and_the_rest_goes_on(rollout: Any) -> None:
    fleet = rollout({"vcluster_wave_budget": {"2": 1}})
    with cut("hc2") as cut_off:
        run = watched(fleet, "PLAY [Wave 2]", cut_off)
    assert run.returncode == 2
    assert failed_in(run) == {"it-w2b"}
    assert {"it-w1", "it-w2a", "it-w3"} <= changed_in(run)
    assert "hc2" in run.output
    finished(fleet, run)


def test_g48_a_controller_killed_between_waves_leaves_work_for_the_next_run(rollout: Any) -> None:
    fleet = rollout()
    kill_at(fleet, "PLAY [Wave 2]")
    finished(fleet)


def test_g24_a_second_run_at_once_waits_or_finds_it_done(rollout: Any) -> None:
    fleet = rollout()
    other = started(fleet)
    run = fleet.play("site")
    output, _ = other.communicate(timeout=600)
    assert (run.returncode, other.returncode) == (0, 0), run.output + output
    finished(fleet)


def test_a_limit_is_the_whole_run(rollout: Any) -> None:
    fleet = rollout()
    run = fleet.play("site", "--limit", "it-w2a,it-w3").succeeded()
    assert set(recap(run)) == changed_in(run) == {"it-w2a", "it-w3"}
    finished(fleet, run)


def test_slices_of_a_job_finish_apart(rollout: Any) -> None:
    """AWX cuts the inventory into slices, each a job with its own waves."""
    fleet = rollout()
    for slice_of in ("all[0:1]", "all[2:3]"):
        assert len(changed_in(fleet.play("site", "--limit", slice_of).succeeded())) == 2
    finished(fleet)
