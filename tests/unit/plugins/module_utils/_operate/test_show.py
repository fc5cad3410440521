# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a fleet as text: what differs is shown, what does not is counted."""

from __future__ import annotations

from typing import Any

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    FleetError,
    Refused,
    Unreachable,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.finding import refuse, warn
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import Kind, Plan, Step
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access, Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.plan_fleet import (
    Entry,
    FleetPlan,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.show import (
    plan_text,
    summary,
)

INSTALL = Plan((Step(Kind.INSTALL, "chart 0.36.1, not there yet"),))


def entry(host: str, wave: int = 1, **more: Any) -> Entry:
    return Entry(host, wave, spec=Spec(host, host, f"vcluster-{host}", "hc1", Access()), **more)


def test_only_what_differs_is_shown_by_wave_and_the_rest_counted() -> None:
    entries = (
        entry("late", 2, plan=INSTALL),
        entry("same"),
        entry("early", 1, plan=INSTALL),
        Entry("wrong", 1, error=Refused((refuse("spec", "vcluster_replicas is 'x'."),))),
        entry("away", 2, error=Unreachable("hc1 does not answer.", "See whether it lives.")),
    )
    assert plan_text(FleetPlan(entries, seconds=1.25)).splitlines()[1:] == [
        "Wave 1",
        "  early: install",
        "    install: chart 0.36.1, not there yet",
        "  wrong: refused",
        "    refused [spec] vcluster_replicas is 'x'.",
        "Wave 2",
        "  late: install",
        "    install: chart 0.36.1, not there yet",
        "  away: unreachable",
        "    hc1 does not answer. See whether it lives.",
        "5 vClusters: 2 to change, 1 unchanged, 1 refused, 1 unreachable (1.2 s)",
    ]


def test_an_unchanged_one_with_a_warning_is_shown() -> None:
    text = plan_text(FleetPlan((entry("same", plan=Plan((), (warn("G20", "old pair"),))),)))
    assert "  same: nothing to do\n    warning [G20] old pair" in text


def test_notes_of_a_host_cluster_are_shown_beside_the_plan() -> None:
    text = plan_text(FleetPlan((entry("same"),), {"hc1": ("helm 2 was here", "old")}))
    assert "hc1: helm 2 was here\nhc1: old\n" in text


def test_the_summary_names_failures_only_where_there_are_some() -> None:
    assert summary(FleetPlan((entry("a"),))) == (
        "1 vClusters: 0 to change, 1 unchanged, 0 refused (0.0 s)"
    )
    failed = entry("a", error=FleetError("no chart"))
    assert ", 1 failed (" in summary(FleetPlan((failed,)))
