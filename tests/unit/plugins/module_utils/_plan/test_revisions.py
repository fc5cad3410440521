# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run that was cut off in a hop left: it is carried out again, and goes back by its snapshot."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from paper import (
    SAVED,
    Running,
    chart,
    old_etcd,
    pinned,
    plane,
    refusing,
    spec,
)

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.lines.registry import (
    LINES,
    patch_of,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Observation,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import (
    View,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.render import (
    plan_lines,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.hops import (
    Hop,
    Target,
    route,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.hops import Running as Way
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.values import (
    read,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.ways import State, parsed

K8S = ("controlPlane", "distro", "k8s")
ETCD = ("controlPlane", "backingStore", "etcd", "deploy", "statefulSet", "image", "tag")
OLD = Running(version="0.35.3", kubernetes="1.35.4")

STALE = "20261120T100000Z-0a1b2c3d"
TAKEN = datetime(2026, 11, 27, 10, tzinfo=UTC)


def cut_off(before: Running, after: Running, *, there: bool, status: str = "failed") -> Observation:
    """A hop that Helm did not finish.

    Args:
        there: Its objects are there already.
    """
    old, new = before.seen(), after.seen()
    assert old.base and new.release
    base = replace(old.base, snapshot="20261127T100000Z-0a1b2c3d")
    newest = replace(new.release, revision=4, status=status)
    workloads = new.workloads if there else old.workloads
    return replace(old, release=newest, base=base, last_good=base, workloads=workloads)


ETCD_BEFORE = replace(old_etcd(pinned("3.5.25-0")), version="0.29.3")
CUTS = {
    "chart_hop": (OLD, replace(OLD, version="0.36.1")),
    "kubernetes_hop": (
        Running(plane("distro", "k8s", "image", "tag", value="v1.35.4"), kubernetes="1.35.4"),
        Running(plane("distro", "k8s", "image", "tag", value="v1.36.0")),
    ),
    "etcd_hop": (ETCD_BEFORE, replace(ETCD_BEFORE, values=pinned("3.6.4-0"), etcd="3.6.4-0")),
}


@pytest.mark.parametrize("view", [View.EVERYTHING, View.VERSIONS])
@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("status", ["failed", "pending-upgrade"])
@pytest.mark.parametrize("kind", list(CUTS))
def test_g23_g25_a_hop_that_helm_did_not_finish_is_carried_out_again_and_goes_back_by_its_snapshot(
    kind: str, status: str, there: bool, view: View
) -> None:
    """Whatever its pods did to the store: nothing is put back below them, and no snapshot is taken of that."""
    before, after = CUTS[kind]
    seen = cut_off(before, after, there=there, status=status)
    wanted = {"version": after.version, **SAVED}
    if kind == "kubernetes_hop":
        wanted["kubernetes_version"] = after.kubernetes
    found = plan(spec(**wanted), seen, chart(after.version), view)
    assert found.kinds == ("repair",), found.findings
    (step,) = found.steps
    assert (step.version, step.values, step.way_back) == (after.version, after.values, "snapshot")
    assert f"revision 4 is {status}" in step.reason
    never = spec(rollback="never", **wanted)
    assert plan(never, seen, chart(after.version), view).steps[0].way_back == "none"


def test_g23_the_hops_after_it_go_on_from_there() -> None:
    before, after = CUTS["chart_hop"]
    seen = cut_off(before, after, there=True)
    asked = spec(kubernetes_version="1.36.0", values={"telemetry": {"enabled": False}}, **SAVED)
    found = plan(asked, seen, chart())
    assert found.kinds == ("repair", "snapshot", "kubernetes_hop", "values")
    assert [step.way_back for step in found.steps] == ["snapshot", "none", "snapshot", "values"]


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("kind", list(CUTS))
def test_g16_g25_a_rollback_that_somebody_began_is_not_carried_on_with(
    kind: str, there: bool
) -> None:
    after, before = CUTS[kind]
    seen = cut_off(before, after, there=there, status="pending-rollback")
    wanted = {"version": before.version, **SAVED}
    found = plan(spec(**wanted), seen, chart(before.version))
    assert found.kinds[0] == "repair", found.findings
    lowest = min(step.version for step in found.steps if step.values is not None)
    assert lowest == before.version
    assert all(step.values in (None, before.values) for step in found.steps)


def test_g23_somebody_elses_hop_has_no_snapshot_to_go_back_to() -> None:
    seen = cut_off(*CUTS["chart_hop"], there=True)
    assert seen.base
    seen = replace(seen, base=replace(seen.base, snapshot=""))
    (step,) = plan(spec(**SAVED), seen, chart()).steps
    assert (step.kind, step.way_back) == ("repair", "none")


@pytest.mark.parametrize("view", [View.EVERYTHING, View.SIZE])
@pytest.mark.parametrize(
    ("snapshot", "back"), [("20261127T100000Z-0a1b2c3d", "snapshot"), ("", "none")]
)
def test_g25_what_comes_on_top_of_a_hop_that_was_not_proved_goes_back_over_it_by_its_snapshot(
    view: View, snapshot: str, back: str
) -> None:
    """By values it would be the chart of before on what the newer one wrote."""
    base = OLD.seen().base
    assert base
    seen = Running(OLD.values).seen(base=replace(base, revision=1, snapshot=snapshot))
    assert seen.last_good
    ours = replace(seen.last_good, description="fleetops.vcluster: chart_hop")
    seen = replace(seen, release=ours, last_good=ours)
    asked = spec(resources={"requests": {"cpu": "1"}}, **SAVED)
    found = plan(asked, seen, chart(), view)
    assert [(step.kind, step.way_back) for step in found.steps] == [("resize", back)]


def test_g25_somebody_elses_upgrade_does_not_go_back_by_a_snapshot_of_ours() -> None:
    """A run took it and ended before its hop; a person went on days later, and the tenant has written since."""
    base = OLD.seen().base
    assert base
    saved = replace(base, revision=2, snapshot=STALE)
    seen = Running(OLD.values).seen(base=saved)
    assert plan(spec(**SAVED), seen, chart()).steps[0].way_back == "none"
    assert seen.last_good
    late = replace(
        seen.last_good, description="fleetops.vcluster: chart_hop", modified=int(TAKEN.timestamp())
    )
    seen = replace(seen, release=late, last_good=late)
    assert plan(spec(**SAVED), seen, chart()).steps[0].way_back == "none"
    fresh = replace(seen, base=replace(saved, snapshot="20261127T095000Z-0a1b2c3d"))
    assert plan(spec(**SAVED), fresh, chart()).steps[0].way_back == "snapshot"


def test_g23_g25_an_upgrade_that_failed_long_after_the_snapshot_has_no_way_back() -> None:
    seen = cut_off(*CUTS["chart_hop"], there=True)
    assert seen.release
    late = int((TAKEN + timedelta(days=2)).timestamp())
    seen = replace(seen, release=replace(seen.release, modified=late))
    (step,) = plan(spec(**SAVED), seen, chart()).steps
    assert (step.kind, step.way_back) == ("repair", "none")


@pytest.mark.parametrize("asked", [None, "0.36.1", "0.24.1"])
@pytest.mark.parametrize("there", [False, True])
def test_g16_g23_what_goes_further_than_a_hop_is_not_carried_out_again(
    there: bool, asked: str | None
) -> None:
    """Somebody ran `helm upgrade` over twelve lines."""
    before = Running(version="0.24.1", kubernetes="1.32.1")
    seen = cut_off(before, Running(version="0.36.1", kubernetes="1.32.1"), there=there)
    found = plan(spec(version=asked, **SAVED), seen, chart(asked or "0.36.1"))
    assert refusing(found) == {"G23"}
    assert "chart 0.24.1 to 0.36.1" in found.refusals[0].what
    assert "helm rollback" in found.refusals[0].way_out


def test_g18_g23_nor_is_etcd_over_the_last_of_its_minor() -> None:
    before = replace(old_etcd(pinned("3.5.21-0")), version="0.29.3", etcd="3.5.21-0")
    after = replace(before, values=pinned("3.6.4-0"), etcd="3.6.4-0")
    found = plan(
        spec(version="0.29.3", **SAVED), cut_off(before, after, there=True), chart("0.29.3")
    )
    assert refusing(found) == {"G23"}


FALLEN = {
    "etcd": (old_etcd(pinned("3.5.25-0")), {"etcd": "3.5.15-0"}, "0.29.3", None),
    "kubernetes": (OLD, {"kubernetes": "1.34.1"}, "0.36.1", "1.36.0"),
    "chart": (OLD, {"version": "0.34.7"}, "0.36.1", None),
}


@pytest.mark.parametrize("view", [View.EVERYTHING, View.VERSIONS])
@pytest.mark.parametrize("what", list(FALLEN))
def test_g16_g18_pods_that_fell_behind_come_up_to_their_revision_before_a_hop(
    what: str, view: View
) -> None:
    """Or the hop would skip what lies between: past Helm, or by a way back that was cut off."""
    asked, below, version, kubernetes = FALLEN[what]
    seen = replace(asked.seen(), workloads=replace(asked, **below).seen().workloads)
    wanted = spec(version=version, kubernetes_version=kubernetes, **SAVED)
    found = plan(wanted, seen, chart(version), view)
    assert found.kinds[:2] == ("repair", "snapshot"), found.findings
    first = found.steps[0]
    assert (first.version, first.values) == (asked.version, asked.values)
    assert "runs other versions than those of revision 3" in first.reason
    assert plan(spec(version=asked.version), seen, chart(asked.version)).kinds == ("values",)


def test_a_hop_that_is_carried_out_again_is_one_of_those_that_a_run_takes() -> None:
    seen = cut_off(*CUTS["chart_hop"], there=True)
    asked = {"kubernetes_version": "1.36.0", **SAVED}
    found = plan(spec(hops=1, **asked), seen, chart())
    assert found.kinds == ("repair",)
    assert "hops left for later runs: 1" in found.steps[0].reason
    assert plan(spec(hops=2, **asked), seen, chart()).kinds == (
        "repair",
        "snapshot",
        "kubernetes_hop",
    )


def test_with_rollback_never_nothing_goes_back_at_adoption_either() -> None:
    seen = replace(OLD, proved=False).seen()
    found = plan(spec(rollback="never", **SAVED), seen, chart())
    assert [step.way_back for step in found.steps] == ["none"] * 3


def test_a_way_back_by_snapshot_is_shown_whatever_step_takes_it() -> None:
    seen = cut_off(*CUTS["chart_hop"], there=True)
    lines = "\n".join(plan_lines("t", plan(spec(**SAVED), seen, chart())))
    assert "repair: revision 4 is failed" in lines
    assert "way back: the snapshot before it" in lines


PATCHES = [patch.version for line in LINES if line.minor >= (0, 28) for patch in line.patches]


@st.composite
def cut_walks(draw: st.DrawFn) -> tuple[Observation, dict[str, Any], Hop]:
    """A walk that Helm did not finish at one of its hops: what is seen then, what was asked for, and that hop."""
    first, last = sorted(
        draw(st.lists(st.sampled_from(range(len(PATCHES))), min_size=2, max_size=2))
    )
    start, end = PATCHES[first], PATCHES[last]
    patch = patch_of(start)
    assert patch
    deployed = draw(st.booleans())
    values = plane("backingStore", "etcd", "deploy", "enabled", value=True) if deployed else {}
    minor = draw(st.sampled_from([None, "1.34.0", "1.35.0", "1.36.0"]))
    if minor is not None and parsed(minor).numbers < parsed(patch.kubernetes).numbers:
        minor = None
    running = Way(start, patch.kubernetes, values, patch.etcd if deployed else None)
    found = route(running, Target(end, minor)).hops
    assume(found)
    number = draw(st.integers(0, len(found) - 1))
    hop, live = found[number], found[number - 1].values if number else values

    def at(state: State, values: Any) -> Running:
        store = {"members": 1, "etcd": str(state.store)} if state.store else {}
        return Running(values, str(state.chart), str(state.kubernetes), **store)

    there, status = draw(st.booleans()), draw(st.sampled_from(["failed", "pending-upgrade"]))
    seen = cut_off(at(hop.before, live), at(hop.after, hop.values), there=there, status=status)
    asked = {
        "version": end,
        **({"kubernetes_version": minor} if minor else {}),
        "allow": ["G38", "G60", "G20"],
    }
    return seen, asked, hop


@given(cut_walks(), st.sampled_from([View.EVERYTHING, View.VERSIONS]))
def test_g16_g23_g25_wherever_a_walk_is_cut_off_nothing_goes_down_and_it_goes_on(
    walk: tuple[Observation, dict[str, Any], Hop], view: View
) -> None:
    seen, asked, hop = walk
    found = plan(spec(**{**SAVED, **asked}), seen, chart(asked["version"]), view)
    assert not found.refusals, found.refusals
    first, *others = found.steps
    assert (first.kind, first.version, first.values) == ("repair", str(hop.after.chart), hop.values)
    assert first.way_back == hop.way_back
    last = first
    for step in (step for step in others if step.values is not None):
        for path in (ETCD, (*K8S, "image", "tag")):
            now, then = (read(s.values or {}, path) for s in (last, step))
            if isinstance(now, str) and isinstance(then, str):
                assert parsed(now).numbers <= parsed(then).numbers, (path, last, step)
        assert parsed(last.version).numbers <= parsed(step.version).numbers
        last = step
    assert last.version == asked["version"]
