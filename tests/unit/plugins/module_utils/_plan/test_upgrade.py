# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hops as steps of a plan: what goes before them, what they leave alone, and what comes after."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from paper import (
    DEPLOYED,
    NOTHING,
    SAVED,
    Running,
    by_hand,
    chart,
    installed,
    old_etcd,
    pinned,
    plane,
    refusing,
    spec,
    warning,
)

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import Refused
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    MemberList,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import (
    HOPS,
    Plan,
    Step,
    View,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.render import (
    plan_as_data,
    plan_lines,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.revisions import (
    running_kubernetes,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.values import (
    pointer,
    read,
)

K8S = ("controlPlane", "distro", "k8s")
ETCD = ("controlPlane", "backingStore", "etcd", "deploy", "statefulSet", "image", "tag")
OLD = Running(version="0.35.3", kubernetes="1.35.4")


def k8s(step: Step) -> Any:
    return read(step.values or {}, K8S)


def hops(found: Plan) -> list[Step]:
    return [step for step in found.steps if step.kind in HOPS]


def test_g25_a_proof_and_a_snapshot_come_before_a_hop_to_another_line_or_minor() -> None:
    found = plan(spec(kubernetes_version="1.36.0", **SAVED), OLD.seen(), chart())
    assert found.kinds == ("prove", "snapshot", "chart_hop", "snapshot", "kubernetes_hop")
    assert [step.way_back for step in hops(found)] == ["snapshot", "snapshot"]
    within = plan(spec(**SAVED), Running(version="0.36.0").seen(), chart())
    assert within.kinds == ("prove", "chart_hop")
    assert within.steps[1].way_back == "values"


def test_g25_without_a_place_for_snapshots_such_a_hop_is_refused() -> None:
    assert refusing(plan(spec(), OLD.seen(), chart())) == {"G38", "spec"}
    found = plan(spec(rollback="never"), OLD.seen(), chart())
    assert found.kinds == ("prove", "chart_hop")
    assert found.steps[1].way_back == "none"
    assert warning(found) == {"G38", "spec"}
    saved = plan(spec(rollback="never", **SAVED), OLD.seen(), chart())
    assert saved.kinds == ("prove", "snapshot", "chart_hop")
    assert saved.steps[2].way_back == "none"
    assert not refusing(plan(spec(), Running(version="0.36.0").seen(), chart()))


def test_g19_a_chart_hop_holds_kubernetes_and_it_moves_as_a_step_of_its_own() -> None:
    (hop,) = hops(plan(spec(**SAVED), OLD.seen(), chart()))
    assert (hop.kind, k8s(hop)) == ("chart_hop", {"image": {"tag": "v1.35.4"}})
    found = hops(plan(spec(kubernetes_version="1.36.0", **SAVED), OLD.seen(), chart()))
    assert [step.kind for step in found] == ["chart_hop", "kubernetes_hop"]
    assert [k8s(step)["image"]["tag"] for step in found] == ["v1.35.4", "v1.36.0"]


def test_g19_a_pin_by_version_wins_over_the_tag_and_moves_in_its_place() -> None:
    pin = plane("distro", "k8s", "version", value="v1.35.4")
    seen = Running(pin, version="0.35.3", kubernetes="1.35.4").seen()
    (hop,) = hops(plan(spec(**SAVED), seen, chart()))
    assert hop.values == pin
    hop, move = hops(plan(spec(kubernetes_version="1.36.0", **SAVED), seen, chart()))
    assert hop.values == pin
    assert move.values == plane("distro", "k8s", "version", value="v1.36.0")


def test_g19_the_tag_decides_again_where_the_version_is_emptied() -> None:
    seen = Running(plane("distro", "k8s", "version", value="v1.35.4"), kubernetes="1.35.4").seen()
    empty = plane("distro", "k8s", "version", value="")
    found = plan(spec(kubernetes_version="1.36.0", values=empty, **SAVED), seen, chart())
    assert found.kinds == ("prove", "snapshot", "kubernetes_hop", "values")
    move, values = found.steps[2:]
    assert k8s(move) == {"version": "v1.36.0"}
    assert k8s(values) == {"version": "", "image": {"tag": "v1.36.0"}}


def test_g19_a_pin_with_a_digest_is_held_with_it() -> None:
    tag = f"v1.35.4@sha256:{'0' * 64}"
    pin = plane("distro", "k8s", "image", "tag", value=tag)
    seen = by_hand(
        Running(pin, version="0.35.3", kubernetes="1.35.4").seen(),
        images={"kubernetes": f"r:5000/kubernetes:{tag}"},
    )
    (hop,) = hops(plan(spec(**SAVED), seen, chart()))
    assert hop.values == pin


def test_g19_the_suffix_that_private_nodes_add_to_the_image_is_no_other_version() -> None:
    values = {
        **plane("distro", "k8s", "image", "tag", value="v1.35.4"),
        "privateNodes": {"enabled": True},
    }
    live = Running(values, version="0.35.3", kubernetes="1.35.4-full", proved=False)
    running = live.seen()
    assert plan(spec(version="0.35.3"), running, chart("0.35.3")).kinds == ("prove",)
    found = hops(plan(spec(kubernetes_version="1.36.0", **SAVED), running, chart()))
    assert [k8s(step)["image"]["tag"] for step in found] == ["v1.35.4", "v1.36.0"]


@pytest.mark.parametrize(
    ("container", "image", "version"),
    [
        ("kubernetes", "ghcr.io/loft-sh/kubernetes:v1.36.3", "1.36.3"),
        ("kubernetes", "registry.example.net:5000/kubernetes:v1.36.3", "1.36.3"),
        ("kubernetes", "ghcr.io/loft-sh/kubernetes:v1.36.3@sha256:abc", "1.36.3"),
        ("kubernetes", "kubernetes:v1.36.3-custom", "1.36.3-custom"),
        ("kube-apiserver", "registry.k8s.io/kube-apiserver:v1.31.1", "1.31.1"),
        ("vcluster", "rancher/k3s:v1.32.1-k3s1", "1.32.1-k3s1"),
        # An image that tells nothing: what the release asked for has to do.
        ("kubernetes", "ghcr.io/loft-sh/kubernetes@sha256:abc", "1.36.0"),
        ("kubernetes", "registry.example.net:5000/kubernetes", "1.36.0"),
        ("kubernetes", "kubernetes:latest", "1.36.0"),
        ("kubernetes", "", "1.36.0"),
    ],
)
def test_the_tenants_kubernetes_is_read_from_the_image_that_runs(
    container: str, image: str, version: str | None
) -> None:
    found = Running().seen()
    assert found.last_good
    asked = found.last_good.workloads if version == "1.36.0" else ()
    found = replace(found, last_good=replace(found.last_good, workloads=asked))
    found = by_hand(found, images={container: image})
    assert running_kubernetes(found) == version
    assert running_kubernetes(replace(found, workloads=())) == ("1.36.0" if asked else None)
    assert running_kubernetes(NOTHING) is None


def test_what_is_asked_for_beside_versions_comes_after_the_last_hop() -> None:
    asked = spec(values={"telemetry": {"enabled": False}}, **SAVED)
    found = plan(asked, OLD.seen(), chart())
    assert found.kinds == ("prove", "snapshot", "chart_hop", "values")
    hop, values = found.steps[2:]
    assert "telemetry" not in (hop.values or {})
    assert [change.path for change in values.changes] == ["/telemetry/enabled"]
    assert k8s(values) == k8s(hop)
    assert found.foreign == ()


@pytest.mark.parametrize("view", [View.EVERYTHING, View.VERSIONS])
def test_a_run_takes_no_more_hops_than_it_may_and_nothing_after_them(view: View) -> None:
    asked = {"kubernetes_version": "1.36.0", "values": {"telemetry": {"enabled": False}}}
    found = plan(spec(hops=1, **asked, **SAVED), OLD.seen(), chart(), view)
    assert found.kinds == ("prove", "snapshot", "chart_hop")
    assert found.steps[-1].reason.endswith("; hops left for later runs: 1")
    assert not found.complete
    later = ["snapshot", "kubernetes_hop", *(["values"] if view is View.EVERYTHING else [])]
    assert [step.kind for step in found.later] == later
    enough = plan(spec(hops=2, **asked, **SAVED), OLD.seen(), chart(), view)
    assert enough.steps == plan(spec(**asked, **SAVED), OLD.seen(), chart(), view).steps


def test_a_run_takes_at_least_one_hop() -> None:
    with pytest.raises(Refused, match="vcluster_hops is 0"):
        spec(hops=0)


def test_the_view_of_an_upgrade_leaves_everything_else_alone() -> None:
    asked = spec(values={"telemetry": {"enabled": False}}, store=DEPLOYED, **SAVED)
    running = installed(spec(version="0.35.3"), kubernetes="1.35.4").seen()
    etcd = plane("backingStore", "etcd", "deploy", "enabled", value=True)
    running = Running(etcd, "0.35.3", "1.35.4", members=1).seen()
    found = plan(asked, running, chart(), View.VERSIONS)
    assert found.kinds == ("prove", "snapshot", "chart_hop")
    assert not found.complete
    nothing = plan(asked, Running(etcd, members=1).seen(), chart(), View.VERSIONS)
    assert (nothing.steps, nothing.complete) == ((), False)


def test_a_view_of_sizes_moves_no_version() -> None:
    found = plan(spec(kubernetes_version="1.36.0"), OLD.seen(), chart("0.35.3"), View.SIZE)
    assert found.steps == ()


def test_g18_etcd_is_held_at_the_hop_and_moves_after_it() -> None:
    found = plan(spec(version="0.29.3", **SAVED), old_etcd().seen(), chart("0.29.3"))
    assert found.kinds == ("prove", "snapshot", "chart_hop", "snapshot", "etcd_hop")
    assert [read(step.values or {}, ETCD) for step in hops(found)] == ["3.5.25-0", "3.6.4-0"]
    assert [step.disruption.kind for step in hops(found)] == ["outage", "outage"]
    assert "G18" in warning(found)


def test_g48_g18_a_run_that_ended_between_the_hops_is_gone_on_with() -> None:
    """The pin that held etcd is ours, so it goes on; it was proved, or not yet."""
    held = pinned("3.5.25-0")
    moved = replace(old_etcd(held), version="0.29.3")
    base = old_etcd().seen().base
    for seen in (moved.seen(), moved.seen(base=base)):
        found = plan(spec(version="0.29.3", **SAVED), seen, chart("0.29.3"))
        assert found.kinds == ("prove", "snapshot", "etcd_hop")
        assert found.foreign == ()


def test_g52_a_version_of_etcd_that_somebody_else_pinned_stays() -> None:
    held = replace(old_etcd(pinned("3.5.25-0"), proved=False), version="0.29.3").seen()
    found = plan(spec(version="0.29.3", **SAVED), held, chart("0.29.3"))
    assert found.kinds == ("prove",)
    assert found.foreign == (pointer(ETCD),)
    asked = spec(version="0.29.3", values=pinned("3.6.4-0"), **SAVED)
    assert plan(asked, held, chart("0.29.3")).kinds == ("prove", "snapshot", "etcd_hop")


@pytest.mark.parametrize(("target", "told"), [(None, 1), ("1.34.0", 0)])
def test_g20_the_pair_at_the_end_of_the_way_is_told_once(target: str | None, told: int) -> None:
    seen = Running(version="0.35.3", kubernetes="1.33.4", host=(1, 34)).seen()
    found = plan(spec(kubernetes_version=target, **SAVED), seen, chart())
    assert hops(found)
    assert [finding.guard for finding in found.findings].count("G20") == told


def test_g63_lost_members_are_mended_before_versions_move() -> None:
    asked = spec(store=DEPLOYED, **SAVED)
    running = installed(spec(store=DEPLOYED, version="0.35.3"), kubernetes="1.35.4", members=3)
    lost = running.seen(
        members=MemberList(frozenset({0, 1, 2})), lost_members={1: "its claim is gone"}
    )
    found = plan(asked, lost, chart())
    assert found.kinds == ("replace_member", "prove", "snapshot", "chart_hop")
    args = ("controlPlane", "backingStore", "etcd", "deploy", "statefulSet", "extraArgs")
    joined = ["--initial-cluster-state=existing"]
    assert [read(step.values or {}, args) for step in found.steps if step.values] == [joined] * 2
    assert [step.version for step in found.steps] == ["0.35.3", "0.35.3", "0.35.3", "0.36.1"]


def test_g16_what_nobody_can_tell_matters_only_to_what_moves() -> None:
    seen = by_hand(Running(version="0.35.3").seen(), images={"kubernetes": "kubernetes:latest"})
    assert seen.last_good
    seen = replace(seen, last_good=replace(seen.last_good, workloads=()))
    assert refusing(plan(spec(), seen, chart())) == {"G16"}
    asked = spec(version="0.35.3", values={"telemetry": {"enabled": False}})
    assert plan(asked, seen, chart("0.35.3")).kinds == ("values",)


@pytest.mark.parametrize("view", [View.EVERYTHING, View.SIZE, View.CERTIFICATES])
def test_g25_etcd_that_somebody_raised_by_hand_is_not_taken_down(view: View) -> None:
    running = Running(pinned("3.6.4-0"), members=1, etcd="3.6.4-0").seen()
    control, etcd = running.workloads
    raised = replace(etcd, images={"etcd": "registry.k8s.io/etcd:3.6.8-0"})
    seen = replace(running, workloads=(control, raised))
    found = plan(spec(**SAVED), seen, chart(), view)
    assert refusing(found) == {"G25"}
    (refusal,) = found.refusals
    assert "runs 3.6.8-0, and its values say 3.6.4-0" in refusal.what
    said = spec(values=pinned("3.6.8-0"), **SAVED)
    assert not refusing(plan(said, seen, chart(), View.EVERYTHING))


def test_g17_g38_what_to_write_instead_is_a_diff_for_the_inventory_and_a_secret_stays_one() -> None:
    storage = {"storage": {"oci": {"password": "s3cret"}}}
    old = {
        "external": {
            "platform": {
                "autoSleep": {"afterInactivity": 60},
                "autoSnapshot": {"enabled": True, **storage},
            }
        }
    }
    seen = Running(old, version="0.31.3", kubernetes="1.34.0").seen()
    place = "/external/platform/autoSnapshot/storage/oci/password"
    asked = replace(spec(version="0.32.3", values=old, **SAVED), secret_paths=(place,))
    found = plan(asked, seen, chart("0.32.3"))
    assert refusing(found) == {"G17"}
    text = "\n".join(plan_lines("t", found, asked.secret_paths))
    assert "- external.platform.autoSleep.afterInactivity: 60" in text
    assert "+ sleep.auto.afterInactivity: 60s" in text
    assert "+ snapshots.auto.storage.oci.password: (hidden)" in text
    assert "s3cret" not in text + str(plan_as_data(found, asked.secret_paths))
    given_up = plan(
        replace(spec(version="0.32.3", **SAVED), secret_paths=(place,)), seen, chart("0.32.3")
    )
    assert not refusing(given_up)
    assert "s3cret" not in "\n".join(plan_lines("t", given_up, (place,)))
