# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine of the care of a store, with an etcd of one member on paper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from fakes import NOW, Cut, World
from saved import Host, Member, deploy

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.care import DAY, MIB, Point
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import Unreachable
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.etcd import MemberStatus
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Applied,
    Proved,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate import wait
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.all_verbs import SIMPLE
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import answer
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.maintenance import (
    run_maintenance,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.options import spec_of
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.taking import COPYING
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.verify import run_verify
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores import etcd_care

ARGUMENTS = {"name": "tenant-a", "kubeconfig": "/k/hc1", "proof": "read"}
TIMES = {"timeouts": {"proof": 1, "rollout": 1, "total": 60}}
QUOTA = 2048 * MIB
Care = Callable[..., dict[str, Any]]


@dataclass
class Etcd(Member):
    """One member with a size."""

    world: Any = None
    size: int = 100 * MIB
    in_use: int = 90 * MIB
    alarms: tuple[str, ...] = ()
    quorum: str = "1"

    def status(self) -> MemberStatus:
        return MemberStatus(
            "1", "3.6.8", self.quorum, self.size, QUOTA, 50, 1, False, self.alarms, self.in_use
        )

    def hash(self, revision: int) -> tuple[int, int]:
        return 1, 40

    def compact(self, revision: int) -> None:
        self.world.change(f"compact {revision}")
        self.in_use = 60 * MIB

    def defragment(self) -> None:
        self.world.change("defragment")
        self.size = self.in_use

    def disarm(self) -> None:
        self.world.change("disarm")
        self.alarms = ()


@pytest.fixture
def store(world: World) -> Etcd:
    deploy(world)
    newest = replace(world.releases[-1], applied=Applied("0" * 20, 1), proved=Proved(NOW))
    world.releases[-1] = newest
    return Etcd(world=world)


@pytest.fixture
def care(world: World, store: Etcd, monkeypatch: pytest.MonkeyPatch) -> Care:
    monkeypatch.setattr(wait, "PAUSE", 0.0)
    monkeypatch.setattr(etcd_care, "PAUSE", 0.0)

    def run(engine: Any = run_maintenance, check: bool = False, **more: Any) -> dict[str, Any]:
        context = Context(check=check, connect=lambda _access, _warn: Host(world, store))
        return answer(engine, {**ARGUMENTS, **TIMES, **more}, context)

    return run


def test_nothing_is_due_and_nothing_is_changed_but_the_look_is_kept(
    care: Care, world: World
) -> None:
    result = care()
    assert (result["changed"], result["outcome"]) == (False, "unchanged")
    assert "100 MiB, 90 MiB in use, quota 2,048 MiB" in result["msg"]
    assert world.log == []
    assert world.points == (Point(int(NOW.timestamp()), 90 * MIB),)


def test_check_mode_tells_what_would_be_done_and_keeps_nothing(
    care: Care, world: World, store: Etcd
) -> None:
    care(check=True)
    store.in_use = 10 * MIB
    store.size = 500 * MIB
    result = care(check=True)
    assert (result["changed"], result["outcome"]) == (True, "planned")
    assert "would defragment: rewrite tenant-a-etcd-0, 490 MiB of 500 MiB are free" in result["msg"]
    assert "the only member answers nobody" in result["msg"]
    assert (world.log, world.points) == ([], ())


def test_g43_what_is_due_is_done_and_proved(care: Care, world: World, store: Etcd) -> None:
    store.size, store.in_use = 500 * MIB, 10 * MIB
    result = care()
    assert not result["failed"], result["msg"]
    assert (result["changed"], result["outcome"], result["steps"]) == (True, "done", ["defragment"])
    assert result["told"] == "500.0 MiB -> 10.0 MiB"
    assert {check["id"] for check in result["checks"]} >= {"etcd_quorum", "store_care"}
    assert world.log == ["defragment"]
    assert care()["changed"] is False


def test_g43_nospace_is_healed_in_three_steps(care: Care, world: World, store: Etcd) -> None:
    store.size, store.in_use, store.alarms = QUOTA, QUOTA - MIB, ("NOSPACE",)
    result = care()
    assert not result["failed"], result["msg"]
    assert world.log == ["compact 40", "defragment", "disarm"]
    assert result["store"]["alarms"] == ()


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_g48_cut_off_anywhere_the_next_run_finishes(
    care: Care, world: World, store: Etcd, cut: int
) -> None:
    store.size, store.in_use, store.alarms = QUOTA, QUOTA - MIB, ("NOSPACE",)
    world.cut_before = cut
    with pytest.raises(Cut):
        care()
    world.cut_before = 0
    result = care()
    assert not result["failed"], result["msg"]
    assert (store.alarms, store.size) == ((), 60 * MIB)
    assert care()["changed"] is False


def test_g43_members_that_are_not_well_are_left_alone(
    care: Care, world: World, store: Etcd
) -> None:
    store.size, store.in_use, store.quorum = 500 * MIB, 10 * MIB, "0"
    result = care()
    assert (result["failed"], result["outcome"]) == (True, "refused")
    assert "no leader is known to tenant-a-etcd-0" in result["msg"]
    assert world.log == []


def test_a_store_that_does_not_answer_is_no_store_that_is_well(
    care: Care, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(_self: Etcd) -> MemberStatus:
        raise Unreachable("tenant-a-etcd-0 does not answer.")

    monkeypatch.setattr(Etcd, "status", silent)
    result = care()
    assert result["failed"]
    assert "cannot be looked at: tenant-a-etcd-0 does not answer" in result["msg"]
    assert world.log == []


def test_g24_another_run_holds_it(care: Care, world: World, store: Etcd) -> None:
    store.size, store.in_use, world.holder = 500 * MIB, 10 * MIB, "somebody"
    result = care()
    assert result["outcome"] == "locked"
    assert world.log == []


def test_what_fails_in_the_middle_tells_what_was_done(
    care: Care, world: World, store: Etcd, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.size, store.in_use, store.alarms = QUOTA, QUOTA, ("NOSPACE",)
    monkeypatch.setattr(Etcd, "compact", lambda _self, _revision: None)
    result = care()
    assert (result["failed"], result["changed"], result["outcome"]) == (True, True, "failed")
    assert result["steps"] == ["compact", "defragment"]
    assert "--quota-backend-bytes" in result["msg"]


def test_g48_a_control_plane_that_was_left_stopped_is_started_first(
    care: Care, world: World, store: Etcd
) -> None:
    plane, etcd = world.workloads
    stopped = replace(plane, annotations={COPYING: "true"}, replicas=0, ready=0, updated=0, total=0)
    world.workloads = (stopped, etcd)
    assert "would start the control plane" in care(check=True)["msg"]
    assert world.log == []
    result = care()
    assert not result["failed"], result["msg"]
    assert result["steps"] == ["repair"]
    assert world.workloads[0].replicas == 1
    assert COPYING not in world.workloads[0].annotations


def test_g34_a_paused_one_is_left_alone(care: Care, world: World) -> None:
    world.workloads = tuple(
        replace(found, annotations={"loft.sh/paused": "true"}) for found in world.workloads
    )
    assert care()["outcome"] == "refused"


def test_g44_verify_tells_what_is_due_and_the_day_it_is_full_and_notes_both(
    care: Care, world: World, store: Etcd
) -> None:
    at = int(NOW.timestamp())
    world.points = tuple(Point(at - day * DAY, (1990 - 20 * day) * MIB) for day in (3, 2, 1))
    store.size, store.in_use = 2000 * MIB, 1990 * MIB
    result = care(run_verify)
    (check,) = [found for found in result["checks"] if found["id"] == "store_care"]
    assert check["status"] == "warn"
    assert "full on 2026-11-27" in check["evidence"]
    assert "97 % of its quota" in check["evidence"]
    assert world.points[-1] == Point(at - DAY, 1970 * MIB), "etcd_size fails, so nothing is noted"
    store.size, store.in_use = 1500 * MIB, 1490 * MIB
    care(run_verify)
    assert world.points[-1] == Point(at, 1490 * MIB)
    proved = world.releases[-1].proved
    assert proved is not None
    assert "73 % of its quota" in proved.care


def test_site_tells_it_and_does_nothing(world: World, store: Etcd) -> None:
    context = Context()
    host, spec = Host(world, store), spec_of(ARGUMENTS, context)
    proved = Proved(NOW, care="rewrite tenant-a-etcd-0")
    world.releases[-1] = replace(world.releases[-1], proved=proved)
    planned = SIMPLE["site"]().plan(spec, host.observe(spec), host, context)
    assert planned is not None
    assert {step.kind.value for step in planned.plan.steps} <= {"prove", "values"}
    assert any("was due for care" in finding.what for finding in planned.plan.findings)
    other = SIMPLE["scale"]().plan(spec, host.observe(spec), host, context)
    assert other is not None
    assert not any("due for care" in finding.what for finding in other.plan.findings)


def test_the_verb_plans_what_the_module_would_do(world: World, store: Etcd) -> None:
    context = Context()
    host, spec = Host(world, store), spec_of(ARGUMENTS, context)
    store.size, store.in_use = 500 * MIB, 10 * MIB
    verb = SIMPLE["maintenance"]()
    verb.prepare([spec], host, context)
    planned = verb.plan(spec, host.observe(spec), host, context)
    assert planned is not None
    assert planned.plan.kinds == ("defragment",)
    store.in_use = store.size
    verb = SIMPLE["maintenance"]()
    verb.prepare([spec], host, context)
    planned = verb.plan(spec, host.observe(spec), host, context)
    assert planned is not None
    assert planned.plan.steps == ()
