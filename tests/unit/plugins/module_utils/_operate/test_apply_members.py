# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps that change the members of the store: what is done around Helm, and on the way back."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from fakes import Cut, FakeHelm, FakeHost, World

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    REMOVED,
    MemberList,
    Observation,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import Members
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate import (
    apply,
    planning,
    verify,
    wait,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.wait import Deadline

IMPATIENT = {"total": 5, "rollout": 1, "proof": 1, "lock": 0}


@dataclass
class Store:
    """Who the members are by their own word."""

    voters: set[int] = field(default_factory=set)
    learners: set[int] = field(default_factory=set)

    @property
    def listed(self) -> MemberList:
        return MemberList(frozenset(self.voters), frozenset(self.learners))


@dataclass
class Work:
    """Members that do as they are told; each change of them is one of the world."""

    world: World
    store: Store
    change: Members
    refuses: str = ""

    def prepare(self) -> None:
        if self.refuses:
            raise FleetError(self.refuses)
        self.world.change(f"prepare {self.change.before}->{self.change.after}")
        if self.change.after > self.change.before:
            self.store.learners |= {self.change.before} - self.store.voters
        else:
            for members in (self.store.voters, self.store.learners):
                members &= set(range(self.change.after))

    def follow(self) -> None:
        self.world.change(f"follow {self.change.before}->{self.change.after}")

    def nudge(self) -> bool:
        if self.store.learners:
            self.world.change("a learner votes")
        self.store.voters |= self.store.learners
        self.store.learners.clear()
        return True


@pytest.fixture
def refuses() -> list[str]:
    """Words with which the next work refuses."""
    return []


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture(autouse=True)
def members(
    world: World, store: Store, refuses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def change_members(_spec: Any, _seen: Any, change: Members, _work: Any) -> Work:
        return Work(world, store, change, refuses[0] if refuses else "")

    def proved(spec: Any, host: Any, context: Any, deadline: Deadline) -> Any:
        return verify.prove(spec, host, context, Deadline(0.05, deadline))

    def listed(_spec: Any, seen: Observation, _reach: Any) -> MemberList | None:
        etcd = seen.workload("etcd")
        if etcd and not store.voters:
            store.voters = set(range(etcd.replicas))
        return store.listed if etcd else None

    observes = FakeHost.observe

    def observe(host: FakeHost, spec: Any) -> Observation:
        """The logs of pods whose members were removed say so."""
        found, members = observes(host, spec), store.voters | store.learners
        etcd = found.workload("etcd")
        pods = set(range(etcd.replicas if etcd and members else 0))
        return replace(found, lost_members=dict.fromkeys(pods - members, REMOVED))

    monkeypatch.setattr(FakeHost, "observe", observe)
    monkeypatch.setattr(planning, "member_list", listed)
    monkeypatch.setattr(apply, "change_members", change_members)
    monkeypatch.setattr(apply, "prove", proved)
    monkeypatch.setattr(verify, "store_checks", lambda *_args: [])
    monkeypatch.setattr(wait, "PAUSE", 0.0)


def etcd(count: int) -> dict[str, Any]:
    return {"type": "etcd_deployed", "members": count}


def work_and_helm(world: World) -> list[str]:
    words = ("prepare", "follow", "helm changes", "helm rolls")
    return [line for line in world.log if line.startswith(words)]


def test_g05_each_member_is_prepared_before_helm_and_followed_after(run: Any, world: World) -> None:
    run(store=etcd(1))
    world.log.clear()
    result = run(store=etcd(3))
    assert (result["outcome"], result["steps"]) == ("done", ["scale_out", "scale_out"])
    assert work_and_helm(world) == [
        "prepare 1->2", "helm changes the objects", "follow 1->2",
        "prepare 2->3", "helm changes the objects", "follow 2->3",
    ]  # fmt: skip
    assert run(store=etcd(3))["outcome"] == "unchanged"


def test_g06_members_are_removed_before_helm_shrinks(run: Any, world: World) -> None:
    run(store=etcd(3))
    world.log.clear()
    assert run(store=etcd(1))["steps"] == ["scale_in"]
    assert work_and_helm(world) == ["prepare 3->1", "helm changes the objects", "follow 3->1"]


def test_g06_what_the_members_refuse_ends_the_run_before_helm(
    run: Any, world: World, refuses: list[str]
) -> None:
    run(store=etcd(3))
    world.log.clear()
    refuses.append("2 of 3 members answer")
    result = run(store=etcd(1))
    assert (result["failed"], result["outcome"]) == (True, "failed")
    assert "2 of 3 members answer" in result["msg"]
    assert work_and_helm(world) == []


def test_a_member_that_is_not_proved_goes_again_and_the_one_before_it_stays(
    run: Any, world: World
) -> None:
    run(store=etcd(1))
    asked = {"store": etcd(3)}
    world.broken_when = run(check=True, **asked)["plan"]["steps"][1]["values"]
    world.log.clear()
    result = run(timeouts=IMPATIENT, **asked)
    assert (result["outcome"], result["steps"]) == ("rolled_back", ["scale_out"])
    assert work_and_helm(world)[3:] == [
        "prepare 2->3", "helm changes the objects", "follow 2->3",
        "prepare 3->2", "helm rolls back to 2", "follow 3->2",
    ]  # fmt: skip
    world.broken_when = None
    assert run(**asked)["steps"] == ["scale_out"]


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1)])
@pytest.mark.parametrize("back", [False, True])
def test_g48_cut_off_before_every_change_the_next_run_converges(
    run: Any, world: World, store: Store, before: int, after: int, back: bool
) -> None:
    """Also where the next one is asked for the count that was there before."""
    run(store=etcd(before))
    installed = len(world.log)
    run(store=etcd(after))
    changes = len(world.log) - installed
    assert changes >= 6
    wanted = before if back else after
    for number in range(1, changes + 1):
        world.__dict__.update(World().__dict__)
        store.__dict__.update(Store().__dict__)
        run(store=etcd(before))
        world.cut_before = len(world.log) + number
        with pytest.raises(Cut):
            run(store=etcd(after))
        world.cut_before = 0
        again = run(store=etcd(wanted))
        assert not again.get("failed"), (number, again)
        assert world.workloads[1].replicas == wanted
        assert store == Store(set(range(wanted)))
        assert run(store=etcd(wanted))["outcome"] == "unchanged", number


def test_the_view_of_sizes_leaves_no_label_while_more_is_asked_for(run: Any, world: World) -> None:
    run(store=etcd(1))
    asked = {"store": etcd(3), "values": {"telemetry": {"enabled": False}}}
    assert run(view="size", **asked)["steps"] == ["scale_out", "scale_out"]
    assert "telemetry" not in (world.releases[-1].values or {})
    assert run(view="size", **asked)["outcome"] == "unchanged"
    assert run(**asked)["steps"] == ["values"]
    assert run(**asked)["outcome"] == "unchanged"


def test_helm_itself_failing_leaves_the_rest_to_the_next_run(
    run: Any, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(store=etcd(1))

    def fails(*_args: Any, **_more: Any) -> None:
        raise FleetError("admission webhook denied the request")

    with monkeypatch.context() as patch:
        patch.setattr(FakeHelm, "upgrade", fails)
        result = run(store=etcd(3))
    assert (result["outcome"], result["steps"]) == ("failed", [])
    assert run(store=etcd(3))["steps"] == ["scale_out", "scale_out"]
