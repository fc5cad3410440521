# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guards that `vcluster_allow` lifts, and those that nothing lifts."""

from __future__ import annotations

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.finding import refuse, warn
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.guards.lift import (
    LIFTABLE,
    allow_findings,
    lifted,
)


@pytest.mark.parametrize("guard", sorted(LIFTABLE))
def test_a_guard_is_lifted_by_its_own_id_only(guard: str) -> None:
    (found,) = lifted([refuse(guard, "what", "why", "out")], [guard])
    assert (found.severity, found.what, found.why) == ("warn", "what", "why")
    assert guard in found.way_out
    others = LIFTABLE - {guard}
    assert lifted([refuse(guard, "what")], others) == (refuse(guard, "what"),)


@pytest.mark.parametrize("guard", ["G03", "G05", "G12", "G17", "spec", "g02"])
def test_what_protects_data_is_never_lifted(guard: str) -> None:
    finding = refuse(guard, "what", "why", "out")
    assert lifted([finding], [guard]) == (finding,)
    (refusal,) = allow_findings([guard, "G02"])
    assert guard in refusal.what
    assert refusal.severity == "refuse"


def test_warnings_stay_as_they_are() -> None:
    assert lifted([warn("G20", "what", "why", "out")], ["G20"]) == (
        warn("G20", "what", "why", "out"),
    )
