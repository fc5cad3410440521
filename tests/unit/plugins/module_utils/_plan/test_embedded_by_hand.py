# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Embedded etcd whose StatefulSet and release disagree: what a person, or a run that was cut off, left."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from embedded import (
    EMBEDDED,
    TELEMETRY,
    asking,
    claims,
    cut_off,
    ill,
    running,
    said,
    scaled_by_hand,
)
from paper import chart, refusing

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import View
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan

BACK_1, BACK_3, BACK_5 = (("scale_out", count) for count in (1, 3, 5))
HANDS = [
    # In the release, pods by hand, asked for; and those that are ready where not all are.
    (3, 1, 3, None, [BACK_3]),
    (3, 2, 3, None, [BACK_3]),
    (3, 0, 3, None, [BACK_3]),
    (3, 1, 3, 0, [BACK_3]),
    (1, 0, 1, None, [BACK_1]),
    (5, 1, 5, None, [BACK_5]),
    (5, 2, 5, 1, [BACK_5]),
    (3, 1, None, None, [BACK_3]),
    # They are back and proved before others come.
    (3, 1, 5, None, [BACK_3, ("scale_out", 5)]),
    (3, 2, 5, None, [BACK_3, ("scale_out", 5)]),
    (3, 0, 5, None, [BACK_3, ("scale_out", 5)]),
    (1, 0, 3, None, [BACK_1, ("scale_out", 3)]),
    # None goes for good while not all of the release are ready.
    (3, 1, 1, None, {"G06"}),
    (3, 1, 1, 0, {"G06"}),
    (3, 2, 1, None, {"G06"}),
    (3, 0, 1, None, {"G06"}),
    (5, 3, 3, None, {"G06"}),
    (5, 1, 3, None, {"G06"}),
    # More than in the release: each of them may vote.
    (1, 3, 3, None, [("values", 3)]),
    (1, 3, 1, None, [("prove", None), ("scale_in", 1)]),
    (1, 3, 1, 2, {"G06"}),
    (1, 2, 1, None, [("prove", None), ("scale_in", 1)]),
    (1, 2, 3, None, [("prove", None), ("scale_out", 3)]),
    (3, 4, 3, None, [("prove", None), ("scale_in", 3)]),
    (3, 5, 1, None, [("prove", None), ("scale_in", 3), ("scale_in", 1)]),
]


@pytest.mark.parametrize(("release", "pods", "wanted", "ready", "expected"), HANDS)
def test_g06_g09_g14_scaled_by_hand_all_that_may_vote_are_back_first(
    release: int, pods: int, wanted: int | None, ready: int | None, expected: Any
) -> None:
    seen = scaled_by_hand(running(release), pods)
    found = plan(asking(wanted), seen if ready is None else ill(seen, ready), chart())
    if isinstance(expected, set):
        assert refusing(found) == expected
        assert f"vcluster_replicas at {max(release, pods)}" in found.refusals[0].way_out
    else:
        assert said(found) == expected
    # Claims of members that vote are never called left over.
    assert not {f for f in found.findings if f.guard == "G14"}


STUCK, PROVED = ("repair", None), ("prove", None)
CUT = [
    # In the release that stands, in the one that was cut off, pods, asked for.
    (1, 3, 1, 3, [STUCK, PROVED, ("scale_out", 3)]),
    (1, 3, 1, 1, [STUCK, ("values", 1)]),
    (1, 3, 3, 3, [STUCK, ("values", 3)]),
    (1, 3, 3, 1, [STUCK, PROVED, ("scale_in", 1)]),
    (3, 1, 3, 1, [STUCK, PROVED, ("scale_in", 1)]),
    (3, 1, 3, 3, [STUCK, ("values", 3)]),
    # Helm took them away: what is left on their claims is old.
    (3, 1, 1, 1, [STUCK, ("values", 1)]),
    (3, 1, 1, 3, {"G14"}),
    (5, 3, 3, 1, [STUCK, PROVED, ("scale_in", 1)]),
    (5, 3, 3, 5, {"G14"}),
    # It did not: somebody did, before or after.
    (3, 3, 1, 3, [STUCK, BACK_3]),
    (3, 3, 1, 1, {"G06"}),
    (3, 1, 2, 3, [STUCK, BACK_3]),
    (3, 1, 2, 1, {"G06"}),
    (3, 1, 0, 3, [STUCK, BACK_3]),
    (3, 1, 0, 1, {"G06"}),
    (3, 5, 1, 3, [STUCK, BACK_3]),
    (3, 5, 1, 5, [STUCK, BACK_3, ("scale_out", 5)]),
]


