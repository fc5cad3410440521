# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Versions sort as the vendor means them, and a text that is none is no accident."""

from __future__ import annotations

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.versions import (
    Version,
    version_of,
)


@pytest.mark.parametrize(
    ("lower", "upper"),
    [
        ("0.35.3", "0.36.0"),
        ("0.9.0", "0.10.0"),
        ("0.37.0-rc.1", "0.37.0"),
        ("0.37.0-rc.9", "0.37.0-rc.10"),
        ("0.37.0-alpha.3", "0.37.0-beta.1"),
        ("0.37.0-rc", "0.37.0-rc.1"),
        ("0.37.0-1", "0.37.0-alpha"),
        ("v1.35.4", "1.36.0"),
    ],
)
def test_versions_sort_by_number(lower: str, upper: str) -> None:
    below, above = version_of(lower), version_of(upper)
    assert below and above
    assert below.order < above.order


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0.36.1", Version((0, 36, 1))),
        ("v1.36.0", Version((1, 36, 0))),
        ("v1.36.0-custom", Version((1, 36, 0), "custom")),
        ("0.37.0-rc.1+build.7", Version((0, 37, 0), "rc.1")),
        ("0.36.0+build", Version((0, 36, 0))),
        ("latest", None),
        ("v1.36", None),
        ("v1.36.0_x", None),
        ("v1.36.0.1", None),
        ("v1.36.0-", None),
        ("v1.36.0@sha256:abc", None),
        ("", None),
    ],
)
def test_any_text_is_a_version_or_none(text: str, found: Version | None) -> None:
    assert version_of(text) == found


def test_the_minor_is_the_line() -> None:
    assert Version((1, 36, 3)).minor == (1, 36)
