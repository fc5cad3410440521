# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waves: budgets, the latch over all earlier waves, refused hosts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    Refused,
    Unreachable,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import Kind, Plan, Step
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.inventory import spec_from
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._waves import (
    OUTCOME,
    PLAN,
    UNASSIGNED,
    Entry,
    another_follows,
    approved_only,
    assigned,
    budgets,
    failed,
    failed_hosts,
    halted_after,
    outcome_of,
    policy_errors,
    unproved_hosts,
    wave_hosts,
    wave_of,
    waves_of,
)

GOOD = {OUTCOME: {"failed": False}}
BAD = {OUTCOME: {"failed": True}}


def variables(waves: dict[str, list[str]], results: dict[str, Any], **plan: Any) -> dict[str, Any]:
    made = {PLAN: {"waves": waves, **plan}}
    hosts = [host for members in waves.values() for host in members]
    return {"unplanned": {}, **{host: {**made, **results.get(host, {})} for host in hosts}}


def test_a_wave_begins_when_the_earlier_ones_kept_their_budget() -> None:
    found = variables({"1": ["a"], "2": ["b", "c"]}, {"a": GOOD}, budgets={"1": 0})
    assert wave_hosts(found, 2) == ["b", "c"]


def test_g46_an_unreachable_canary_halts() -> None:
    found = variables({"1": ["a"], "2": ["b"], "3": ["c"]}, {"a": BAD}, budgets={})
    assert wave_hosts(found, 2) == []
    assert wave_hosts(found, 3) == []
    assert failed_hosts(found) == ["a"]


def test_a_broken_budget_latches_over_waves_that_did_not_begin() -> None:
    waves = {"1": ["a"], "2": ["b", "c"], "4": ["d"]}
    results = {"a": GOOD, "b": BAD, "c": BAD}
    assert wave_hosts(variables(waves, results, budgets={"2": 1}), 4) == []
    assert wave_hosts(variables(waves, results, budgets={"2": 2}), 4) == ["d"]


def test_a_host_of_a_wave_that_began_without_a_result_has_failed() -> None:
    found = variables({"1": ["a", "b"], "2": ["c"]}, {"a": GOOD}, budgets={"1": 0})
    assert wave_hosts(found, 2) == []
    assert failed_hosts(found) == ["b"]


def test_a_refused_host_fails_and_counts_for_no_budget() -> None:
    found = variables(
        {"1": ["a", "x"], "2": ["b"]}, {"a": GOOD, "x": BAD, "b": GOOD}, refused=["x"]
    )
    assert wave_hosts(found, 2) == ["b"]
    assert failed_hosts(found) == ["x"]


def test_what_broke_in_the_soak_counts_for_the_budget_of_its_wave() -> None:
    broken = {**GOOD, "fleetops_soak": {"broken": {"a": "restarts: a-0 1"}}}
    found = variables({"1": ["a"], "2": ["b"]}, {"a": broken, "b": GOOD}, budgets={"1": 0})
    assert wave_hosts(found, 2) == []
    assert failed_hosts(found) == ["a"]
    outcome = outcome_of(found, "a")
    assert outcome is not None
    assert (outcome["outcome"], outcome["msg"]) == ("broke in the soak", "restarts: a-0 1")


def test_what_broke_is_asked_of_its_own_host_only() -> None:
    broken = {**GOOD, "fleetops_soak": {"broken": {"b": "restarts: b-0 1"}}}
    assert not failed(variables({"1": ["a"]}, {"a": broken}), "a")


def fleet(names: str, **more: Any) -> list[Entry]:
    """Entries a1, a2, b1 ... on host clusters a, b ..., with something to do."""
    change = Plan((Step(Kind.VALUES, "asked for"),))
    return [
        Entry(
            name,
            UNASSIGNED,
            spec=spec_from({"name": name, "kubeconfig": f"/k/{name[0]}"}),
            **{"plan": change, **more},
        )
        for name in names.split()
    ]


@pytest.mark.parametrize(
    ("sizes", "waves"),
    [
        ([1, "10%", "100%"], [1, 1, 8]),
        ([2], [2, 2, 2, 2, 2]),
        ([1, "50%"], [1, 5, 4]),
        (["100%"], [10]),
        ([1], [1] * 10),
        ([3, 100], [3, 7]),
    ],
)
def test_hosts_without_a_wave_are_spread_by_sizes(sizes: list[Any], waves: list[int]) -> None:
    found = assigned(fleet(" ".join(f"a{n}" for n in range(10))), sizes)
    assert [len(members) for members in waves_of(found).values()] == waves


def test_the_last_wave_takes_the_rest() -> None:
    found = waves_of(assigned(fleet(" ".join(f"a{n}" for n in range(14))), [1]))
    assert [len(members) for members in found.values()] == [1] * 9 + [5]


def test_host_clusters_take_turns() -> None:
    found = waves_of(assigned(fleet("a1 a2 a3 b1 c1"), [2, "100%"]))
    assert found == {"1": ["a1", "b1"], "2": ["c1", "a2", "a3"]}


def test_a_written_wave_stays_and_what_has_nothing_to_do_takes_no_place() -> None:
    written = [replace(entry, wave=4) for entry in fleet("a1")]
    idle = fleet("a2", plan=Plan())
    found = assigned([*written, *idle, *fleet("a3 a4")], [1, "100%"])
    assert [entry.wave for entry in found] == [4, 1, 1, 2]


