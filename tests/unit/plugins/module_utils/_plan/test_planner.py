# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a comparison to steps: repairs, hops, drift past Helm, and a proof where nothing differs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from paper import (
    DEPLOYED,
    NOTHING,
    Running,
    by_hand,
    chart,
    installed,
    plane,
    refusing,
    spec,
    trees,
)

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Release
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.digest import applied_digest
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan


@pytest.mark.parametrize(
    ("changes", "path", "before"),
    [
        ({"replicas": 5}, "Deployment tenant-a: replicas", 5),
        ({"config_hash": "h"}, "Deployment tenant-a: config hash", "h"),
        ({"images": {"syncer": "mine"}}, "Deployment tenant-a: image of syncer", "mine"),
    ],
)
def test_g09_what_was_changed_past_helm_is_put_back(
    changes: dict[str, Any], path: str, before: Any
) -> None:
    asked = spec(store=DEPLOYED, replicas=3)
    running = installed(asked, replicas=3, members=3, kind="Deployment")
    found = plan(asked, by_hand(running.seen(), **changes), chart())
    assert found.kinds == ("values",)
    assert (path, before, "drift") in [(c.path, c.before, c.why) for c in found.steps[0].changes]


def test_g09_a_workload_that_somebody_deleted_is_put_back() -> None:
    asked = spec(store=DEPLOYED, replicas=3)
    found = installed(asked, replicas=3, members=3, kind="Deployment").seen()
    step = plan(asked, replace(found, workloads=found.workloads[:1]), chart()).steps[0]
    assert [c.path for c in step.changes] == ["StatefulSet tenant-a-etcd"]


def test_g37_annotations_that_others_write_are_no_drift() -> None:
    asked = spec(store=DEPLOYED, replicas=3)
    running = installed(asked, replicas=3, members=3, kind="Deployment").seen()
    written = by_hand(running, annotations={"loft.sh/cert-rotated": "now"}, generation=9)
    assert plan(asked, written, chart()).kinds == ("prove",)
    assert applied_digest(asked, written) == applied_digest(asked, running)


@pytest.mark.parametrize("wrong", ["text", 1, ["a"]])
def test_g17_a_section_of_the_wrong_type_ends_in_a_finding(wrong: Any) -> None:
    for section in ("exportKubeConfig", "controlPlane"):
        assert refusing(plan(spec(values={section: wrong}), NOTHING, chart()))


@pytest.mark.parametrize("status", ["pending-upgrade", "pending-rollback"])
def test_g23_a_stuck_release_goes_on_from_the_last_good_revision(status: str) -> None:
    stuck = Release(4, status, chart_version="0.36.1", values={"telemetry": {"enabled": False}})
    found = plan(spec(), installed(spec()).seen(release=stuck), chart())
    assert found.kinds == ("repair", "values")
    assert "telemetry" not in (found.steps[1].values or {})


def test_g23_an_install_that_never_ended_is_made_again() -> None:
    stuck = Release(1, "pending-install", chart_version="0.36.1", values={})
    seen = Running().seen(release=stuck, base=None, last_good=None, workloads=())
    assert plan(spec(), seen, chart()).kinds == ("repair", "install")


def test_g52_adoption_changes_nothing_that_was_not_asked_for() -> None:
    theirs = {"telemetry": {"enabled": False}, "networking": {"podCIDR": "10.0.0.0/16"}}
    found = plan(spec(), Running(theirs, proved=False).seen(), chart())
    assert found.kinds == ("prove",)
    assert found.foreign == ("/networking/podCIDR", "/telemetry/enabled")


@given(trees)
def test_planning_after_the_install_finds_nothing_to_change(raw: dict[str, Any]) -> None:
    asked = spec(values={"sync": raw})
    assert plan(asked, installed(asked).seen(), chart()).kinds == ("prove",)


def test_a_failed_revision_is_followed_by_the_values_of_the_last_good_one() -> None:
    asked = spec()
    good = installed(asked).seen().release
    assert good is not None
    failed = replace(good, revision=4, status="failed")
    (step,) = plan(asked, installed(asked).seen(release=failed), chart()).steps
    assert (step.kind, step.way_back, step.values) == ("values", "values", good.values)
    assert "put the objects of revision 3 back, 4 was failed" in step.reason


def test_a_proof_says_what_it_is_for() -> None:
    asked = spec()
    seen = installed(asked).seen()
    assert seen.release is not None
    newer = replace(seen.release, revision=4)
    cases = {
        "adopted": replace(seen, base=None),
        "revision 4 was not proved yet": replace(seen, release=newer, last_good=newer),
        "proved again": seen,
    }
    for words, found in cases.items():
        (step,) = plan(asked, found, chart()).steps
        assert step.kind == "prove"
        assert words in step.reason
        assert step.values is None


def test_the_reason_counts_what_differs_by_why() -> None:
    asked = spec(values={"telemetry": {"enabled": False}, "sync": {"a": 1}})
    proved = installed(asked)
    by_somebody = {**proved.values, "sync": {"a": 2, "b": 3}}
    live = Release(4, "deployed", chart_version="0.36.1", values=by_somebody)
    now = spec(values={"sync": {"a": 1}, "networking": {"c": 1}})
    (step,) = plan(now, proved.seen(release=live, last_good=live), chart()).steps
    assert step.reason == "1 asked for, 1 changed by hand, 1 gone from the inventory"


def test_the_same_plan_has_the_same_digest_and_another_one_another() -> None:
    first = plan(spec(), NOTHING, chart())
    assert first.digest == plan(spec(), NOTHING, chart()).digest
    others = [
        plan(spec(values={"telemetry": {"enabled": False}}), NOTHING, chart()),
        plan(spec(replicas=2), NOTHING, chart()),
        plan(spec(), Running().seen(), chart()),
    ]
    assert len({first.digest, *(other.digest for other in others)}) == 4


def test_findings_end_the_plan_before_any_step_and_are_told_once() -> None:
    found = plan(spec(replicas=2, store={"type": "sqlite", "size": "much"}), NOTHING, chart())
    assert found.steps == ()
    assert refusing(found) == {"G01", "G59"}
    assert len(found.findings) == len(set(found.findings))


def test_a_step_of_nothing_but_defaults_has_a_reason() -> None:
    running = Running(plane("backingStore", "etcd", "deploy", "enabled", value=True), members=1)
    asked = spec(defaults={"resources": True})
    (step,) = plan(asked, running.seen(), chart()).steps
    assert {change.why for change in step.changes} == {"default"}
    assert step.reason == "1 laid in by default"
