# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which results of checks are failures."""

from __future__ import annotations

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.check import (
    CheckResult,
    failed,
)


def test_only_a_failure_is_one_and_order_is_kept() -> None:
    results = [
        CheckResult(status, status, "")  # type: ignore[arg-type]
        for status in ("pass", "fail", "warn", "skip")
    ]
    later = CheckResult("later", "fail", "")
    assert failed([*results, later]) == (results[1], later)
    assert failed([]) == ()
