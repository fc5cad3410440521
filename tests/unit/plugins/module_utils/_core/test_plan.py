# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan as data: what it refuses, and its kinds."""

from __future__ import annotations

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.finding import refuse, warn
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import Kind, Plan, Step

STEPS = (Step(Kind.REPAIR, "r"), Step(Kind.INSTALL, "i"))


def test_kinds_are_those_of_the_steps_unless_something_refuses() -> None:
    assert Plan().kinds == ()
    assert Plan(STEPS, (warn("G20", "w"),)).kinds == ("repair", "install")
    assert Plan((), (warn("G20", "w"), refuse("G01", "r"))).kinds == ("refused",)


def test_only_refusals_end_a_plan() -> None:
    found = Plan((), (warn("G20", "w"), refuse("G01", "r"), refuse("G02", "r")))
    assert [finding.guard for finding in found.refusals] == ["G01", "G02"]
    assert Plan(STEPS, (warn("G20", "w"),)).refusals == ()
