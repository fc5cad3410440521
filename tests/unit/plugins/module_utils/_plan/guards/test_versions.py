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

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import Kind
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan


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
