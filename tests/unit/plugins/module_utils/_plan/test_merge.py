# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The three-way comparison: asked, by hand, gone and foreign."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from paper import Running, chart, installed, said, spec, trees

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Release
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.merge import (
    three_way,
    without,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.values import (
    leaves,
    merged,
    pointer,
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
