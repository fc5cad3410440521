# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The chart line and the tenant's Kubernetes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from paper import (
    NOTHING,
    SAVED,
    VANISHED,
    Running,
    by_hand,
    chart,
    nested,
    plane,
    refusing,
    spec,
    warning,
)

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Observation
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import Kind
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.values import read


@pytest.mark.parametrize(
    ("running", "target", "kinds"),
    [
        ("0.36.1", "0.36.0", "refused"),
        ("0.36.1", "0.35.3", "refused"),
        ("0.34.7", "0.36.1", "0.35.3 0.36.1"),
        ("0.35.3", "0.36.1", "0.36.1"),
        ("0.36.0", "0.36.1", "0.36.1"),
        ("0.36.0+build", "0.36.1", "0.36.1"),
        ("0.36.0-rc.9", "0.36.0-rc.10", "0.36.0-rc.10"),
        ("0.36.0-rc.10", "0.36.0-rc.9", "refused"),
    ],
)
def test_g16_the_chart_goes_up_one_line_at_a_time(running: str, target: str, kinds: str) -> None:
    found = plan(spec(version=target, **SAVED), Running(version=running).seen(), chart(target))
    hops = [step.version for step in found.steps if step.kind is Kind.CHART_HOP]
    assert (" ".join(hops) or "refused") == kinds
    assert refusing(found) == ({"G16"} if kinds == "refused" else set())


@pytest.mark.parametrize(
    ("running", "target", "kinds"),
    [
        ("1.36.0", "1.35.4", "refused"),
        ("1.34.4", "1.36.0", "1.35.0 1.36.0"),
        ("1.35.4", "1.36.0", "1.36.0"),
        ("1.36.0", "1.36.3", "1.36.3"),
    ],
)
def test_g16_kubernetes_goes_up_one_minor_at_a_time(running: str, target: str, kinds: str) -> None:
    seen = Running(kubernetes=running).seen()
    found = plan(spec(kubernetes_version=target, **SAVED), seen, chart())
    hops = [step.changes[0].after for step in found.steps if step.kind is Kind.KUBERNETES_HOP]
    assert (" ".join(hops) or "refused") == kinds


@pytest.mark.parametrize(
    ("running", "target", "refused"),
    [
        ("1.36.0", "v1.33.0", True),
        ("1.36.0", "v1.35.4", True),
        ("1.34.0", "v1.36.0", False),
        ("1.35.4", "v1.36.0", False),
        ("1.36.0", "v1.36.0", False),
        ("1.36.0", "v1.36.0-custom", False),
        ("1.36.1", "v1.36.0-custom", True),
    ],
)
@pytest.mark.parametrize("key", [("version",), ("image", "tag")])
def test_g16_a_pin_in_raw_values_is_held_to_the_same_rules(
    running: str, target: str, refused: bool, key: tuple[str, ...]
) -> None:
    raw = plane("distro", "k8s", *key, value=target)
    found = plan(spec(values=raw, **SAVED), Running(kubernetes=running).seen(), chart())
    assert ("G16" in refusing(found)) is refused
    moved = not refused and target.partition("-")[0] != f"v{running}"
    assert ("kubernetes_hop" in found.kinds) is moved


def test_g16_a_running_chart_without_a_version_is_refused_with_its_name() -> None:
    found = plan(spec(), Running(version="mine").seen(), chart())
    assert refusing(found) == {"G16"}
    assert "mine" in found.refusals[0].what


def test_g16_kubernetes_is_not_moved_from_what_nobody_can_tell() -> None:
    seen = by_hand(Running(version="0.35.3").seen(), images={"kubernetes": "kubernetes:latest"})
    assert seen.last_good
    seen = replace(seen, last_good=replace(seen.last_good, workloads=()))
    assert refusing(plan(spec(), seen, chart())) == {"G16"}
    assert refusing(plan(spec(kubernetes_version="1.36.1"), seen, chart())) == {"G16"}
    assert not refusing(plan(spec(version="0.35.3"), seen, chart("0.35.3")))


def test_g20_a_pin_by_version_is_seen() -> None:
    raw = plane("distro", "k8s", "version", value="v1.33.4")
    assert refusing(plan(spec(values=raw), NOTHING, chart())) == {"G20"}


def test_an_unknown_line_is_refused() -> None:
    found = plan(spec(version="0.99.0"), NOTHING, chart("0.99.0"))
    assert "0.36" in found.refusals[0].way_out


@pytest.mark.parametrize(("host", "refused"), [((1, 33), False), ((1, 34), True), ((1, 36), True)])
def test_g20_an_old_tenant_on_a_new_host(host: tuple[int, int], refused: bool) -> None:
    seen = Running(host=host).seen(**VANISHED)
    found = plan(spec(kubernetes_version="1.33.4"), seen, chart())
    assert (refusing(found) == {"G20"}) is refused
    runs = Running(
        plane("distro", "k8s", "image", "tag", value="v1.33.4"), kubernetes="1.33.4", host=host
    ).seen()
    found = plan(spec(kubernetes_version="1.33.4"), runs, chart())
    assert not refusing(found)
    assert ("G20" in warning(found)) is refused


