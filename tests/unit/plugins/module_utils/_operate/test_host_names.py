# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which inventory host a found vCluster is: no two collapse into one."""

from __future__ import annotations

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.host_names import (
    Place,
    Written,
    host_names,
)

WEST, EAST = Place("west", "vcluster-a", "a"), Place("east", "vcluster-a", "a")
OTHER = Place("west", "vcluster-b", "b")
DOUBLE = "{cluster}.{namespace}.{name}"


def named(
    *places: Place, written: tuple[Written, ...] = (), pattern: str = "{name}"
) -> dict[Place, str]:
    return host_names(places, written, pattern, DOUBLE)


def says(host: str, cluster: str | None = "west", *, name: str = "a") -> Written:
    return Written(host, name, f"vcluster-{name}", cluster)


def test_a_name_that_is_there_once_is_the_host() -> None:
    assert named(WEST, OTHER) == {WEST: "a", OTHER: "b"}


def test_of_two_with_one_name_neither_keeps_it_whatever_their_order() -> None:
    expected = {WEST: "west.vcluster-a.a", EAST: "east.vcluster-a.a", OTHER: "b"}
    assert named(WEST, EAST, OTHER) == expected
    assert named(OTHER, EAST, WEST) == expected


def test_the_pattern_can_hold_all_three_parts() -> None:
    assert named(WEST, pattern="{name}@{cluster}/{namespace}") == {WEST: "a@west/vcluster-a"}


def test_one_that_is_written_under_another_name_is_merged() -> None:
    assert named(WEST, EAST, written=(says("prod-a"),)) == {WEST: "prod-a", EAST: "a"}


def test_a_name_that_is_written_for_another_one_is_not_taken() -> None:
    elsewhere = says("a", cluster="")
    assert named(WEST, written=(elsewhere,)) == {WEST: "west.vcluster-a.a"}
    assert named(WEST, EAST, written=(says("a"),)) == {WEST: "a", EAST: "east.vcluster-a.a"}


def test_a_host_that_names_no_host_cluster_is_merged_where_only_one_can_be_meant() -> None:
    unplaced = says("prod-a", None)
    assert named(WEST, written=(unplaced,)) == {WEST: "prod-a"}
    assert "prod-a" not in named(WEST, EAST, written=(unplaced,)).values()


def test_two_hosts_for_one_vcluster_are_left_alone() -> None:
    assert named(WEST, written=(says("x"), says("y"))) == {WEST: "a"}


def test_an_unknown_placeholder_is_named() -> None:
    with pytest.raises(FleetError, match="zone"):
        named(WEST, pattern="{zone}")


def test_a_double_name_for_doubles_is_an_error() -> None:
    with pytest.raises(FleetError, match="Several vClusters"):
        host_names([WEST, EAST], (), "{name}", "{name}-x")
    with pytest.raises(FleetError, match="inventory host a"):
        host_names([WEST], (says("a", cluster=""),), "{name}", "{name}")
