# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The chart line and the tenant's Kubernetes."""

from __future__ import annotations

import pytest
from paper import NOTHING, VANISHED, Running, chart, nested, refusing, spec, warning

from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan


@pytest.mark.parametrize(
    ("running", "target", "kinds"),
    [
        ("0.36.1", "0.36.0", "refused"),
        ("0.36.1", "0.35.3", "refused"),
        ("0.34.7", "0.36.1", "refused"),
        ("0.35.3", "0.36.1", "chart_hop"),
        ("0.36.0", "0.36.1", "chart_hop"),
    ],
)
def test_g16_the_chart_goes_up_one_line_at_a_time(running: str, target: str, kinds: str) -> None:
    found = plan(spec(version=target), Running(version=running).seen(), chart(target))
    assert found.kinds == (kinds,)
    assert refusing(found) == ({"G16"} if kinds == "refused" else set())


@pytest.mark.parametrize(
    ("running", "target", "kinds"),
    [
        ("1.36.0", "1.35.4", "refused"),
        ("1.34.4", "1.36.0", "refused"),
        ("1.35.4", "1.36.0", "kubernetes_hop"),
        ("1.36.0", "1.36.3", "kubernetes_hop"),
    ],
)
def test_g16_kubernetes_goes_up_one_minor_at_a_time(running: str, target: str, kinds: str) -> None:
    seen = Running(kubernetes=running).seen()
    assert plan(spec(kubernetes_version=target), seen, chart()).kinds == (kinds,)


def test_an_unknown_line_is_refused() -> None:
    found = plan(spec(version="0.99.0"), NOTHING, chart("0.99.0"))
    assert "0.36" in found.refusals[0].way_out


@pytest.mark.parametrize(("host", "refused"), [((1, 33), False), ((1, 34), True), ((1, 36), True)])
def test_g20_an_old_tenant_on_a_new_host(host: tuple[int, int], refused: bool) -> None:
    seen = Running(host=host).seen(**VANISHED)
    found = plan(spec(kubernetes_version="1.33.4"), seen, chart())
    assert (refusing(found) == {"G20"}) is refused
    runs = Running(kubernetes="1.33.4", host=host).seen()
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
