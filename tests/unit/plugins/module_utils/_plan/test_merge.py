# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The three-way comparison: asked, by hand, gone and foreign."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paper import Running, chart, installed, plane, said, spec, trees

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Release
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.merge import (
    same,
    three_way,
    without,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.values import (
    build,
    leaves,
    merged,
    pointer,
    read,
)


def test_g54_never_set_is_never_reset_and_removed_is_removed() -> None:
    asked = spec(values={"telemetry": {"enabled": False}})
    theirs = {**dict(installed(asked).values), "networking": {"podCIDR": "10.0.0.0/16"}}
    base = Release(
        3, "deployed", chart_version="0.36.1", values=theirs, foreign=("/networking/podCIDR",)
    )
    seen = Running(theirs).seen(base=base, release=base, last_good=base)
    step = plan(spec(), seen, chart()).steps[0]
    assert [(change.path, change.why) for change in step.changes] == [
        ("/telemetry/enabled", "removed")
    ]
    assert (step.values or {})["networking"] == {"podCIDR": "10.0.0.0/16"}


def test_g54_what_somebody_changed_by_hand_is_drift() -> None:
    asked = spec(values={"telemetry": {"enabled": False}})
    proved = installed(asked)
    by_hand = Release(
        4,
        "deployed",
        chart_version="0.36.1",
        values={**proved.values, "telemetry": {"enabled": True}},
    )
    step = plan(asked, proved.seen(release=by_hand, last_good=by_hand), chart()).steps[0]
    assert [(change.path, change.why) for change in step.changes] == [
        ("/telemetry/enabled", "drift")
    ]


@given(trees)
def test_nothing_asked_for_means_nothing_changed(live: dict[str, Any]) -> None:
    found = three_way(None, live, {})
    assert found.changes == ()
    assert found.values == said(live)
    assert set(found.foreign) == {pointer(path) for path, _value in leaves(live)}


@given(trees, trees, trees)
def test_comparing_again_after_the_change_finds_nothing(
    base: dict[str, Any], live: dict[str, Any], desired: dict[str, Any]
) -> None:
    first = three_way(base, live, desired)
    second = three_way(without(first.values, first.foreign), first.values, desired)
    assert second.changes == ()
    assert second.values == first.values
    assert second.foreign == first.foreign


@given(trees, trees)
def test_what_is_asked_for_is_there(live: dict[str, Any], desired: dict[str, Any]) -> None:
    wanted = dict(leaves(desired))
    found = dict(leaves(three_way(None, live, desired).values))
    assert {path: found.get(path) for path in wanted} == wanted


@given(trees, trees)
def test_what_is_no_longer_asked_for_goes(base: dict[str, Any], live: dict[str, Any]) -> None:
    kept = dict(leaves(three_way(base, merged(live, base), {}).values))
    assert not kept.keys() & dict(leaves(base)).keys()


NAMES = ("controlPlane", "proxy", "extraSANs")
lists = st.lists(st.sampled_from(["a", "b", "c", "d"]), unique=True)


def names(entries: list[str]) -> dict[str, Any]:
    return plane("proxy", "extraSANs", value=entries) if entries else {}


@given(lists, lists, lists)
def test_g54_entries_of_an_additive_list_are_asked_for_removed_or_foreign(
    base: list[str], live: list[str], desired: list[str]
) -> None:
    found = three_way(names(base), names(live), names(desired))
    entries = dict(leaves(found.values)).get(NAMES, [])
    foreign = [entry for entry in live if entry not in base and entry not in desired]
    assert sorted(entries) == sorted({*desired, *foreign})
    assert [entries[int(path.rpartition("/")[2])] for path in found.foreign] == foreign
    again = three_way(without(found.values, found.foreign), found.values, names(desired))
    assert again.changes == ()
    assert again.foreign == found.foreign


@given(lists, lists)
def test_g54_the_order_of_an_additive_list_is_no_difference(
    one: list[str], more: list[str]
) -> None:
    entries = list(dict.fromkeys([*one, *more]))
    assert three_way(None, names(entries), names(entries[::-1])).changes == ()


def test_g54_a_list_that_is_not_additive_is_replaced_as_a_whole() -> None:
    found = three_way({}, {"list": ["a", "b"]}, {"list": ["c"]})
    assert found.values == {"list": ["c"]}
    assert found.foreign == ()


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1, 1, True),
        (1, 1.0, True),
        (True, 1, False),
        (0, False, False),
        ([True], [1], False),
        ([1, 2], [1], False),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ({"a": [1]}, {"a": [1]}, True),
        (None, "", False),
        ("1", 1, False),
    ],
)
def test_a_boolean_is_no_number_however_deep(one: Any, other: Any, equal: bool) -> None:
    assert same(one, other) is equal
    assert same(other, one) is equal


@pytest.mark.parametrize(
    ("base", "live", "desired", "why"),
    [
        ({}, {}, {"a": 1}, "asked"),
        ({"a": 2}, {"a": 2}, {"a": 1}, "asked"),
        ({"a": 1}, {"a": 2}, {"a": 1}, "drift"),
        ({"a": 1}, {}, {"a": 1}, "drift"),
        ({"a": 1}, {"a": 2}, {}, "removed"),
        ({}, {"a": {"b": 1}}, {"a": 2}, "asked"),
    ],
)
def test_a_change_says_why(
    base: dict[str, Any], live: dict[str, Any], desired: dict[str, Any], why: str
) -> None:
    assert {change.why for change in three_way(base, live, desired).changes} == {why}


def test_a_change_that_is_laid_in_says_so() -> None:
    (change,) = three_way({}, {}, {"a": {"b": 1}}, {("a", "b")}).changes
    assert (change.path, change.before, change.after, change.why) == ("/a/b", None, 1, "default")


def test_a_number_and_a_switch_of_an_additive_list_are_not_taken_for_each_other() -> None:
    names = ("controlPlane", "proxy", "extraSANs")
    merge = three_way(None, build([(names, [True])]), build([(names, [1, True])]))
    assert read(merge.values, names) == [True, 1]
    assert [type(item) for item in read(merge.values, names)] == [bool, int]