@pytest.mark.parametrize(
    ("version", "refused"),
    [("0.31.0", True), ("0.32.3", True), ("0.33.1", True), ("0.33.2", False), ("0.34.0", False)],
)
def test_g60_network_policies_that_cut_the_api_off(version: str, refused: bool) -> None:
    asked = spec(version=version, values=nested("policies", "networkPolicy", "enabled", value=True))
    assert (refusing(plan(asked, NOTHING, chart(version))) == {"G60"}) is refused


K3S = plane("distro", "k3s", "enabled", value=True)
TAG = ("controlPlane", "distro", "k3s", "image", "tag")


def on_k3s(version: str = "0.31.3", **pin: str) -> Observation:
    """One with k3s 1.32.1; its base asked for it."""
    values = plane("distro", "k3s", value={"enabled": True, **({"image": pin} if pin else {})})
    seen = by_hand(
        Running(values, version=version).seen(), images={"vcluster": "rancher/k3s:v1.32.1-k3s1"}
    )
    assert seen.release
    asked = replace(seen.release, workloads=seen.workloads)
    return replace(seen, release=asked, base=asked, last_good=asked)


@pytest.mark.parametrize(
    ("version", "more", "words"),
    [
        # The vendor's takeover begins with 0.25.
        ("0.24.2", {"kubernetes_version": "1.32.8"}, "on a chart from 0.25 to 0.32"),
        ("0.31.3", {}, "Set vcluster_kubernetes_version to a release of 1.32"),
        ("0.31.3", {"kubernetes_version": "1.33.4"}, "to a release of 1.32"),
        ("0.31.3", {"kubernetes_version": "1.32.1"}, "then set vcluster_rollback: never"),
        ("0.31.3", {"kubernetes_version": "1.32.4"}, "then set vcluster_rollback: never"),
    ],
)
def test_g21_k3s_that_is_gone_from_the_inventory_does_not_become_k8s_by_the_way(
    version: str, more: dict[str, str], words: str
) -> None:
    found = plan(spec(version=version, **more), on_k3s(version), chart(version))
    assert "G21" in refusing(found)
    assert any(words in str(refusal) for refusal in found.refusals), found.refusals


def test_g21_where_nothing_shall_go_back_it_does() -> None:
    asked = spec(version="0.31.3", kubernetes_version="1.32.4", rollback="never")
    found = plan(asked, on_k3s(), chart("0.31.3"))
    assert [(step.kind, step.way_back) for step in found.steps] == [("values", "none")]
    assert read(found.steps[0].values or {}, ("controlPlane", "distro")) == {
        "k8s": {"image": {"tag": "v1.32.4"}}
    }


def test_g21_k3s_does_not_come_where_k8s_runs() -> None:
    seen = Running(version="0.31.3", kubernetes="1.32.4").seen()
    found = plan(spec(version="0.31.3", values=K3S, rollback="never"), seen, chart("0.31.3"))
    assert refusing(found) == {"G21"}


def test_g19_the_pin_of_k3s_stays_with_it() -> None:
    """Without it the next chart's default would decide, three minors up."""
    seen = on_k3s(tag="v1.32.1-k3s1")
    asked = spec(version="0.31.3", values={**K3S, "telemetry": {"enabled": False}})
    (step,) = plan(asked, seen, chart("0.31.3")).steps
    assert step.kind is Kind.VALUES
    assert read(step.values or {}, TAG) == "v1.32.1-k3s1"
    hop = plan(spec(version="0.32.3", values=K3S, **SAVED), seen, chart("0.32.3"))
    assert hop.kinds == ("prove", "snapshot", "chart_hop")
    assert read(hop.steps[-1].values or {}, TAG) == "v1.32.1-k3s1"
    tag = plane("distro", "k3s", value={"enabled": True, "image": {"tag": "v1.33.3-k3s1"}})
    moved = plan(spec(version="0.31.3", values=tag, **SAVED), seen, chart("0.31.3"))
    assert moved.kinds == ("prove", "snapshot", "kubernetes_hop")
    assert read(moved.steps[-1].values or {}, TAG) == "v1.33.3-k3s1"


def test_g21_a_release_of_k3s_is_not_said_by_the_variable() -> None:
    asked = spec(version="0.31.3", kubernetes_version="1.33.3", values=K3S, **SAVED)
    found = plan(asked, on_k3s(), chart("0.31.3"))
    assert refusing(found) == {"G21"}
    assert "at /controlPlane/distro/k3s/image/tag" in str(found.refusals[0])


def test_g21_an_adopted_one_with_k3s_keeps_it() -> None:
    """Nobody asked for k8s: that the inventory does not say k3s is no reason to refuse."""
    seen = replace(on_k3s(), base=None)
    assert refusing(plan(spec(version="0.32.3", **SAVED), seen, chart("0.32.3"))) == set()


def test_g57_where_the_parts_have_images_of_their_own_the_version_is_the_pin() -> None:
    """Until 0.24 there is no image of all parts, and its schema knows no such key."""
    seen = Running(version="0.24.2", kubernetes="1.31.1").seen()
    asked = spec(version="0.24.2", kubernetes_version="1.31.1")
    (step,) = plan(asked, seen, chart("0.24.2")).steps
    assert read(step.values or {}, ("controlPlane", "distro", "k8s")) == {"version": "v1.31.1"}
