# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Waves: budgets, the latch over all earlier waves, refused hosts."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    Refused,
    Unreachable,
)
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._waves import (
    OUTCOME,
    PLAN,
    Entry,
    budgets,
    failed_hosts,
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
    assert wave_of(wrong, errors) == 1
    assert "vcluster_wave" in errors[0]
