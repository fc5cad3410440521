# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hops between the interesting pairs, what each one says, and the refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.finding import refusals
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.distro import distro_in
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.hops import (
    Route,
    Running,
    Target,
    route,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.values import build, read

TAG = ("controlPlane", "distro", "k8s", "image", "tag")
VERSION = ("controlPlane", "distro", "k8s", "version")
ETCD = ("controlPlane", "backingStore", "etcd", "deploy", "statefulSet", "image", "tag")
POLICY = {"policies": {"networkPolicy": {"enabled": True}}}
K3S = {"controlPlane": {"distro": {"k3s": {"enabled": True}}}}
K0S = {"controlPlane": {"distro": {"k0s": {"enabled": True}}}}
DATABASE = {"controlPlane": {"backingStore": {"database": {"external": {"enabled": True}}}}}


def etcd(members: int = 3) -> dict[str, Any]:
    deploy = {
        "enabled": True,
        "statefulSet": {"highAvailability": {"replicas": members}},
    }
    return {"controlPlane": {"backingStore": {"etcd": {"deploy": deploy}}}}


def short(found: Route) -> list[str]:
    """Each hop as what moves and where it goes."""
    words = {"chart_hop": "chart", "kubernetes_hop": "kubernetes", "etcd_hop": "store"}
    return [f"{words[hop.kind]} {getattr(hop.after, words[hop.kind])}" for hop in found.hops]


def refused(found: Route) -> list[str]:
    assert not found.hops
    assert len(refusals(found.findings)) == len(found.findings)
    return [finding.guard for finding in found.findings]


@pytest.mark.parametrize(
    ("running", "target", "hops"),
    [
        (Running("0.36.1", "1.36.0"), Target("0.36.1"), []),
        (Running("0.36.0", "1.36.0"), Target("0.36.1"), ["chart 0.36.1"]),
        (Running("0.36.1", "1.36.0"), Target("0.36.1", "1.36.3"), ["kubernetes 1.36.3"]),
        (Running("0.34.0", "1.35.0"), Target("0.36.0"), ["chart 0.35.3", "chart 0.36.0"]),
        # Two at once: the chart first, then Kubernetes, by the releases that the chart supports.
        (
            Running("0.34.7", "1.34.4"),
            Target("0.35.3", "1.36.2"),
            ["chart 0.35.3", "kubernetes 1.35.0", "kubernetes 1.36.2"],
        ),
        # The chart waits for Kubernetes, and Kubernetes for the chart.
        (
            Running("0.24.2", "1.28.11"),
            Target("0.27.3", "1.33.4"),
            [
                "kubernetes 1.29.6",
                "kubernetes 1.30.2",
                "chart 0.25.2",
                "chart 0.26.5",
                "chart 0.27.3",
                "kubernetes 1.31.1",
                "kubernetes 1.32.1",
                "kubernetes 1.33.4",
            ],
        ),
        # k3s has its own images.
        (
            Running("0.31.3", "1.33.3-k3s1", K3S),
            Target("0.32.3", "1.35.0-k3s1", values=K3S),
            ["chart 0.32.3", "kubernetes 1.34.1-k3s1", "kubernetes 1.35.0-k3s1"],
        ),
    ],
)
def test_g16_the_hops_in_order(running: Running, target: Target, hops: list[str]) -> None:
    found = route(running, target)
    assert (short(found), refusals(found.findings)) == (hops, ())


@pytest.mark.parametrize(
    ("running", "target", "hops"),
    [
        # Over the last 3.5, and to 3.6 as soon as a chart brings it.
        (
            Running("0.24.0", "1.30.2", etcd(), "3.5.17-0"),
            Target("0.35.3"),
            [
                "chart 0.25.2",
                "chart 0.26.5",
                "store 3.5.25-0",
                "chart 0.27.3",
                "chart 0.28.2",
                "chart 0.29.3",
                "store 3.6.4-0",
                "chart 0.30.5",
                "chart 0.31.3",
                "chart 0.32.3",
                "chart 0.33.4",
                "chart 0.34.7",
                "chart 0.35.3",
                "store 3.6.8-0",
            ],
        ),
        (
            Running("0.28.2", "1.33.4", etcd(), "3.5.25-0"),
            Target("0.29.3"),
            ["chart 0.29.3", "store 3.6.4-0"],
        ),
        # One that a pin has held back, one that is newer than any chart's, one that was asked for.
        (
            Running("0.36.1", "1.36.0", etcd(), "3.5.17-0"),
            Target("0.36.1"),
            ["store 3.5.25-0", "store 3.6.8-0"],
        ),
        (
            Running("0.36.1", "1.36.0", etcd(), "3.5.26-0"),
            Target("0.36.1", store="3.6.4-0"),
            ["store 3.6.4-0"],
        ),
        (
            Running("0.28.2", "1.33.4", etcd(), "3.5.25-0"),
            Target("0.30.5", store="3.5.26-0"),
            ["chart 0.29.3", "chart 0.30.5", "store 3.5.26-0"],
        ),
        # G56: a default that is below what runs moves nothing.
        (
            Running("0.26.5", "1.32.8", etcd(), "3.5.25-0"),
            Target("0.27.0"),
            ["chart 0.27.0"],
        ),
    ],
)
def test_g18_etcd_goes_over_the_last_release_of_its_minor(
    running: Running, target: Target, hops: list[str]
) -> None:
    found = route(running, target)
    assert (short(found), refusals(found.findings)) == (hops, ())


def test_g18_members_that_may_come_back_are_told() -> None:
    for tag, told in (("3.5.25-0", True), ("3.5.26-0", False)):
        found = route(Running("0.29.3", "1.33.4", etcd(), tag), Target("0.29.3"))
        assert [(f.guard, f.severity) for f in found.findings] == [("G18", "warn")] * told


@pytest.mark.parametrize(
    ("running", "target", "guards"),
    [
        (Running("0.36.1", "1.36.0"), Target("0.35.3"), ["G16"]),
        (Running("0.36.1", "1.36.0"), Target("0.36.1", "1.35.4"), ["G16"]),
        (Running("0.36.1", "1.36.0"), Target("0.36.1", "1.37.0"), ["G16"]),
        (Running("0.36.1", "1.36.0"), Target("0.37.0"), ["G16"]),
        (Running("0.19.10", "1.30.2"), Target("0.36.1"), ["G16"]),
        (Running("mine", "1.30.2"), Target("0.36.1"), ["G16"]),
        (Running("0.36.0", None), Target("0.36.1"), ["G16"]),
        (Running("0.36.0", "1.36.0"), Target("0.36.1", "latest"), ["G16"]),
        (Running("0.24.2", "1.29.6"), Target("0.25.2"), ["G16"]),
        (Running("0.20.6", "1.24.3"), Target("0.20.6", "1.27.16"), ["G16"]),
        (Running("0.35.3", "1.36.0", etcd()), Target("0.36.1"), ["G18"]),
        (
            Running("0.28.2", "1.33.4", etcd(), "3.5.25-0"),
            Target("0.28.2", store="3.6.4-0"),
            ["G18"],
        ),
        (
            Running("0.36.0", "1.36.0", etcd(), "3.6.8-0"),
            Target("0.36.1", store="3.6.4-0"),
            ["G25"],
        ),
        (Running("0.36.0", "1.36.0"), Target("0.36.1", store="3.6.8-0"), ["spec"]),
        (Running("0.30.5", "1.34.0", POLICY), Target("0.34.7", values=POLICY), ["G60"]),
        (Running("0.32.3", "1.34.1-k3s1", K3S), Target("0.33.4", values=K3S), ["G21", "G17"]),
        (Running("0.32.0", "1.34.1-k3s1", K3S), Target("0.32.3", distro="k8s"), ["G21"]),
        (Running("0.25.2", "1.30.2-k0s.0", K0S), Target("0.26.5", values=K0S), ["G21", "G17"]),
    ],
)
def test_refusals_g16_g17_g18_g21_g25_g60(
    running: Running, target: Target, guards: list[str]
) -> None:
    found = route(running, target)
    assert refused(found) == guards
    assert all(finding.way_out for finding in found.findings)


@pytest.mark.parametrize(
    ("chart", "values", "words"),
    [
        (
            "0.24.2",
            K3S,
            "Set vcluster_version to 0.32.3 first. On 0.32.3 remove controlPlane.distro.k3s",
        ),
        ("0.31.3", K3S, ". On 0.31.3 remove controlPlane.distro.k3s"),
        ("0.32.0", K3S, "of the same minor and no lower than 1.32.1"),
        ("0.24.2", K0S, "Install a new vCluster with k8s"),
    ],
)
def test_g21_the_last_line_is_named_with_what_to_do_there(
    chart: str, values: dict[str, Any], words: str
) -> None:
    kubernetes = "1.32.1-k3s1" if values is K3S else "1.30.2-k0s.0"
    finding = route(Running(chart, kubernetes, values), Target("0.36.1")).findings[-1]
    assert finding.guard == "G21"
    assert words in str(finding)


def test_g16_the_rule_that_closed_the_last_way_is_named() -> None:
    found = route(Running("0.24.2", "1.32.1"), Target("0.28.2", "1.34.0"))
    assert refused(found) == ["G16"]
    assert "line 0.28 support tenant Kubernetes up to 1.33" in str(found.findings[0])
    assert "Set vcluster_version to a release of 0.30 or later" in str(found.findings[0])


def test_g60_lifted_or_there_already_it_is_passed_by_the_patch_that_is_free_of_it() -> None:
    asked = Target("0.34.7", values=POLICY, allow=frozenset({"G60"}))
    for running, target in (
        (Running("0.30.5", "1.34.0", POLICY), asked),
        (Running("0.31.3", "1.34.0", POLICY), Target("0.34.7", values=POLICY)),
    ):
        found = route(running, target)
        assert short(found)[-3:] == ["chart 0.32.3", "chart 0.33.4", "chart 0.34.7"]
        assert {finding.guard for finding in found.findings} == {"G60"}
        assert not any("0.33.4" in str(finding) for finding in found.findings)


def test_g19_every_hop_pins_what_does_not_move() -> None:
    found = route(Running("0.34.7", "1.35.2", etcd(), "3.6.4-0"), Target("0.35.3", "1.36.0"))
    assert [(hop.kind, dict(hop.pins)) for hop in found.hops] == [
        ("chart_hop", {TAG: "v1.35.2", ETCD: "3.6.4-0"}),
        ("etcd_hop", {TAG: "v1.35.2", ETCD: "3.6.8-0"}),
        ("kubernetes_hop", {TAG: "v1.36.0", ETCD: "3.6.8-0"}),
    ]
    for hop in found.hops:
        assert [read(hop.values, path) for path, _text in hop.pins] == [t for _p, t in hop.pins]
    assert found.hops[0].reason == (
        "chart 0.34.7 -> 0.35.3, Kubernetes stays at 1.35.2, etcd at 3.6.4-0"
    )


def test_g19_a_pin_is_kept_as_it_is_written_and_where_it_is_written() -> None:
    pinned = build([(VERSION, "v1.35.2@sha256:1")])
    found = route(Running("0.34.7", "1.35.2", pinned), Target("0.35.3", "1.36.0"))
    assert [hop.pins for hop in found.hops] == [
        ((VERSION, "v1.35.2@sha256:1"),),
        ((VERSION, "v1.36.0"),),
    ]


def test_g57_a_chart_that_follows_the_host_is_pinned_in_all_its_parts() -> None:
    part = ("controlPlane", "distro", "k8s", "apiServer", "image", "tag")
    running = Running("0.24.2", "1.30.2", build([(part, "v1.30.2")]))
    found = route(running, Target("0.25.2", "1.31.1"))
    assert short(found) == ["chart 0.25.2", "kubernetes 1.31.1"]
    assert found.hops[0].values == build([(TAG, "v1.30.2")])
    assert [(r.old, r.new) for r in found.hops[0].renames] == [
        ("/controlPlane/distro/k8s/apiServer/image/tag", "/controlPlane/distro/k8s/image/tag")
    ]
    early = route(Running("0.24.1", "1.30.2", running.values), Target("0.24.1", "1.31.1"))
    assert dict(early.hops[0].pins) == {VERSION: "v1.31.1", part: "v1.31.1"}


def test_g57_a_kubernetes_that_the_host_brought_stays_and_is_told() -> None:
    found = route(Running("0.24.2", "1.34.0", host=(1, 34)), Target("0.26.5"))
    assert short(found) == ["chart 0.25.2", "chart 0.26.5"]
    assert all(read(hop.values, TAG) == "v1.34.0" for hop in found.hops)
    assert [finding.guard for finding in found.findings] == ["G57"]


@pytest.mark.parametrize(
    ("host", "told"), [((1, 33), True), ((1, 34), False), ((1, 36), False), (None, False)]
)
def test_g20_a_host_that_the_vendor_did_not_try_the_line_on_is_told(
    host: tuple[int, int] | None, told: bool
) -> None:
    found = route(Running("0.35.3", "1.34.0", host=host), Target("0.36.1"))
    assert found.hops
    assert [(f.guard, f.severity) for f in found.findings] == [("G20", "warn")] * told


@pytest.mark.parametrize(
    ("running", "target", "backs"),
    [
        (Running("0.36.0", "1.36.0"), Target("0.36.1", "1.36.3"), ["values", "values"]),
        (Running("0.35.3", "1.35.0"), Target("0.36.1", "1.36.0"), ["snapshot", "snapshot"]),
        (
            Running("0.36.1", "1.36.0", etcd(), "3.5.21-0"),
            Target("0.36.1"),
            ["values", "snapshot"],
        ),
        (Running("0.35.3", "1.36.0", DATABASE), Target("0.36.1"), ["none"]),
        (Running("0.36.0", "1.36.0", DATABASE), Target("0.36.1"), ["values"]),
    ],
)
def test_g25_the_way_back_of_each_hop(running: Running, target: Target, backs: list[str]) -> None:
    found = route(running, target)
    assert [hop.way_back for hop in found.hops] == backs
    assert [hop.snapshot for hop in found.hops] == [back == "snapshot" for back in backs]
    assert ("G25" in {finding.guard for finding in found.findings}) is ("none" in backs)


@pytest.mark.parametrize(
    ("running", "target", "rolled"),
    [
        (Running("0.36.0", "1.36.0"), Target("0.36.1"), [False]),
        (Running("0.36.0", "1.36.0", etcd(3), "3.6.8-0"), Target("0.36.1"), [False]),
        # 0.28 changes the members' template.
        (
            Running("0.27.3", "1.33.4", etcd(1), "3.5.25-0"),
            Target("0.29.3"),
            [True, False, True],
        ),
    ],
)
def test_g11_which_hops_restart_the_members(
    running: Running, target: Target, rolled: list[bool]
) -> None:
    assert [hop.rolls_members for hop in route(running, target).hops] == rolled


def test_g17_keys_of_the_inventory_are_refused_before_the_first_hop_with_a_diff() -> None:
    old = {"sleepMode": {"enabled": True, "autoSleep": {"afterInactivity": "1h"}}}
    found = route(Running("0.30.5", "1.34.0", old), Target("0.36.1", values=old))
    assert refused(found) == ["G17", "G17"]
    assert [(r.old, r.new, r.value) for r in found.renames] == [
        ("/sleepMode/autoSleep/afterInactivity", "/sleep/auto/afterInactivity", "1h"),
        ("/sleepMode/enabled", None, None),
    ]


def test_g17_what_runs_is_brought_over_at_the_hop_to_the_line_that_moved_it() -> None:
    live = {
        "sleepMode": {"enabled": True, "autoSleep": {"afterInactivity": "1h"}},
        "deploy": {"volumeSnapshotController": {"enabled": True}},
    }
    found = route(Running("0.31.3", "1.34.0", live), Target("0.36.1"))
    assert short(found)[0] == "chart 0.32.3"
    # What goes without anything in its place is shown too.
    assert [bool(hop.renames) for hop in found.hops] == [True, False, False, False, True]
    assert all(hop.values["sleep"] == {"auto": {"afterInactivity": "1h"}} for hop in found.hops)
    # Nothing stands for this one, and nobody asks for it any more.
    assert ["deploy" in hop.values for hop in found.hops] == [True, True, True, True, False]


def test_g17_g52_what_somebody_else_put_there_is_not_dropped_with_its_key() -> None:
    live = {
        "experimental": {"multiNamespaceMode": {"enabled": True}},
        "telemetry": {"enabled": False},
    }
    theirs = ("/experimental/multiNamespaceMode/enabled", "/telemetry/enabled")
    running = Running("0.25.2", "1.32.8", live, foreign=theirs)
    found = route(running, Target("0.26.5"))
    assert refused(found) == ["G17"]
    (finding,) = found.findings
    assert "/experimental/multiNamespaceMode/enabled, which went with 0.26" in finding.what
    assert "telemetry" not in finding.what
    # Asked for before, and not any more: it goes, and the plan shows it.
    (hop,) = route(replace(running, foreign=()), Target("0.26.5")).hops
    assert [rename.old for rename in hop.renames] == ["/experimental/multiNamespaceMode"]
    assert "experimental" not in hop.values


def test_distro_by_its_switch() -> None:
    assert [distro_in(values) for values in ({}, K3S, K0S)] == ["k8s", "k3s", "k0s"]
    off = {"controlPlane": {"distro": {"k3s": {"enabled": False}}}}
    assert distro_in(off) == "k8s"
