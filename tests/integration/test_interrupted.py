# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""G48: a run that is killed at any step boundary is finished by the next run."""

from __future__ import annotations

from typing import Any

import pytest
from runs import kill_at

pytestmark = [pytest.mark.lab, pytest.mark.slow]

ASKED = {
    "vcluster_version": "0.36.1",
    "vcluster_kubernetes_version": "1.36.3",
    "vcluster_store": {"type": "sqlite"},
}
# What the run prints when it gets there: before the lock, before Helm, during the rollout, during the proof.
BOUNDARIES = {
    "planned": "PLAY [Wave 1]",
    "begun": "install:",
    "rollout": "replicas ready",
    "proof": "not proved yet",
}


@pytest.mark.parametrize("boundary", list(BOUNDARIES))
def test_g48_the_next_run_finishes(make_fleet: Any, boundary: str) -> None:
    name = f"it-cut-{boundary}"
    fleet = make_fleet({"hc1": {name: ASKED}})
    kill_at(fleet, BOUNDARIES[boundary])
    fleet.play("site").succeeded()
    assert "0 to change, 1 unchanged" in fleet.play("plan").succeeded().output
