# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who notices a plan, and how long it takes."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Observation,
    Workload,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import (
    Disruption,
    Kind,
    Plan,
    Step,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access, Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.outlook import (
    Outlook,
    Pace,
    outlook_of,
    together,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.plan_fleet import Entry

HC1 = Access(kubeconfig="hc1").key
INSTALL = Plan((Step(Kind.INSTALL, "not there yet"),))
OUTAGE = Plan((Step(Kind.VALUES, "x", disruption=Disruption("outage", 20)),))
ROLLING = Plan((Step(Kind.VALUES, "x", disruption=Disruption("rolling", 60)),))


def entry(name: str, plan: Plan, replicas: int = 1, cluster: str = "hc1") -> Entry:
    spec = Spec(name, name, f"vcluster-{name}", cluster, Access(kubeconfig=cluster))
    seen = Observation(workloads=(Workload("control_plane", "Deployment", name, replicas),))
    return Entry(name, spec=spec, plan=plan, observation=seen)


def test_running_tenants_are_told_apart_from_new_ones() -> None:
    found = outlook_of(
        [entry("a", INSTALL), entry("b", OUTAGE), entry("c", ROLLING, 3), entry("d", Plan())],
        Pace(forks=10),
    )
    assert (found.vclusters, found.restarts, found.outages) == (3, 4, 1)


@pytest.mark.parametrize(
    ("count", "pace", "seconds"),
    [
        (1, {}, 60),
        (5, {}, 60),
        (10, {"forks": 50}, 120),
        (10, {"forks": 50, "concurrency": {HC1: 1}}, 600),
        (10, {"forks": 2, "concurrency": {HC1: 10}}, 300),
    ],
)
def test_the_length_is_that_of_the_narrowest_place(
    count: int, pace: dict[str, Any], seconds: int
) -> None:
    entries = [entry(f"a{n}", INSTALL) for n in range(count)]
    assert outlook_of(entries, Pace(**pace)).seconds == seconds


def test_host_clusters_work_beside_each_other() -> None:
    entries = [entry(f"a{n}", INSTALL, cluster=f"hc{n % 2}") for n in range(10)]
    assert outlook_of(entries, Pace(forks=50)).seconds == 60


def test_a_run_is_its_waves_and_what_is_watched_between() -> None:
    waves = [Outlook(1, 1, 1, 25), Outlook(9, 27, 0, 100)]
    found = together(waves, Pace(soak=60))
    assert found == Outlook(10, 28, 1, 185)
    assert str(found) == "10 vClusters, 28 replicas restart, 1 tenant API outage, about 4 min"
    assert outlook_of([], Pace()).seconds == 0
