# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts of the chart lines hang together, and a version finds its line."""

from __future__ import annotations

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.lines.registry import (
    LINES,
    line_of,
    removed_until,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.versions import (
    Version,
    version_of,
)


def _known(text: str) -> Version:
    version = version_of(text)
    assert version
    return version


def test_lines_follow_each_other_without_a_gap() -> None:
    minors = [line.minor for line in LINES]
    assert minors == [(0, minor) for minor in range(30, 30 + len(LINES))]


def test_every_patch_stands_in_its_own_line_in_order() -> None:
    for line in LINES:
        versions = [_known(patch.version) for patch in line.patches]
        assert versions == sorted(versions, key=lambda version: version.order)
        assert {version.minor for version in versions} == {line.minor}


def test_no_default_goes_down_from_line_to_line() -> None:
    defaults = [patch for line in LINES for patch in line.patches]
    kubernetes = [_known(patch.kubernetes).order for patch in defaults]
    etcd = [_known(patch.etcd.removesuffix("-0")).order for patch in defaults]
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
    assert line_of("mine") is None
    assert removed_until("mine") == ()


def test_g17_a_removed_key_stays_removed_in_later_lines() -> None:
    at_0_31 = {key.key for _line, key in removed_until("0.31.0")}
    at_0_36 = {key.key for _line, key in removed_until("0.36.1")}
    assert "sleepMode" not in at_0_31
    assert at_0_31 < at_0_36
    assert "sleepMode" in at_0_36
