# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a step costs the tenant."""

from __future__ import annotations

from paper import DEPLOYED, chart, installed, spec

from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan


def test_g11_every_change_names_the_pods_that_restart() -> None:
    changed = spec(values={"telemetry": {"enabled": False}})
    one = plan(changed, installed(spec()).seen(), chart()).steps[0]
    assert one.disruption.kind == "outage"
    assert "tenant-a" in one.disruption.estimate
    many = installed(spec(store=DEPLOYED, replicas=3), replicas=3, members=3)
    asked = spec(store=DEPLOYED, replicas=3, values={"telemetry": {"enabled": False}})
    assert plan(asked, many.seen(), chart()).steps[0].disruption.kind == "rolling"
