# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects beside the release: made when they are missing, and only ours is taken away."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import DEFAULTS, FakeApi, World

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.autoscaling import OURS
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import ChartArchive
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import (
    Access,
    Defaults,
    Spec,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.companions import (
    ensure_companions,
)

SPEC = Spec("tenant-a", "tenant-a", "vcluster-tenant-a", "hc1", Access())
OFF = replace(SPEC, defaults=Defaults(disruption_budgets=False))
BUDGET = "/apis/policy/v1/namespaces/vcluster-tenant-a/poddisruptionbudgets/tenant-a-etcd"
CHART = ChartArchive(Path("/nowhere.tgz"), "0" * 64, "0.36.1", {}, DEFAULTS)


def values(members: int, on: bool = True) -> dict[str, Any]:
    stateful_set = {"highAvailability": {"replicas": members}}
    deploy = {"enabled": on, "statefulSet": stateful_set}
    return {"controlPlane": {"backingStore": {"etcd": {"deploy": deploy}}}}


@pytest.fixture
def api(world: World) -> FakeApi:
    return FakeApi(world, "tenant-a", "vcluster-tenant-a")


def test_g42_members_get_a_budget_of_ours(api: FakeApi, world: World) -> None:
    ensure_companions(api, SPEC, CHART, values(3))
    made = world.objects[BUDGET]
    assert made["spec"]["maxUnavailable"] == 1
    assert made["metadata"]["labels"].items() >= {**OURS, "app": "vcluster-etcd"}.items()


def test_g42_the_second_time_nothing_is_made(api: FakeApi, world: World) -> None:
    ensure_companions(api, SPEC, CHART, values(3))
    ensure_companions(api, SPEC, CHART, values(3))
    assert world.log == ["create PodDisruptionBudget"]


@pytest.mark.parametrize("running", [values(1), values(3, on=False), {}])
def test_g42_one_member_or_none_needs_no_budget(
    api: FakeApi, world: World, running: dict[str, Any]
) -> None:
    ensure_companions(api, SPEC, CHART, running)
    assert world.log == []


def test_g42_a_budget_of_somebody_else_stays_as_it_is(api: FakeApi, world: World) -> None:
    theirs = {"metadata": {"name": "tenant-a-etcd"}, "spec": {"minAvailable": 2}}
    world.objects[BUDGET] = theirs
    ensure_companions(api, SPEC, CHART, values(3))
    ensure_companions(api, OFF, CHART, values(3))
    assert world.objects[BUDGET] == theirs


def test_g42_turned_off_ours_is_taken_away(api: FakeApi, world: World) -> None:
    ensure_companions(api, SPEC, CHART, values(3))
    ensure_companions(api, OFF, CHART, values(3))
    assert BUDGET not in world.objects
    ensure_companions(api, OFF, CHART, values(3))
    assert BUDGET not in world.objects
