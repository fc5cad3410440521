# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which snapshots of a vCluster may go."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from .._core.snapshot import Manifest
from .._core.spec import Snapshots


def expired(found: Sequence[Manifest], rules: Snapshots, now: datetime) -> tuple[Manifest, ...]:
    """Those that no rule keeps, oldest first; never the newest one, and none where there is no rule.

    Args:
        found: Of one vCluster, in any order; all of them were proved.
        now: By the clock that `taken_at` was read from.
    """
    if rules.keep_count is None and rules.keep_days is None:
        return ()
    kept = max(1, rules.keep_count or 0)
    since = now - timedelta(days=rules.keep_days or 0)
    newest_first = sorted(
        found, key=lambda manifest: (manifest.taken_at, manifest.id), reverse=True
    )
    return tuple(manifest for manifest in newest_first[kept:] if manifest.taken_at <= since)[::-1]
