# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is written on a release about the run that changed it."""

from __future__ import annotations

from typing import Any

from fakes import World

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import Kind, Step
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.audit import (
    Audit,
    audit_of,
)

STEP = Step(Kind.VALUES, "1 asked for")


def test_run_person_reason_and_plan_are_written_with_each_revision(run: Any, world: World) -> None:
    planned = run(check=True)["plan"]["digest"]
    run(run="20261124T120000-7", by="ann", reason="CHG-123")
    (note,) = world.notes
    assert note.description == "fleetops.vcluster: install by ann, run 20261124T120000-7, CHG-123"
    assert note.labels == {
        "fleetops.vcluster/run": "20261124T120000-7",
        "fleetops.vcluster/plan": planned,
        "fleetops.vcluster/reason": "CHG-123",
    }


def test_what_is_no_label_stands_in_the_description_only() -> None:
    note = Audit("", "ann", "moved, see http://tickets/7").note(STEP, "a" * 20)
    assert note.description.endswith("by ann, moved, see http://tickets/7")
    assert note.labels == {"fleetops.vcluster/plan": "a" * 20}


def test_a_long_reason_is_cut() -> None:
    assert len(Audit("r", "ann", "x" * 9000).note(STEP, "a").description) == 400


def test_nobody_said_who() -> None:
    assert "@" in audit_of({}).by
