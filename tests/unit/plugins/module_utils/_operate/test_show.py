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
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import (
    Change,
    Kind,
    Plan,
    Step,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access, Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.plan_fleet import (
    Entry,
    FleetPlan,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.show import (
    plan_text,
    summary,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.hops import (
    Running,
    Target,
    route,
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
        "Wave 1: 1 vCluster, about 60 s",
        "  early: install",
        "    install: chart 0.36.1, not there yet",
        "  wrong: refused",
        "    refused [spec] vcluster_replicas is 'x'.",
        "Wave 2: 1 vCluster, about 60 s",
        "  late: install",
        "    install: chart 0.36.1, not there yet",
        "  away: unreachable",
        "    hc1 does not answer. See whether it lives.",
        "5 vClusters: 2 to change, 1 unchanged, 1 refused, 1 unreachable (1.2 s)",
        "In all: 2 vClusters, about 2 min",
    ]


def change(after: Any) -> Plan:
    return Plan((Step(Kind.VALUES, "1 asked for", (Change("/a/b", 1, after),)),))


def test_those_that_are_in_for_the_same_are_told_once() -> None:
    entries = tuple(entry(f"t{n}", plan=change(2)) for n in range(9))
    other = entry("other", plan=Plan((Step(Kind.VALUES, "2 asked for"),)))
    text = plan_text(FleetPlan((*entries, other)))
    assert "  t0, t1, t2, t3, t4, t5 and 3 more: values\n" in text
    assert text.count("a.b: 1 -> 2") == 1
    assert "  other: values" in text


def test_a_value_that_each_has_of_its_own_is_not_shown_as_that_of_the_first() -> None:
    text = plan_text(FleetPlan((entry("one", plan=change(2)), entry("two", plan=change(3)))))
    assert "  one, two: values\n" in text
    assert "~ a.b: each its own" in text


def test_a_value_that_changes_in_several_steps_is_shown_in_each() -> None:
    def growing(first: int) -> Plan:
        steps = (
            Step(Kind.SCALE_OUT, f"one more, {n}", (Change("vcluster_store.members", n, n + 1),))
            for n in (first, first + 1)
        )
        return Plan(tuple(steps))

    alone = plan_text(FleetPlan((entry("one", plan=growing(1)),)))
    assert "members: 1 -> 2" in alone and "members: 2 -> 3" in alone
    alike = plan_text(FleetPlan((entry("one", plan=growing(1)), entry("two", plan=growing(1)))))
    assert "members: 1 -> 2" in alike and "each its own" not in alike


def test_refusals_of_one_guard_are_told_once_and_those_of_another_apart() -> None:
    def refused(name: str, guard: str) -> Entry:
        return Entry(name, error=Refused((refuse(guard, f"{name} is wrong."),)))

    def wrong(name: str, what: str) -> Entry:
        return Entry(name, error=Refused((refuse("spec", what),)))

    hosts = (refused("one", "G01"), wrong("two", "A typo."), refused("six", "G01"))
    text = plan_text(FleetPlan((*hosts, wrong("ten", "Not a number."))))
    assert "  one, six: refused\n    refused [G01] one is wrong." in text
    assert "  two: refused\n    refused [spec] A typo." in text
    assert "  ten: refused\n    refused [spec] Not a number." in text


def test_a_thousand_alike_take_a_screen() -> None:
    entries = tuple(entry(f"tenant-{n:04}", 1 + (n > 0), plan=change(2)) for n in range(1000))
    text = plan_text(FleetPlan(entries))
    assert len(text.splitlines()) < 20
    assert max(map(len, text.splitlines())) <= 80


def test_an_unchanged_one_with_a_warning_is_shown() -> None:
    text = plan_text(FleetPlan((entry("same", plan=Plan((), (warn("G20", "old pair"),))),)))
    assert "  same: nothing to do\n    warning [G20] old pair" in text


def test_notes_of_a_host_cluster_are_shown_beside_the_plan() -> None:
    text = plan_text(FleetPlan((entry("same"),), {"hc1": ("helm 2 was here", "old")}))
    assert "hc1: helm 2 was here\nhc1: old\n" in text


def test_the_summary_names_failures_only_where_there_are_some() -> None:
    assert summary(FleetPlan((entry("a"),))) == (
        "1 vCluster: 0 to change, 1 unchanged, 0 refused (0.0 s)"
    )
    failed = entry("a", error=FleetError("no chart"))
    assert ", 1 failed (" in summary(FleetPlan((failed,)))


def test_g16_three_hundred_on_mixed_lines_are_told_by_their_way() -> None:
    """As many groups as there are ways, whatever the number of vClusters."""
    lines = ("0.30.5", "0.31.3", "0.32.3", "0.33.4", "0.34.7")
    ways = {
        chart: Plan(
            tuple(
                Step(hop.kind, hop.reason, way_back=hop.way_back)
                for hop in route(Running(chart, "1.35.0"), Target("0.36.1")).hops
            )
        )
        for chart in lines
    }
    entries = tuple(entry(f"t{n}", plan=ways[lines[n % 5]]) for n in range(300))
    text = plan_text(FleetPlan(entries)).splitlines()
    groups = [line for line in text if line.startswith("  t")]
    assert groups[0].startswith("  t0, t5, t10, t15, t20, t25 and 54 more: chart_hop, chart_hop,")
    assert len(groups) == len(lines)
    assert len(text) < 100
    assert max(map(len, text)) <= 80
