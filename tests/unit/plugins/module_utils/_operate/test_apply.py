# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps, their proof and the way back, over a host cluster in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from fakes import Cut, FakeHelm, FakeHost, FakeLock, World
from world import CERTIFICATES_END

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    HelmError,
    Locked,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    UNFINISHED,
    Release,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate import apply, verify, wait
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.wait import Deadline

SAFE_TIMEOUTS = {"total": 5, "rollout": 1, "proof": 1, "lock": 0}


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proof that does not pass at once is given up soon."""

    def proved(spec: Spec, host: Any, context: Any, deadline: Deadline) -> Any:
        return verify.prove(spec, host, context, Deadline(0.05, deadline))

    monkeypatch.setattr(apply, "prove", proved)


def test_the_time_of_a_proof_and_the_end_of_its_certificates_are_noted(
    run: Any, world: World
) -> None:
    run()
    assert world.newest and world.newest.proved
    end = world.newest.proved.certificates_end
    assert end == CERTIFICATES_END


def test_when_it_began_and_what_ran_in_the_end_is_in_the_result(run: Any) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    result = run()
    assert result["began"].endswith("Z")
    assert before <= datetime.fromisoformat(result["began"]) <= datetime.now(UTC)
    assert (result["live"]["version"], result["live"]["replicas"]) == ("0.36.1", "1/1")


def test_what_runs_after_a_step_that_was_not_proved_is_not_told(
    run: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.deploy("tenant-a", "0.35.3", {})
    upgrade = FakeHelm.upgrade

    def second_fails(*args: Any, **more: Any) -> None:
        if len(world.releases) > 1:
            raise HelmError("admission webhook denied the request")
        upgrade(*args, **more)

    monkeypatch.setattr(FakeHelm, "upgrade", second_fails)
    result = run(kubernetes_version="1.36.1", rollback="never")
    assert (result["outcome"], result["steps"]) == ("failed", ["prove", "chart_hop"])
    assert result["live"] == {}


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


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        ({"values": {"telemetry": {"enabled": False}}}, "values"),
        ({"resources": {"requests": {"memory": "900Gi"}}}, "resize"),
    ],
)
def test_what_does_not_become_ready_goes_back_like_what_is_not_proved(
    run: Any, world: World, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], kind: str
) -> None:
    run()
    assert world.newest
    before, deploy = world.newest.values, World.deploy

    def deployed(self: World, name: str, version: str, values: Any) -> None:
        deploy(self, name, version, values)
        if values != before:
            self.workloads = tuple(replace(w, ready=0, updated=0) for w in self.workloads)

    monkeypatch.setattr(World, "deploy", deployed)
    result = run(timeouts=SAFE_TIMEOUTS, **asked)
    assert (result["outcome"], result["begun"]) == ("rolled_back", [kind]), result["msg"]
    assert "The values of revision 1 are back and proved" in result["msg"]
    assert world.newest.values == before
    kept = run(timeouts=SAFE_TIMEOUTS, rollback="never", **asked)
    assert kept["outcome"] == "failed"


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


def test_g49_only_the_last_step_of_a_plan_makes_the_vcluster_a_no_op(
    run: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.deploy("tenant-a", "0.35.3", {})
    digests: list[str] = []
    mark = FakeHost.mark

    def marks(self: FakeHost, spec: Any, revision: int, digest: str, *more: Any) -> None:
        digests.append(digest)
        mark(self, spec, revision, digest, *more)

    monkeypatch.setattr(FakeHost, "mark", marks)
    asked = {"kubernetes_version": "1.36.1", "rollback": "never"}
    assert run(**asked)["steps"] == ["prove", "chart_hop", "kubernetes_hop"]
    assert digests[:2] == [UNFINISHED] * 2
    assert UNFINISHED not in digests[2:]
    assert run(**asked)["outcome"] == "unchanged"


def test_where_it_never_goes_back_a_hop_that_is_not_proved_stays(run: Any, world: World) -> None:
    run(version="0.35.3")
    world.broken_when = run(check=True, rollback="never")["plan"]["steps"][1]["values"]
    result = run(timeouts=SAFE_TIMEOUTS, rollback="never")
    assert (result["outcome"], result["changed"], result["steps"]) == ("failed", True, ["prove"])
    assert world.newest and world.newest.chart_version == "0.36.1"
    assert not any("rolls back" in change for change in world.log)


def test_a_way_back_that_fails_too_says_both(
    run: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    asked = {"telemetry": {"enabled": False}}
    world.broken_when = run(check=True, values=asked)["plan"]["steps"][0]["values"]

    def refuses(*_args: Any) -> None:
        raise HelmError("rollback: release has no deployed revision")

    monkeypatch.setattr(FakeHelm, "rollback", refuses)
    result = run(values=asked, timeouts=SAFE_TIMEOUTS)
    assert result["outcome"] == "failed"
    assert "api_ready" in result["msg"]
    assert "Going back to revision 1 failed too: rollback: release has no" in result["msg"]


def test_what_was_rolled_back_is_planned_again_and_never_a_no_op(run: Any, world: World) -> None:
    run()
    asked = {"telemetry": {"enabled": False}}
    world.broken_when = run(check=True, values=asked)["plan"]["steps"][0]["values"]
    assert run(values=asked, timeouts=SAFE_TIMEOUTS)["outcome"] == "rolled_back"
    world.broken_when = None
    assert world.newest and world.newest.applied and world.newest.applied.digest == UNFINISHED
    assert run()["steps"] == ["prove"]


def test_a_helm_that_fails_ends_the_run_with_its_words_and_counts_as_a_change(
    run: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_args: Any, **_more: Any) -> None:
        raise HelmError("admission webhook denied the request")

    monkeypatch.setattr(FakeHelm, "upgrade", fails)
    result = run()
    assert (result["outcome"], result["changed"], result["steps"]) == ("failed", True, [])
    assert "admission webhook denied" in result["msg"]


def test_a_release_that_vanishes_during_the_run_is_not_marked(
    run: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    observe = FakeHost.observe
    monkeypatch.setattr(
        FakeHost, "observe", lambda self, spec: replace(observe(self, spec), release=None)
    )
    result = run()
    assert result["outcome"] == "failed"
    assert "its release is gone" in result["msg"]
    assert not any(change.startswith("mark") for change in world.log)


def lost_before(monkeypatch: pytest.MonkeyPatch, check: int) -> None:
    """The Lease is gone when it is looked at for the so-many-th time."""
    looks: list[int] = []

    def lost(self: FakeLock) -> None:
        looks.append(1)
        if len(looks) >= check:
            raise Locked("The Lease was lost: it is held by another now.")

    monkeypatch.setattr(FakeLock, "check", lost)


def test_g24_a_lock_lost_between_two_steps_leaves_the_first_in_the_result(
    run: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.deploy("tenant-a", "0.35.3", {})
    lost_before(monkeypatch, 5)
    result = run(kubernetes_version="1.36.1", rollback="never")
    assert (result["outcome"], result["failed"], result["changed"]) == ("locked", True, True)
    assert result["steps"] == result["begun"] == ["prove", "chart_hop"]
    assert {check["id"] for check in result["checks"]} >= {"api_ready"}
    assert result["live"]["version"] == "0.36.1"


def test_g24_a_lock_lost_before_the_first_step_changed_nothing(
    run: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost_before(monkeypatch, 1)
    result = run()
    assert (result["outcome"], result["changed"], result["begun"]) == ("locked", False, [])
    assert not any("helm" in change for change in world.log)


@pytest.mark.parametrize("place", ["look", "prove"])
def test_a_defect_after_helm_ran_says_what_was_begun(
    run: Any, world: World, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def breaks(*_args: Any, **_more: Any) -> Any:
        raise KeyError("resourceVersion")

    monkeypatch.setattr(*{"look": (wait, "look"), "prove": (apply, "prove")}[place], breaks)
    result = run()
    assert (result["outcome"], result["failed"], result["changed"]) == ("failed", True, True)
    assert (result["steps"], result["begun"]) == ([], ["install"])
    assert "KeyError" in result["msg"] and "report it" in result["msg"]
    assert world.newest and world.newest.status == "deployed"


def test_a_defect_on_the_way_back_says_so_too(
    run: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    asked = {"telemetry": {"enabled": False}}
    world.broken_when = run(check=True, values=asked)["plan"]["steps"][0]["values"]

    def breaks(*_args: Any) -> None:
        raise KeyError("x")

    monkeypatch.setattr(FakeHelm, "rollback", breaks)
    result = run(values=asked, timeouts=SAFE_TIMEOUTS)
    assert (result["outcome"], result["changed"], result["begun"]) == ("failed", True, ["values"])
    assert "api_ready" in result["msg"] and "KeyError" in result["msg"]


def test_g52_an_adopted_vcluster_gets_a_budget_only_when_it_is_asked_for(
    run: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # There are no members to ask here.
    monkeypatch.setattr(verify, "store_checks", lambda *_args: [])
    stateful_set = {
        "highAvailability": {"replicas": 3},
        "persistence": {"volumeClaim": {"enabled": True}},
    }
    etcd = {"deploy": {"enabled": True, "statefulSet": stateful_set}}
    for wanted, made in ((None, False), (True, True)):
        world.releases.clear()
        world.deploy("tenant-a", "0.36.1", {"controlPlane": {"backingStore": {"etcd": etcd}}})
        asked = {"defaults": {"disruption_budgets": wanted}, "timeouts": SAFE_TIMEOUTS}
        assert run(store=None, **asked)["outcome"] in ("adopted", "done")
        assert ("create PodDisruptionBudget" in world.log) is made