@pytest.mark.parametrize(("release", "begun", "pods", "wanted", "expected"), CUT)
@pytest.mark.parametrize("status", ["pending-upgrade", "failed"])
def test_g06_g14_g48_cut_off_within_helm_only_that_one_may_have_taken_members_away(
    status: str, release: int, begun: int, pods: int, wanted: int, expected: Any
) -> None:
    seen = cut_off(scaled_by_hand(running(release), pods), begun, status)
    found = plan(asking(wanted), seen, chart())
    if isinstance(expected, set):
        assert refusing(found) == expected
    else:
        # What failed leaves no record in the way.
        assert said(found) == [step for step in expected if status != "failed" or step != STUCK]


def test_g09_what_comes_back_is_what_ran() -> None:
    """With the chart and the values of the release, in the view of sizes too; anything else comes after it."""
    seen = scaled_by_hand(running(3, version="0.35.0"), 1)
    assert seen.release
    asked = asking(5, values=TELEMETRY)
    found = plan(asked, seen, chart())
    assert said(found) == [
        BACK_3,
        ("prove", None),
        ("chart_hop", 3),
        ("values", 3),
        ("scale_out", 5),
    ]
    back = found.steps[0]
    assert (back.version, back.values, back.way_back) == ("0.35.0", seen.release.values, "none")
    assert back.reason == "replicas that are members of the store come back: 1, 2 (by ordinal)"
    assert [(c.before, c.after, c.why) for c in back.changes] == [(1, 3, "drift")]
    assert back.disruption.kind == "outage"
    assert said(plan(asked, seen, chart("0.35.0"), View.SIZE)) == [BACK_3, ("scale_out", 5)]
    values = plan(asking(3, values=TELEMETRY), scaled_by_hand(running(3), 1), chart())
    assert said(values) == [BACK_3, ("values", 3)]


def test_g12_claims_of_replicas_that_come_back_grow_with_the_others() -> None:
    asked = asking(3, store={**EMBEDDED, "size": "9Gi"})
    found = plan(asked, scaled_by_hand(running(3), 1), chart())
    assert said(found) == [BACK_3, ("resize", 3)]
    growth = found.steps[1].growth
    assert growth
    assert growth.claims == tuple(claim.name for claim in claims(0, 1, 2))


@pytest.mark.parametrize("kept", [(0,), (0, 1), (0, 2), ()])
def test_g06_nobody_who_votes_comes_back_without_his_claim(kept: tuple[int, ...]) -> None:
    seen = replace(scaled_by_hand(running(3), 1), claims=claims(*kept))
    found = plan(asking(3), seen, chart())
    assert refusing(found) == {"G06"}
    gone = [f"data-tenant-a-{n}" for n in (1, 2) if n not in kept]
    assert found.refusals[0].what.endswith(f"gone: {', '.join(gone)}.")
    assert "Disaster recovery" in found.refusals[0].way_out


def test_g25_members_do_not_come_back_with_an_older_chart_than_they_may_have_run_with() -> None:
    seen = cut_off(scaled_by_hand(running(3, version="0.35.0"), 1), 3)
    assert refusing(plan(asking(3), seen, chart())) == {"G25"}
