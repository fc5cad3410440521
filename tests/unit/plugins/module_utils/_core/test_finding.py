# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A finding in words."""

from __future__ import annotations

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.finding import refuse, warn


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (("what.", "why.", "out."), "G01: what. why. out."),
        (("what.", "", "out."), "G01: what. out."),
        (("what.",), "G01: what."),
    ],
)
def test_a_finding_reads_as_one_line_without_gaps(parts: tuple[str, ...], text: str) -> None:
    assert str(refuse("G01", *parts)) == text
    assert str(warn("G01", *parts)) == text


def test_only_a_refusal_refuses() -> None:
    assert refuse("G01", "what").severity == "refuse"
    assert warn("G01", "what").severity == "warn"