@pytest.mark.parametrize(
    ("policy", "wrong"),
    [
        ({"wave_sizes": []}, "vcluster_wave_sizes"),
        ({"wave_sizes": "10%"}, "vcluster_wave_sizes"),
        ({"wave_sizes": [1, "ten"]}, "vcluster_wave_sizes"),
        ({"wave_sizes": [0]}, "vcluster_wave_sizes"),
        ({"wave_budget": "some"}, "vcluster_wave_budget"),
        ({"wave_budget": {"2": True}}, "vcluster_wave_budget"),
        ({"concurrency": "many"}, "vcluster_concurrency"),
        ({"concurrency": [3]}, "vcluster_concurrency"),
        ({"concurrency": 0}, "vcluster_concurrency"),
        ({"concurrency": -1}, "vcluster_concurrency"),
        ({"concurrency": True}, "vcluster_concurrency"),
        ({"concurrency": "10%"}, "vcluster_concurrency"),
        ({"concurrency": 2.5}, "vcluster_concurrency"),
        ({"concurrency": "3"}, ""),
        ({"concurrency": None}, ""),
        ({"wave_sizes": [1, "10 %"], "wave_budget": {"2": "5%"}}, ""),
    ],
)
def test_a_wrong_policy_is_told(policy: dict[str, Any], wrong: str) -> None:
    found = policy_errors(policy)
    assert [wrong in error for error in found] == ([True] if wrong else [])


def test_the_hosts_whose_proof_failed_are_read_from_any_host() -> None:
    proof = {"fleetops_proof": {"failures": {"b": "api_ready"}}}
    assert unproved_hosts({"unasked": {}, "a": proof, "b": proof}) == ["b"]
    assert unproved_hosts({"a": {}}) == []


def test_what_is_not_what_was_approved_is_refused() -> None:
    change = Plan((Step(Kind.VALUES, "asked for"),), digest="d1")
    entries = [*fleet("a1 a2 a3", plan=change), *fleet("a4", plan=Plan())]
    found = approved_only(entries, {"a1": "d1", "a2": "d0"})
    assert [entry.status for entry in found] == ["planned", "refused", "refused", "unchanged"]
    assert "not what was approved" in str(found[1].error)


def test_no_wave_after_the_last_that_was_asked_for() -> None:
    waves = {"1": ["a"], "2": ["b"]}
    found = variables(waves, {"a": GOOD}, budgets={"1": 0, "2": 0}, last_wave=1)
    assert wave_hosts(found, 1) == ["a"]
    assert wave_hosts(found, 2) == []
    assert failed_hosts(found) == []
    assert halted_after(found, found["a"][PLAN]) == 0


@pytest.mark.parametrize(
    ("waves", "result", "more", "follows"),
    [
        ({"1": ["a"], "3": ["b"]}, GOOD, {}, True),
        ({"1": ["a"], "3": ["b"]}, BAD, {}, False),
        ({"1": ["a"], "3": []}, GOOD, {}, False),
        ({"1": ["a"], "3": ["b"]}, GOOD, {"last_wave": 2}, False),
        ({"1": ["a"]}, GOOD, {}, False),
    ],
)
def test_a_wave_follows_where_one_would_have_hosts(
    waves: dict[str, list[str]], result: Any, more: dict[str, Any], follows: bool
) -> None:
    found = variables(waves, {"a": result}, **more)
    assert another_follows(found, 1) is follows
    assert any(wave_hosts(found, number) for number in range(2, 11)) is follows


def test_without_a_plan_nobody_is_in_a_wave() -> None:
    assert wave_hosts({"a": {}}, 1) == []
    assert failed_hosts({}) == []


def test_refused_hosts_come_in_the_first_wave_and_unreachable_ones_in_their_own() -> None:
    entries = [
        Entry("a", 2),
        Entry("b", 3, error=Refused(())),
        Entry("c", 3, error=Unreachable("away")),
    ]
    assert waves_of(entries) == {"2": ["a"], "1": ["b"], "3": ["c"]}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (None, 0),
        (2, 2),
        ("3", 3),
        ("50%", 2),
        ("10%", 0),
        ({"2": 1}, 1),
        ({"3": 1}, 0),
        ("many", 0),
    ],
)
def test_a_budget_is_a_number_a_percentage_or_one_by_wave(asked: Any, expected: int) -> None:
    entries = [Entry(name, 2) for name in "abcd"]
    fleet = {name: {"wave_budget": asked} if asked is not None else {} for name in "abcd"}
    assert budgets(entries, fleet) == {"2": expected}


def test_the_smallest_budget_of_a_wave_counts_and_the_canary_has_none() -> None:
    entries = [Entry("a", 1), Entry("b", 2), Entry("c", 2)]
    fleet = {"a": {"wave_budget": 5}, "b": {"wave_budget": 5}, "c": {"wave_budget": 1}}
    assert budgets(entries, fleet) == {"1": 0, "2": 1}


@pytest.mark.parametrize("wrong", [0, 11, "two", True, 1.5])
def test_a_wrong_wave_is_told(wrong: Any) -> None:
    errors: list[str] = []
    assert wave_of(wrong, errors) == UNASSIGNED
    assert "vcluster_wave" in errors[0]
