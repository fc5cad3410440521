# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts of the chart lines hang together, and versions sort as the vendor means them."""

from __future__ import annotations

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.lines.registry import (
    LINES,
    line_of,
    minor_of,
    order_of,
    removed_until,
)


def test_lines_follow_each_other_without_a_gap() -> None:
    minors = [line.minor for line in LINES]
    assert minors == [(0, minor) for minor in range(30, 30 + len(LINES))]


def test_every_patch_stands_in_its_own_line_in_order() -> None:
    for line in LINES:
        versions = [patch.version for patch in line.patches]
        assert versions == sorted(versions, key=order_of)
        assert {minor_of(version) for version in versions} == {line.minor}


def test_no_default_goes_down_from_line_to_line() -> None:
    defaults = [patch for line in LINES for patch in line.patches]
    kubernetes = [order_of(patch.kubernetes) for patch in defaults]
    etcd = [order_of(patch.etcd.removesuffix("-0")) for patch in defaults]
    assert kubernetes == sorted(kubernetes)
    assert etcd == sorted(etcd)


def test_broken_patches_are_known_ones() -> None:
    for line in LINES:
        known = {patch.version for patch in line.patches}
        assert all(known.issuperset(broken.versions) for broken in line.broken)


def test_a_patch_not_yet_known_belongs_to_its_line_and_a_new_line_is_unknown() -> None:
    assert line_of("0.36.99") is LINES[-1]
    assert line_of("0.99.0") is None
    assert line_of("1.36.0") is None


@pytest.mark.parametrize(
    ("lower", "upper"),
    [("0.35.3", "0.36.0"), ("0.9.0", "0.10.0"), ("0.37.0-rc.1", "0.37.0"), ("v1.35.4", "1.36.0")],
)
def test_versions_sort_by_number(lower: str, upper: str) -> None:
    assert order_of(lower) < order_of(upper)


def test_g17_a_removed_key_stays_removed_in_later_lines() -> None:
    at_0_31 = {key.key for _line, key in removed_until("0.31.0")}
    at_0_36 = {key.key for _line, key in removed_until("0.36.1")}
    assert "sleepMode" not in at_0_31
    assert at_0_31 < at_0_36
    assert "sleepMode" in at_0_36
