# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Embedded etcd in a plan: replicas are members of the store."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from embedded import (
    EMBEDDED,
    TELEMETRY,
    asking,
    claims,
    count_in,
    cut_off,
    ill,
    running,
    said,
    scaled_by_hand,
)
from hypothesis import given
from hypothesis import strategies as st
from paper import (
    DEPLOYED,
    NOTHING,
    chart,
    installed,
    plane,
    refusing,
    spec,
    warning,
)

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Autoscaler,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import (
    Growth,
    Kind,
    View,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan

counts = st.sampled_from([1, 3, 5])


@pytest.mark.parametrize(
    ("replicas", "steps"),
    [
        (1, [("install", 1)]),
        (3, [("install", 1), ("scale_out", 3)]),
        (5, [("install", 1), ("scale_out", 3), ("scale_out", 5)]),
    ],
)
def test_g08_the_first_replica_comes_alone(replicas: int, steps: list[Any]) -> None:
    found = plan(asking(replicas), NOTHING, chart())
    assert said(found) == steps
    assert found.steps[0].way_back == "none"
    assert ("1 of its replicas at first" in found.steps[0].reason) is (replicas > 1)
    # Nothing else waits for the others.
    assert found.steps[0].values == plan(asking(1), NOTHING, chart()).steps[0].values
    assert {step.version for step in found.steps} == {"0.36.1"}


def test_g08_replicas_in_raw_values_come_no_sooner() -> None:
    raw = plane("statefulSet", "highAvailability", "replicas", value=3)
    found = plan(asking(None, values=raw), NOTHING, chart())
    assert said(found) == [("install", 1), ("scale_out", 3)]


def test_g08_the_changes_of_an_install_tell_the_count_of_each_step() -> None:
    first, second = plan(asking(3), NOTHING, chart()).steps
    path = "/controlPlane/statefulSet/highAvailability/replicas"
    assert [(c.before, c.after) for c in first.changes if c.path == path] == [(None, 1)]
    assert [(c.path, c.before, c.after) for c in second.changes] == [(path, 1, 3)]


@pytest.mark.parametrize("replicas", [2, 4])
def test_g07_even_counts_are_refused_unless_lifted(replicas: int) -> None:
    assert refusing(plan(asking(replicas), NOTHING, chart())) == {"G07"}
    found = plan(asking(replicas, allow=["G07"]), NOTHING, chart())
    assert "G07" in warning(found)
    assert [count for _kind, count in said(found)] == [1, 2] if replicas == 2 else [1, 3, 4]


@pytest.mark.parametrize("replicas", [0, -1, 7])
def test_g59_counts_below_one_or_above_the_limit_are_refused(replicas: int) -> None:
    found = plan(asking(replicas), NOTHING, chart())
    assert refusing(found) == {"G59"}
    assert str(replicas) in found.refusals[0].what
    assert "vcluster_replicas" in found.refusals[0].way_out
    assert refusing(plan(asking(replicas), running(3), chart())) == {"G59"}


def test_g06_g08_a_live_one_is_proved_before_replicas_come_or_go() -> None:
    out = plan(asking(3), running(1), chart())
    assert said(out) == [("prove", None), ("scale_out", 3)]
    back = plan(asking(1), running(5), chart())
    assert said(back) == [("prove", None), ("scale_in", 3), ("scale_in", 1)]
    assert [step.way_back for step in (*out.steps, *back.steps)] == ["none"] * 5


def test_the_proof_of_a_step_before_is_enough() -> None:
    found = plan(asking(3, values=TELEMETRY), running(1), chart())
    assert said(found) == [("values", 1), ("scale_out", 3)]
    assert all((step.values or {})["telemetry"] == {"enabled": False} for step in found.steps)


def test_g23_a_repair_proves_nothing() -> None:
    seen = running(1)
    assert seen.release
    stuck = replace(seen.release, status="pending-upgrade", revision=4)
    found = plan(asking(3), replace(seen, release=stuck), chart())
    assert found.kinds == ("repair", "prove", "scale_out")


def test_the_view_of_sizes_proves_first_too_and_has_no_steps_without_a_change() -> None:
    asked = asking(3, values=TELEMETRY)
    found = plan(asked, running(1), chart(), View.SIZE)
    assert found.kinds == ("prove", "scale_out")
    assert "telemetry" not in (found.steps[-1].values or {})
    assert plan(asked, running(3), chart(), View.SIZE).kinds == ()


def test_g11_what_the_tenant_notices() -> None:
    def costs(asked: int, seen: int) -> list[tuple[str, str]]:
        found = plan(asking(asked), running(seen), chart())
        return [(s.disruption.kind, s.disruption.estimate) for s in found.steps[1:]]

    ((kind, words), (later, _words)) = costs(5, 1)
    assert (kind, later) == ("outage", "rolling")
    assert "tenant-a-0 restarts" in words
    ((kind, words), (later, alone)) = costs(1, 5)
    assert (kind, later) == ("outage", "outage")
    assert "no quorum" in words
    assert "all pods of tenant-a end" in alone


def test_g06_replicas_go_only_while_all_are_ready() -> None:
    for wanted in (3, 1):
        found = plan(asking(wanted), ill(running(5), 4), chart())
        assert refusing(found) == {"G06"}
        assert "4 of 5 replicas are ready" in found.refusals[0].what
    assert "vcluster_replicas at 5" in found.refusals[0].way_out
    gone = replace(running(3), workloads=())
    assert refusing(plan(asking(1), gone, chart())) == {"G06"}
    assert not refusing(plan(asking(5), ill(running(3), 2), chart()))
    assert plan(asking(3), ill(running(3), 2), chart()).kinds == ("prove",)


def test_g06_down_to_one_is_less_than_a_quorum_and_the_plan_says_so() -> None:
    found = plan(asking(1), running(5), chart())
    assert "G06" in warning(found)
    (words,) = (f.what for f in found.findings if f.guard == "G06")
    assert words == "Replica 0 alone is no quorum of 3 members."
    assert "G06" not in warning(plan(asking(3), running(5), chart()))


def test_g05_g06_members_without_volumes_neither_come_nor_go() -> None:
    raw = plane("statefulSet", "persistence", "volumeClaim", "enabled", value=False)
    more: dict[str, Any] = {"values": raw, "allow": ["G02"]}
    seen = running(3, **more)
    assert refusing(plan(asking(5, **more), seen, chart())) == {"G05"}
    assert refusing(plan(asking(1, **more), seen, chart())) == {"G06"}
    assert not refusing(plan(asking(3, **more), seen, chart()))


def test_g14_no_replica_comes_up_with_the_claim_of_one_that_went() -> None:
    seen = replace(running(1), claims=claims(0, 1, 2))
    left = plan(asking(3), seen, chart())
    assert refusing(left) == {"G14"}
    assert "data-tenant-a-1, data-tenant-a-2" in left.refusals[0].what
    assert "when the vCluster is proved without them" in left.refusals[0].way_out
    stays = plan(asking(1), seen, chart())
    assert "G14" in warning(stays)
    assert stays.kinds == ("prove",)


def test_g51_a_line_that_is_gone_costs_no_replica() -> None:
    found = plan(asking(None), running(3), chart())
    assert found.kinds == ("prove",)
    assert not refusing(found)


def test_g03_its_kind_of_store_is_not_switched() -> None:
    deployed = installed(spec(store=DEPLOYED), members=3, kind="Deployment").seen()
    for asked, seen in (
        (spec(store=DEPLOYED, replicas=3), running(3)),
        (spec(store={"type": "sqlite"}), running(1)),
        (asking(1), deployed),
        (asking(3), deployed),
    ):
        assert "G03" in refusing(plan(asked, seen, chart()))


def test_g10_somebody_elses_autoscaler_is_refused() -> None:
    theirs = Autoscaler("HorizontalPodAutoscaler", "by-hand", False, {"minReplicas": 3})
    found = plan(asking(3), replace(running(3), autoscalers=(theirs,)), chart())
    assert refusing(found) == {"G10"}
    assert "by-hand" in found.refusals[0].what


def test_g12_the_claims_of_all_replicas_grow_in_one_step() -> None:
    asked = asking(3, store={**EMBEDDED, "size": "9Gi"})
    seen = replace(running(3), claims=claims(0, 1, 2, 3))
    (step,) = plan(asked, seen, chart()).steps
    names = ("data-tenant-a-0", "data-tenant-a-1", "data-tenant-a-2")
    assert step.growth == Growth("control_plane", "tenant-a", names, "9Gi")
    assert step.disruption.kind == "rolling"
    grown = plan(asking(5, store={**EMBEDDED, "size": "9Gi"}), running(3), chart())
    assert said(grown) == [("resize", 3), ("scale_out", 5)]
    assert refusing(plan(asking(3, store={**EMBEDDED, "size": "1Gi"}), seen, chart())) == {"G12"}


def test_g09_replicas_added_past_helm_go_as_members_do() -> None:
    seen = scaled_by_hand(running(1), 3)
    found = plan(asking(1), seen, chart())
    assert said(found) == [("prove", None), ("scale_in", 1)]
    assert found.steps[-1].changes[0].why == "drift"
    both = plan(asking(1, values=TELEMETRY), seen, chart())
    assert said(both) == [("values", 3), ("scale_in", 1)]
    assert refusing(plan(asking(1), ill(seen, 2), chart())) == {"G06"}
    assert said(plan(asking(3), seen, chart())) == [("values", 3)]


def test_g48_a_stateful_set_ahead_of_its_release_counts() -> None:
    """A run that was cut off within Helm: the release does not know of the pods yet."""
    stuck = cut_off(scaled_by_hand(running(1), 3), 3)
    assert said(plan(asking(3), stuck, chart())) == [("repair", None), ("values", 3)]
    assert said(plan(asking(1), stuck, chart())) == [
        ("repair", None), ("prove", None), ("scale_in", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("wanted", "steps"),
    [
        (3, [("install", 3)]),
        (5, [("install", 3), ("scale_out", 5)]),
        (1, [("install", 3), ("scale_in", 1)]),
    ],
)
def test_g06_an_install_that_somebody_began_loses_no_replica(wanted: int, steps: list[Any]) -> None:
    """With three at once, and cut off: they may serve a tenant already."""
    seen = running(3)
    assert seen.release
    begun = replace(seen.release, status="pending-install", revision=1)
    cut = replace(seen, release=begun, base=None, last_good=None)
    assert said(plan(asking(wanted), cut, chart())) == [("repair", None), *steps]


def test_g06_no_step_goes_back_to_fewer_members() -> None:
    """Somebody grew it by hand since the last proof."""
    seen = replace(running(3), base=running(1).base)
    found = plan(asking(3, values=TELEMETRY), seen, chart())
    assert [(step.kind, step.way_back) for step in found.steps] == [(Kind.VALUES, "none")]


@given(
    now=st.none() | counts,
    by_hand=st.integers(0, 6),
    wanted=st.integers(-1, 8),
    other=st.booleans(),
    size=st.sampled_from([None, "9Gi"]),
    allowed=st.booleans(),
)
def test_g07_g08_no_plan_founds_it_twice_or_passes_an_even_count(
    now: int | None, by_hand: int, wanted: int, other: bool, size: str | None, allowed: bool
) -> None:
    store = {**EMBEDDED, **({"size": size} if size else {})}
    allow = ["G07"] if allowed else []
    asked = asking(wanted, store=store, values=TELEMETRY if other else {}, allow=allow)
    seen = scaled_by_hand(running(now), by_hand) if now else NOTHING
    found = plan(asked, seen, chart())
    there = max(by_hand, now) if now else 0
    if found.refusals:
        shrinks = by_hand < (now or 0) and wanted < there
        assert not 1 <= wanted <= 5 or not wanted % 2 or shrinks
        assert not found.steps
        return
    steps = found.steps
    if now and by_hand < now:
        # Those that vote come back at once, whatever else is asked for.
        assert (steps[0].kind, count_in(steps[0])) == (Kind.SCALE_OUT, now)
        steps = steps[1:]
    path = [count for _kind, count in said(found) if count is not None]
    passed = [there, *path]
    assert (path or [there])[-1] == wanted
    assert all(count % 2 or count in (there, wanted) for count in path)
    assert wanted % 2 or allowed
    for before, after in pairwise(passed):
        assert abs(after - before) <= 2
    for number, step in enumerate(steps):
        if step.kind is Kind.INSTALL:
            assert count_in(step) == 1
        if step.kind in (Kind.SCALE_OUT, Kind.SCALE_IN):
            assert number > 0 or steps != found.steps
            assert step.way_back == "none"
