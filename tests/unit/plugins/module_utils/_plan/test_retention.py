# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What may be deleted is what no rule keeps; the newest snapshot never is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.contents import Contents
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.snapshot import Manifest
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Snapshots
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.retention import expired

NOW = datetime(2026, 3, 17, 12, tzinfo=UTC)
ONE = Manifest(
    "20260317T093000Z-1a2b3c4d", "a", "n", "c", NOW, "etcd", "etcd_deployed", "", "", "", 1,
    Contents(1, "ab" * 32), (), {}, "", "", "", "", NOW,
)  # fmt: skip


def aged(*days: float) -> list[Manifest]:
    """Snapshots of these ages."""
    found = []
    for number, age in enumerate(days):
        taken = NOW - timedelta(days=age)
        found.append(replace(ONE, id=f"{taken:%Y%m%dT%H%M%SZ}-{number:08x}", taken_at=taken))
    return found


def ages(found: tuple[Manifest, ...]) -> list[float]:
    return [(NOW - manifest.taken_at) / timedelta(days=1) for manifest in found]


@pytest.mark.parametrize(
    ("rules", "gone"),
    [
        (Snapshots(), []),
        (Snapshots(keep_count=2), [9, 3]),
        (Snapshots(keep_days=4), [9]),
        (Snapshots(keep_count=1, keep_days=4), [9]),
        (Snapshots(keep_count=3, keep_days=1), [9]),
        (Snapshots(keep_count=9), []),
    ],
)
def test_a_snapshot_goes_when_no_rule_keeps_it_oldest_first(
    rules: Snapshots, gone: list[float]
) -> None:
    assert ages(expired(aged(3, 0, 9, 2), rules, NOW)) == gone


@given(
    st.lists(st.floats(0, 1000), max_size=12),
    st.one_of(st.none(), st.integers(1, 5)),
    st.one_of(st.none(), st.integers(1, 400)),
)
def test_the_newest_always_stays_and_every_rule_holds(
    days: list[float], count: int | None, keep_days: int | None
) -> None:
    found = aged(*days)
    gone = expired(found, Snapshots(keep_count=count, keep_days=keep_days), NOW)
    left = [manifest for manifest in found if manifest not in gone]
    assert not found or max(found, key=lambda m: (m.taken_at, m.id)) in left
    assert len(left) >= min(len(found), count or 0)
    for manifest in gone:
        assert NOW - manifest.taken_at >= timedelta(days=keep_days or 0)
