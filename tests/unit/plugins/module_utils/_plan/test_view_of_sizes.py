# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sizes alone: everything else that the inventory asks for waits."""

from __future__ import annotations

from dataclasses import replace

from counts import asking, running, sized
from paper import NOTHING, chart, refusing, spec

from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan


def test_the_view_of_sizes_leaves_everything_else_alone() -> None:
    resources = {"limits": {"memory": "8Gi"}}
    asked = asking(3, 2, resources=resources, values={"telemetry": {"enabled": False}})
    found = sized(asked, running(1))
    assert found.kinds == ("resize", "scale_out", "scale_out", "scale_out")
    assert not found.complete
    assert all("telemetry" not in (step.values or {}) for step in found.steps)
    limits = (found.steps[0].values or {})["controlPlane"]["statefulSet"]["resources"]["limits"]
    assert limits == {"memory": "8Gi"}
    whole = plan(asked, running(1), chart())
    assert whole.kinds == ("values", "resize", "scale_out", "scale_out", "scale_out")
    assert whole.complete


def test_the_view_of_sizes_without_a_change_of_size_has_no_steps() -> None:
    asked = asking(1, values={"telemetry": {"enabled": False}})
    found = sized(asked, running(1))
    assert (found.steps, found.complete) == ((), False)
    assert sized(asking(3), running(1)).complete


def test_the_view_of_sizes_keeps_what_is_foreign() -> None:
    seen = running(1)
    hand = {**(seen.last_good.values or {}), "sync": {"a": 1}}  # type: ignore[union-attr]
    release = replace(seen.last_good, values=hand, revision=4)  # type: ignore[type-var]
    found = sized(asking(3), replace(seen, release=release, last_good=release))
    assert found.foreign == ("/sync/a",)
    assert all((step.values or {})["sync"] == {"a": 1} for step in found.steps)


def test_g03_the_view_of_sizes_does_not_scale_towards_another_store() -> None:
    other = spec(store={"type": "sqlite"}, replicas=1)
    assert "G03" in {finding.guard for finding in sized(other, running(3)).refusals}


def test_g23_only_what_stands_is_scaled() -> None:
    seen = running(1)
    stuck = replace(seen.release, status="pending-upgrade", revision=4)  # type: ignore[type-var]
    assert refusing(sized(asking(3), replace(seen, release=stuck))) == {"G23"}
    assert refusing(sized(asking(3), NOTHING)) == {"G23"}
