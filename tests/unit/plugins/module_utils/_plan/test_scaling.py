# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Counts in a plan: replicas and members, each in steps of its own."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest
from counts import (
    EXISTING,
    ahead,
    asking,
    deployed,
    members_in,
    replicas_in,
    running,
    said,
    seen_as,
)
from hypothesis import given
from hypothesis import strategies as st
from paper import EXTERNAL, NOTHING, TLS, Running, chart, installed, plane, refusing, spec, warning

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    EMPTY,
    Claim,
    MemberList,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import (
    Members,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan

counts = st.sampled_from([1, 3, 5, 7])


def test_g05_one_member_becomes_three_one_at_a_time_and_then_the_replicas() -> None:
    found = plan(asking(3, 3), running(1), chart())
    assert said(found) == [
        ("scale_out", Members(1, 2)),
        ("scale_out", Members(2, 3)),
        ("scale_out", None),
    ]
    assert [members_in(step) for step in found.steps] == [2, 3, 3]
    assert [replicas_in(step) for step in found.steps] == [1, 1, 3]
    assert all(deployed(step.values)["extraArgs"] == EXISTING for step in found.steps)
    assert [step.way_back for step in found.steps] == ["values"] * 3
    assert [step.disruption.kind for step in found.steps] == ["outage", "rolling", "rolling"]


def test_g06_the_replicas_go_first_and_the_members_that_go_leave_together() -> None:
    found = plan(asking(1, 1), running(3, 3), chart())
    assert said(found) == [("scale_in", None), ("scale_in", Members(3, 1))]
    assert [members_in(step) for step in found.steps] == [3, 1]
    assert found.steps[-1].way_back == "none"
    assert "extraArgs" not in deployed(found.steps[-1].values)


def test_other_changes_are_a_step_before_the_counts() -> None:
    asked = asking(3, 3, values={"telemetry": {"enabled": False}})
    found = plan(asked, running(1), chart())
    assert found.kinds == ("values", "scale_out", "scale_out", "scale_out")
    first = found.steps[0]
    assert [change.path for change in first.changes] == ["/telemetry/enabled"]
    assert (members_in(first), replicas_in(first)) == (1, 1)
    assert "extraArgs" not in deployed(first.values)
    assert all((step.values or {})["telemetry"] == {"enabled": False} for step in found.steps)


def test_a_hop_of_the_chart_comes_before_the_counts() -> None:
    asked = asking(1, version="0.35.3")
    seen = installed(asked, members=1, kind="Deployment", kubernetes="1.36.0").seen()
    found = plan(asking(3, rollback="never"), seen, chart())
    assert found.kinds == ("prove", "chart_hop", "scale_out", "scale_out")
    assert members_in(found.steps[1]) == 1
    assert {step.version for step in found.steps[1:]} == {"0.36.1"}


def test_replicas_on_an_external_store_are_one_step() -> None:
    first = plan(spec(store=EXTERNAL, replicas=1), replace(NOTHING, **TLS), chart()).steps[0]
    seen = Running(first.values or {}, kind="Deployment").seen(**TLS)
    out = plan(spec(store=EXTERNAL, replicas=3), seen, chart())
    assert said(out) == [("scale_out", None)]
    assert out.steps[0].reason == "replicas 1 -> 3"


def test_a_count_that_is_only_said_now_is_no_scaling() -> None:
    assert plan(spec(replicas=1), Running(proved=False).seen(), chart()).kinds == ("values",)


@given(now=counts, wanted=counts, before=st.integers(1, 3), after=st.integers(1, 3))
def test_the_steps_lead_from_what_runs_to_what_is_asked_for(
    now: int, wanted: int, before: int, after: int
) -> None:
    asked = asking(wanted, after)
    found = plan(asked, running(now, before), chart())
    moves = [step.members for step in found.steps if step.members]
    path = [now, *(move.after for move in moves)]
    assert [move.before for move in moves] == path[:-1]
    assert path[-1] == wanted
    assert all(move.after - move.before <= 1 for move in moves)
    if found.kinds == ("prove",):
        assert (now, before) == (wanted, after)
    else:
        last = found.steps[-1]
        assert (members_in(last), replicas_in(last)) == (wanted, after)
    again = Running(found.steps[-1].values or running(now, before).last_good.values, members=wanted)  # type: ignore[union-attr]
    grown = replace(again, replicas=after, kind="Deployment").seen()
    assert plan(asked, grown, chart()).kinds == ("prove",)


def test_g48_a_member_that_was_begun_is_finished_by_the_next_run() -> None:
    first, second = (step.values or {} for step in plan(asking(3), running(1), chart()).steps)
    begun = replace(seen_as(first, 2, 1, 1), base=running(1).base)
    found = plan(asking(3), begun, chart())
    assert said(found) == [("scale_out", Members(1, 2)), ("scale_out", Members(2, 3))]
    assert [members_in(step) for step in found.steps] == [2, 3]
    assert [step.way_back for step in found.steps] == ["values", "values"]
    last = replace(seen_as(second, 3, 2, 2), base=begun.last_good)
    assert said(plan(asking(3), last, chart())) == [("scale_out", Members(2, 3))]
    assert said(plan(asking(1), last, chart())) == [("scale_in", Members(3, 1))]


def test_g48_members_come_right_before_anything_else_with_what_runs() -> None:
    first = plan(asking(3), running(1), chart()).steps[0].values or {}
    old = Running(first, version="0.35.3", members=2, kind="Deployment", kubernetes="1.36.0").seen()
    begun = replace(old, members=MemberList(frozenset({0}), frozenset({1})))
    asked = asking(3, values={"telemetry": {"enabled": False}}, rollback="never")
    found = plan(asked, begun, chart())
    assert found.kinds == ("scale_out", "prove", "chart_hop", "values", "scale_out")
    assert [step.version for step in found.steps] == [*["0.35.3"] * 2, *["0.36.1"] * 3]
    found = [step for step in found.steps if step.values]
    assert "telemetry" not in (found[0].values or {})
    assert [members_in(step) for step in found] == [2, 2, 2, 3]
    assert all(deployed(step.values)["extraArgs"] == EXISTING for step in found)


def test_g14_claims_that_are_left_are_told_and_never_deleted_by_guess() -> None:
    """After a run that was cut off, or a new cluster on pod 0 made by force: nobody knows what is on them."""
    values = plan(asking(1), running(3), chart()).steps[0].values or {}
    claims = tuple(Claim(f"data-tenant-a-etcd-{n}", "5Gi", None, "Bound") for n in range(3))
    begun = replace(seen_as(values, 1, 1), base=running(3).base, claims=claims)
    found = plan(asking(1), begun, chart())
    assert (found.kinds, warning(found)) == (("prove",), {"G14"})
    assert "data-tenant-a-etcd-1, data-tenant-a-etcd-2" in found.findings[0].what
    assert refusing(plan(asking(3), begun, chart())) == {"G14"}


def test_g06_members_grown_past_helm_are_never_shrunk_by_values() -> None:
    """Release 1, pods and voters 3: whatever step comes, its values count three."""
    grown = replace(ahead(running(1), 3), members=MemberList(frozenset(range(3))))
    found = plan(asking(3), grown, chart())
    assert (found.kinds, members_in(found.steps[0])) == (("values",), 3)
    other = plan(asking(3, values={"telemetry": {"enabled": False}}), grown, chart())
    assert [members_in(step) for step in other.steps] == [3]
    less = plan(asking(1, values={"telemetry": {"enabled": False}}), grown, chart())
    assert (less.kinds, [members_in(step) for step in less.steps]) == (
        ("values", "scale_in"),
        [3, 1],
    )
    silent = replace(grown, members=MemberList(trouble="no etcd member tells who is a member"))
    assert refusing(plan(asking(3), silent, chart())) == {"G05"}


def test_g51_a_line_that_is_gone_from_the_inventory_costs_no_member() -> None:
    kept = spec(store={"type": "etcd_deployed"}, replicas=1)
    assert plan(kept, running(3), chart()).kinds == ("prove",)
    assert plan(spec(replicas=1), running(3), chart()).kinds == ("prove",)


def test_what_members_cost_is_told_by_what_happens_to_them() -> None:
    learner = replace(running(1), members=MemberList(frozenset({0}), frozenset({1})))
    (step,) = plan(asking(1), learner, chart()).steps
    assert (step.members, step.disruption.kind) == (Members(2, 1), "none")
    assert step.reason == "etcd counts a learner 1 that has no pod: it is removed"
    claims = tuple(Claim(f"data-tenant-a-etcd-{n}", "5Gi", None, "Bound") for n in range(3))
    (step,) = plan(asking(1), replace(running(3), claims=claims), chart()).steps
    assert "data-tenant-a-etcd-1, data-tenant-a-etcd-2" in step.reason
    assert (step.disruption.kind, step.way_back) == ("outage", "none")
    assert plan(asking(3), running(5), chart()).steps[0].disruption.estimate.startswith("3 pods")


def test_g06_voters_come_back_only_with_their_data() -> None:
    values = plan(asking(1), running(3), chart()).steps[0].values or {}
    claims = tuple(Claim(f"data-tenant-a-etcd-{n}", "5Gi", None, "Bound") for n in (0, 1))
    found = plan(asking(3), replace(seen_as(values, 1, 3), claims=claims), chart())
    assert refusing(found) == {"G06"}
    assert "data-tenant-a-etcd-2" in found.refusals[0].what


def test_g05_members_without_volumes_neither_come_nor_go_nor_are_replaced() -> None:
    path = (
        "backingStore",
        "etcd",
        "deploy",
        "statefulSet",
        "persistence",
        "volumeClaim",
        "enabled",
    )
    off = plane(*path, value=False)
    asked = asking(3, values=off, allow=["G02"])
    seen = installed(asked, members=3, kind="Deployment").seen()
    lost = replace(seen, lost_members={2: "its volume is empty"})
    assert refusing(plan(asked, lost, chart())) == {"G05"}
    assert refusing(plan(asking(5, values=off, allow=["G02"]), seen, chart())) == {"G05"}
    assert refusing(plan(asking(1, values=off, allow=["G02"]), seen, chart())) == {"G06"}


def test_g25_nothing_is_mended_with_the_chart_before_a_hop_that_was_cut_off() -> None:
    seen = replace(running(3), lost_members={2: "its volume is empty"})
    stuck = replace(seen.release, status="pending-upgrade", chart_version="0.36.2", revision=4)  # type: ignore[type-var]
    assert "G25" in refusing(plan(asking(3), replace(seen, release=stuck), chart()))


def test_g63_pods_that_are_no_members_are_left_to_a_person() -> None:
    seen = replace(running(3), members=MemberList(frozenset({0, 2})))
    assert refusing(plan(asking(3), seen, chart())) == {"G63"}


def test_arguments_asked_with_more_members_come_with_them() -> None:
    path = ("backingStore", "etcd", "deploy", "statefulSet", "extraArgs")
    quota = "--quota-backend-bytes=1"
    found = plan(asking(3, values=plane(*path, value=[quota])), running(1), chart())
    assert [deployed(step.values)["extraArgs"] for step in found.steps] == [[quota, *EXISTING]] * 2
    lost = replace(running(3), lost_members={2: "its volume is empty"})
    both = plan(asking(3, values=plane(*path, value=[quota])), lost, chart())
    assert both.kinds == ("replace_member", "values")
    assert deployed(both.steps[0].values)["extraArgs"] == EXISTING
    assert set(deployed(both.steps[1].values)["extraArgs"]) == {quota, *EXISTING}


def test_arguments_that_others_put_there_stay() -> None:
    seen = running(1)
    hand = deepcopy(dict(seen.last_good.values or {}))  # type: ignore[union-attr]
    hand["controlPlane"]["backingStore"]["etcd"]["deploy"]["statefulSet"]["extraArgs"] = [
        "--theirs"
    ]
    release = replace(seen.last_good, values=hand, revision=4)  # type: ignore[type-var]
    found = plan(asking(3), replace(seen, release=release, last_good=release), chart())
    assert all(
        set(deployed(step.values)["extraArgs"]) == {"--theirs", *EXISTING} for step in found.steps
    )


def test_g06_voters_whose_pods_were_taken_away_get_them_back_first() -> None:
    """By a plain helm upgrade from 3 to 1: there is no quorum until they are there again."""
    by_hand = seen_as(plan(asking(1), running(3), chart()).steps[0].values or {}, 1, 3)
    claims = tuple(Claim(f"data-tenant-a-etcd-{n}", "5Gi", None, "Bound") for n in range(3))
    by_hand = replace(by_hand, base=running(3).base, claims=claims)
    back = Members(1, 3, listed=True)
    assert said(plan(asking(3), by_hand, chart())) == [("scale_out", back)]
    found = plan(asking(1), by_hand, chart())
    assert said(found) == [("scale_out", back), ("scale_in", Members(3, 1))]
    assert found.steps[0].way_back == "none"


def test_g05_g06_nobody_comes_or_goes_while_it_is_not_known_who_is_there() -> None:
    for wanted, guard in ((5, "G05"), (1, "G06")):
        seen = replace(running(3), members=MemberList(trouble="members disagree: a, b"))
        assert refusing(plan(asking(wanted), seen, chart())) == {guard}
    assert plan(asking(3), seen, chart()).kinds == ("prove",)


def test_g05_the_first_step_does_not_go_back_to_another_count() -> None:
    """Somebody grew it properly by hand since the last proof: its values would take two members away."""
    grown = plan(asking(3), running(1), chart()).steps[-1].values or {}
    seen = replace(seen_as(grown, 3, 3), base=running(1).base)
    asked = asking(3, values={"telemetry": {"enabled": False}})
    found = plan(asked, seen, chart())
    assert (found.kinds, found.steps[0].way_back) == (("values",), "none")


def test_arguments_of_the_members_are_values_like_others_while_none_comes_or_goes() -> None:
    path = ("backingStore", "etcd", "deploy", "statefulSet", "extraArgs")
    asked = asking(3, values=plane(*path, value=["--quota-backend-bytes=1"]))
    found = plan(asked, running(3), chart())
    assert found.kinds == ("values",)
    assert deployed(found.steps[0].values)["extraArgs"] == ["--quota-backend-bytes=1"]


def test_g05_what_a_plain_helm_upgrade_lost_of_it_is_put_back() -> None:
    grown = plan(asking(3), running(1), chart()).steps[-1].values or {}
    plain = running(3)
    seen = replace(plain, base=Running(grown, members=3).seen().release)
    found = plan(asking(3), seen, chart())
    assert found.kinds == ("values",)
    assert deployed(found.steps[0].values)["extraArgs"] == EXISTING


def test_g48_a_stateful_set_ahead_of_its_release_counts() -> None:
    cut = replace(ahead(running(1), 2), members=MemberList(frozenset({0}), frozenset({1})))
    assert said(plan(asking(1), cut, chart())) == [("scale_in", Members(2, 1))]


@pytest.mark.parametrize("pods", [3, 5])
def test_g09_pods_added_past_helm_go_as_members_would(pods: int) -> None:
    """They may be members by now: shrinking without asking etcd would cost the quorum for good (18.2)."""
    for voters in (1, pods):
        members, added = MemberList(frozenset(range(voters))), range(voters, pods)
        lost = dict.fromkeys(added, EMPTY)
        seen = replace(ahead(running(1), pods), members=members, lost_members=lost)
        found = plan(asking(1), seen, chart())
        assert said(found) == [("scale_in", Members(pods, 1, tuple(added)))]


def test_g05_g09_pods_that_nobody_knows_stay_whether_more_or_fewer_are_asked_for() -> None:
    """They may be members of a store of their own, that plain Helm has begun; the tenant may have written to it."""
    seen = replace(ahead(running(1), 3), members=MemberList(frozenset({0})))
    for wanted in (1, 3, 5):
        assert refusing(plan(asking(wanted), seen, chart())) == {"G63"}


def test_the_arguments_of_a_grown_store_are_ours_and_no_drift() -> None:
    asked = asking(3)
    values = plan(asked, running(1), chart()).steps[-1].values or {}
    grown = Running(values, members=3, kind="Deployment").seen()
    found = plan(asked, grown, chart())
    assert (found.kinds, found.foreign) == (("prove",), ())
    fresh = plan(asked, NOTHING, chart())
    assert "extraArgs" not in deployed(fresh.steps[0].values)


def test_the_place_of_a_scale_step_is_told_in_words() -> None:
    out = plan(asking(3), running(1), chart()).steps
    assert [step.reason for step in out] == ["etcd members 1 -> 2", "etcd members 2 -> 3"]
    assert "two voters" in out[0].disruption.estimate


def test_g63_lost_members_are_replaced_before_anything_grows() -> None:
    seen = replace(running(3), lost_members={2: "its volume is empty"})
    (step,) = plan(asking(3), seen, chart()).steps
    assert (step.kind.value, step.members) == ("replace_member", Members(3, 3, (2,)))
    assert step.reason == "etcd member 2 is lost: its volume is empty"
    assert deployed(step.values)["extraArgs"] == EXISTING
    grown = plan(asking(5), seen, chart())
    assert [step.members for step in grown.steps] == [
        Members(3, 3, (2,)),
        Members(3, 4),
        Members(4, 5),
    ]


def test_g63_to_replace_a_member_of_a_grown_store_restarts_no_other() -> None:
    fresh, lost = running(3), {2: "its volume is empty"}
    (step,) = plan(asking(3), replace(fresh, lost_members=lost), chart()).steps
    assert step.disruption.kind == "outage"
    values = plan(asking(3), running(1), chart()).steps[-1].values or {}
    grown = Running(values, members=3, kind="Deployment").seen()
    (step,) = plan(asking(3), replace(grown, lost_members=lost), chart()).steps
    assert (step.disruption.kind, step.kind.value) == ("rolling", "replace_member")


def test_g63_a_lost_member_that_goes_is_not_replaced_first() -> None:
    seen = replace(running(3), lost_members={2: "its volume is empty"})
    assert said(plan(asking(1), seen, chart())) == [("scale_in", Members(3, 1, (2,)))]


def test_g63_two_lost_members_are_too_many_at_once() -> None:
    seen = replace(running(5), lost_members={1: "its volume is empty", 3: "its volume is empty"})
    found = plan(asking(5), seen, chart())
    assert refusing(found) == {"G63"}
    assert "1, 3" in found.refusals[0].what
