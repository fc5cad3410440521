# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When certificates are renewed, and what that costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from paper import SAVED, Running, chart, installed, spec

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.certificates import (
    Certificates,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import Refused
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Applied,
    Observation,
    Proved,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import View
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.digest import (
    applied_digest,
    unchanged,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.renewal import due

NOW = datetime(2026, 3, 17, 9, 30, tzinfo=UTC)
OLD = Running(version="0.35.3", kubernetes="1.35.4")


def days(count: float) -> datetime:
    return NOW + timedelta(days=count)


def ending(running: Running, **leaves: float) -> Observation:
    """What runs, with certificates that end in so many days."""
    ends = {f"{name}.crt": days(left) for name, left in leaves.items()}
    return running.seen(seen_at=NOW, certificates=Certificates(ends))


def noted(left: float) -> Observation:
    """By a light pass, which knows what the last proof wrote down."""
    seen = Running().seen(seen_at=NOW)
    assert seen.release
    return replace(seen, release=replace(seen.release, proved=Proved(NOW, days(left))))


@pytest.mark.parametrize(
    ("asked", "left", "expected"),
    [
        ({}, 31, False),
        ({}, 30, True),
        ({}, -5, True),
        ({"renew_before": 0}, -5, False),
        ({"renew_before": 90}, 89, True),
        ({"renew_before": 7}, 8, False),
    ],
)
def test_g36_renewal_is_due_by_days(asked: Mapping[str, Any], left: float, expected: bool) -> None:
    assert due(spec(**asked), noted(left)) is expected
    assert due(spec(**asked), ending(Running(), apiserver=left, admin=400)) is expected


def test_g36_what_the_secrets_say_counts_more_than_an_old_note() -> None:
    """The vendor's own watcher renews too, and tells nobody."""
    seen = replace(noted(5), certificates=Certificates({"apiserver.crt": days(360)}))
    assert not due(spec(), seen)


def test_g36_without_a_clock_or_a_certificate_nothing_is_due() -> None:
    assert not due(spec(), replace(noted(-1), seen_at=None))
    assert not due(spec(), Running().seen(seen_at=NOW))


def test_g36_an_unchanged_vcluster_is_looked_at_when_its_certificates_end() -> None:
    seen = installed(spec()).seen()
    assert seen.release
    applied = Applied(applied_digest(spec(), seen), seen.release.revision)
    for left, expected in ((40, True), (20, False)):
        release = replace(seen.release, applied=applied, proved=Proved(NOW, days(left)))
        assert unchanged(spec(), replace(seen, release=release, seen_at=NOW)) is expected


def test_g36_they_are_renewed_before_anything_else_and_by_a_view_alone() -> None:
    values = {"telemetry": {"enabled": False}}
    seen = ending(Running(), apiserver=12, admin=20)
    found = plan(spec(values=values), seen, chart())
    assert found.kinds == ("renew_certificates", "values")
    hop = plan(spec(**SAVED), replace(ending(OLD, apiserver=-1), seen_at=NOW), chart())
    assert hop.kinds == ("renew_certificates", "prove", "snapshot", "chart_hop")
    assert hop.steps[0].version == "0.35.3"
    alone = plan(spec(values=values), seen, chart(), View.CERTIFICATES)
    (step,) = alone.steps
    assert step.reason == "certificate apiserver.crt ends on 2026-03-29"
    assert (step.values, step.way_back, step.disruption.kind) == (None, "none", "outage")
    assert not alone.complete
    assert plan(spec(), seen, chart()).kinds == ("renew_certificates",)


def test_g36_where_nothing_is_due_there_is_nothing_to_renew() -> None:
    seen = ending(Running(), apiserver=200)
    assert plan(spec(), seen, chart(), View.CERTIFICATES).steps == ()


@pytest.mark.parametrize(
    ("replicas", "members", "kind"), [(3, 3, "rolling"), (3, 1, "outage"), (1, 3, "outage")]
)
def test_g36_members_of_the_store_restart_with_the_control_plane(
    replicas: int, members: int, kind: str
) -> None:
    seen = ending(Running(replicas=replicas, members=members), etcd_peer=3)
    (step,) = plan(spec(), seen, chart(), View.CERTIFICATES).steps
    assert step.disruption.kind == kind
    assert "etcd member" in step.disruption.estimate


@pytest.mark.parametrize("wrong", [-1, 91])
def test_days_that_no_restart_renews_are_refused(wrong: int) -> None:
    with pytest.raises(Refused, match="between 0 and 90 days"):
        spec(renew_before=wrong)
