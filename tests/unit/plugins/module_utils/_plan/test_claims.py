# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volume claims that grow in a plan."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from paper import DEPLOYED, chart, installed, plane, refusing, spec

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Claim,
    Observation,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import Growth, View
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan

ETCD = spec(store=DEPLOYED)


def claims(*names: str) -> tuple[Claim, ...]:
    return tuple(Claim(name, "5Gi", "standard", "Bound") for name in names)


MEMBERS = claims("data-tenant-a-etcd-0", "data-tenant-a-etcd-1", "data-tenant-a-etcd-2")
ONE = claims("data-tenant-a-0")


def on_etcd(**more: Any) -> Observation:
    seen = installed(ETCD, members=3, kind="Deployment").seen(claims=MEMBERS)
    return replace(seen, **more)


def grown(size: str, **more: Any) -> Any:
    return spec(store={**DEPLOYED, "size": size}, **more)


def test_g12_the_claims_of_all_members_grow_in_one_step() -> None:
    found = plan(grown("9Gi"), on_etcd(), chart())
    assert found.kinds == ("resize",)
    (step,) = found.steps
    names = tuple(claim.name for claim in MEMBERS)
    assert step.growth == Growth("etcd", "tenant-a-etcd", names, "9Gi")
    assert step.way_back == "none"
    assert "never shrink" in step.reason


def test_g12_the_claim_of_sqlite_grows_and_the_api_is_away_for_its_restart() -> None:
    asked = spec(store={"type": "sqlite", "size": "9Gi"})
    seen = installed(spec()).seen(claims=(*ONE, *MEMBERS))
    (step,) = plan(asked, seen, chart()).steps
    assert step.growth == Growth("control_plane", "tenant-a", ("data-tenant-a-0",), "9Gi")
    assert step.disruption.kind == "outage"


def test_claims_grow_apart_from_other_values_and_before_members_come() -> None:
    asked = spec(
        store={**DEPLOYED, "size": "9Gi", "members": 5}, values={"telemetry": {"enabled": False}}
    )
    found = plan(asked, on_etcd(), chart())
    assert found.kinds == ("values", "resize", "scale_out", "scale_out")
    before = (found.steps[0].values or {})["controlPlane"]["backingStore"]["etcd"]["deploy"]
    assert "persistence" not in before.get("statefulSet", {})
    assert plan(asked, on_etcd(), chart(), View.SIZE).kinds == found.kinds[1:]


def test_g12_a_run_that_was_cut_off_while_the_stateful_set_was_gone_is_gone_on_with() -> None:
    seen = on_etcd()
    without = tuple(w for w in seen.workloads if w.component != "etcd")
    found = plan(grown("9Gi"), replace(seen, workloads=without), chart())
    assert found.kinds == ("resize",)
    back = plan(ETCD, replace(seen, workloads=without), chart())
    assert back.kinds == ("values",)
    assert back.steps[0].changes[0].before == "gone"


@pytest.mark.parametrize("size", ["5Gi", "5120Mi"])
def test_the_same_size_in_other_words_is_no_growth(size: str) -> None:
    assert all(step.growth is None for step in plan(grown(size), on_etcd(), chart()).steps)


def test_g12_claims_never_shrink() -> None:
    found = plan(grown("1Gi"), on_etcd(), chart())
    assert refusing(found) == {"G12"}
    assert "shrink from 5Gi to 1Gi" in found.refusals[0].what


def test_g12_what_no_pod_mounts_is_left_alone() -> None:
    left = claims("data-tenant-a-etcd-3")
    (step,) = plan(grown("9Gi"), on_etcd(claims=(*MEMBERS, *left)), chart()).steps
    assert step.growth
    assert len(step.growth.claims) == 3


def test_g12_a_step_after_growing_does_not_go_back_to_the_smaller_claims() -> None:
    """A run that was cut off between the growth and its proof."""
    seen = on_etcd()
    assert seen.release
    larger = replace(seen.release, revision=4, values=installed(grown("9Gi")).values)
    asked = grown("9Gi", values={"telemetry": {"enabled": False}})
    found = plan(asked, replace(seen, release=larger, last_good=larger), chart())
    assert [(step.kind, step.way_back) for step in found.steps] == [("values", "none")]


def test_a_deployment_has_no_claims_of_its_own() -> None:
    raw = plane("statefulSet", "persistence", "volumeClaim", "size", value="9Gi")
    found = plan(spec(store=DEPLOYED, values=raw), on_etcd(), chart())
    assert found.kinds == ("values",)
