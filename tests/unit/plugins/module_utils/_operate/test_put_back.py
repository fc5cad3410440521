# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Back to the chart and the values of an earlier revision."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fakes import FakeHost, World

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import (
    Access,
    Decision,
    Spec,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.put_back import put_back


def test_g23_what_a_rollback_left_in_the_middle_does_not_stop_the_next_one(
    world: World,
) -> None:
    """With an autoscaler in charge it is no rollback but an upgrade, which Helm does not begin beside another."""
    host = FakeHost(world)
    world.deploy("tenant-a", "0.35.3", {})
    world.deploy("tenant-a", "0.36.1", {})
    base, newest = world.releases
    world.releases.append(replace(newest, revision=newest.revision + 1, status="pending-rollback"))
    decided = Spec(
        "t", "tenant-a", "vcluster-tenant-a", "hc1", Access(), decision=Decision(2, "", 1, 0)
    )
    observation: Any = host.observe(decided)
    put_back(decided, host, observation, base)  # type: ignore[arg-type]
    assert world.newest and (world.newest.status, world.newest.chart_version) == (
        "deployed",
        "0.35.3",
    )
