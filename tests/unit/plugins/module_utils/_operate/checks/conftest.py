# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures of the checks' tests."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from fakes import FakeApi, FakeReach, TenantApi, World, workload

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Observation
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.checks.scene import Scene
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.pods import look

sys.path.insert(0, str(Path(__file__).parent))
from scenes import BUDGET, FRESH, LEASE, SPEC, lease


@pytest.fixture
def scene(world: World) -> Scene:
    """Two replicas on one node, all well."""
    world.workloads = (workload("control_plane", "Deployment", "tenant-a", 2, {"syncer": "x:1"}),)
    world.objects[LEASE] = lease("tenant-a-0-external-vcluster-controller", FRESH)
    labels = {"app": "vcluster", "release": "tenant-a"}
    world.objects[BUDGET] = {
        "metadata": {"name": "tenant-a"},
        "spec": {"selector": {"matchLabels": labels}},
        "status": {"disruptionsAllowed": 1},
    }
    api = FakeApi(world, "tenant-a", "vcluster-tenant-a")
    replicas = {name: TenantApi(world, name) for name in ("tenant-a-0", "tenant-a-1")}
    return Scene(SPEC, Observation(), look(api, SPEC), api, FakeReach(world), replicas, {})
