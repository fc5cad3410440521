# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts of the chart lines hang together, and a version finds its line."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.lines.line import Line, Patch
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.lines.registry import (
    LINES,
    line_of,
    lowers,
    metrics_of,
    patch_of,
    removed_until,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.lines.turns import TURNS
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.versions import (
    Version,
    version_of,
)

each_line = pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)


def _known(text: str) -> Version:
    version = version_of(text)
    assert version
    return version


def test_lines_follow_each_other_without_a_gap() -> None:
    minors = [line.minor for line in LINES]
    assert minors == [(0, minor) for minor in range(20, 20 + len(LINES))]


def test_every_patch_stands_in_its_own_line_in_order() -> None:
    for line in LINES:
        versions = [_known(patch.version) for patch in line.patches]
        assert versions == sorted(versions, key=lambda version: version.order)
        assert {version.minor for version in versions} == {line.minor}


def test_g56_no_default_goes_down_within_a_line_or_from_newest_to_newest() -> None:
    for line in LINES:
        _never_down(line.patches)
    _never_down([line.patches[-1] for line in LINES])


def _never_down(patches: Sequence[Patch]) -> None:
    kubernetes = [_known(patch.kubernetes).order for patch in patches]
    etcd = [_known(patch.etcd.removesuffix("-0")).order for patch in patches]
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


def test_what_is_supported_never_narrows_at_its_newer_end() -> None:
    for before, after in pairwise(LINES):
        for distro in before.distros:
            later = after.distro(distro.name)
            assert later is None or later.minors[0] >= distro.minors[0]
            assert later is None or later.minors[-1] >= distro.minors[-1]


@each_line
def test_a_distro_names_one_release_of_each_minor_without_a_gap(line: Line) -> None:
    assert line.distros[0].name == "k8s"
    assert line.distro("eks") is None
    for distro in line.distros:
        assert len(distro.minors) == len(distro.versions)
        first, last = distro.minors[0], distro.minors[-1]
        assert distro.minors == tuple((1, minor) for minor in range(first[1], last[1] + 1))
        assert [distro.version(minor) for minor in distro.minors] == list(distro.versions)
        assert distro.version((1, 99)) is None


def test_g21_k0s_ends_with_0_25_and_k3s_with_0_32() -> None:
    ends = {name: [line.name for line in LINES if line.distro(name)][-1] for name in ("k0s", "k3s")}
    assert ends == {"k0s": "0.25", "k3s": "0.32"}


@each_line
def test_g17_every_move_begins_below_its_key_and_ends_elsewhere(line: Line) -> None:
    for key in line.removed:
        for move in key.moves:
            assert f"{move.old}.".startswith(f"{key.key}.")
            assert not f"{move.new}.".startswith(f"{key.key}.")
            assert move.turn in TURNS
            assert bool(move.new) == (move.turn in ("same", "seconds"))


@pytest.mark.parametrize(
    ("version", "gone"),
    [("0.20.5", False), ("0.21.1", False), ("0.21.2", True), ("0.22.0", True)],
)
def test_g17_a_key_that_went_with_a_patch_is_there_before(version: str, gone: bool) -> None:
    key = "controlPlane.backingStore.etcd.deploy.headlessService.enabled"
    assert (key in {removed.key for _line, removed in removed_until(version)}) is gone


def test_g17_a_removed_key_stays_removed_in_later_lines() -> None:
    at_0_31 = {key.key for _line, key in removed_until("0.31.0")}
    at_0_36 = {key.key for _line, key in removed_until("0.36.1")}
    assert "sleepMode" not in at_0_31
    assert at_0_31 < at_0_36
    assert "sleepMode" in at_0_36


@pytest.mark.parametrize(
    ("before", "after", "lower"),
    [
        ("0.26.5", "0.27.0", True),
        ("0.27.3", "0.28.0", True),
        ("0.25.2", "0.26.0", True),
        ("0.26.5", "0.27.3", False),
        ("0.28.2", "0.29.3", False),
    ],
)
def test_g56_charts_that_lower_a_default(before: str, after: str, lower: bool) -> None:
    one, other = patch_of(before), patch_of(after)
    assert one and other
    assert lowers(one, other) is lower


@pytest.mark.parametrize(
    ("version", "controller_manager", "kine"),
    [
        ("0.33.4", "/controller-manager/metrics", ""),
        ("0.34.7", "/metrics/controller-manager", ""),
        ("0.35.3", "/metrics/controller-manager", "/metrics/kine"),
        ("0.36.1", "/metrics/controller-manager", "/metrics/kine"),
        ("0.99.0", "/metrics/controller-manager", "/metrics/kine"),
    ],
)
def test_metrics_are_where_the_line_has_them(
    version: str, controller_manager: str, kine: str
) -> None:
    found = metrics_of(version)
    assert (found.controller_manager, found.kine) == (controller_manager, kine)
