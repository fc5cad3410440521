# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is left alone by the care of stores, and thresholds that are none."""

from __future__ import annotations

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Observation,
    Release,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access, Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.guards.upkeep import (
    care_findings,
    threshold_findings,
)

SPEC = Spec("a", "a", "vcluster-a", "hc1", Access())
THERE = Observation(last_good=Release(1, "deployed"))


def test_g34_what_is_paused_is_left_alone() -> None:
    assert care_findings(SPEC, THERE) == ()
    paused = Observation(last_good=THERE.last_good, paused="loft.sh/paused")
    (finding,) = care_findings(SPEC, paused)
    assert (finding.guard, finding.severity) == ("G34", "refuse")


def test_what_does_not_exist_has_no_store() -> None:
    (finding,) = care_findings(SPEC, Observation())
    assert "does not exist" in finding.what


@pytest.mark.parametrize(
    "options",
    [
        {"fragmentation": 0},
        {"fragmentation": 101},
        {"full": 0},
        {"days": 0},
        {"free_mib": -1},
        {"fsync_ms": 0},
        {"compaction_lag": 999},
    ],
)
def test_thresholds_that_are_none_are_refused(options: dict[str, int]) -> None:
    (finding,) = threshold_findings(options)
    (name,) = options
    assert f"vcluster_maintenance.{name}" in finding.what


def test_thresholds_at_their_ends_are_taken() -> None:
    ends = {"fragmentation": 1, "full": 100, "free_mib": 0, "days": 1, "allow_outage": True}
    assert threshold_findings(ends) == []
