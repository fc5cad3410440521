# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drills on real host clusters: a copy of what is gone, proved and removed; killed in the middle; in nobody's way."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from by_hand import CLUSTER, in_namespace, namespace
from harness import Fleet, Lab, kubectl
from runs import kill_at
from saving import installed

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

NAME = "it-drilled"
SCRATCH = f"{namespace(NAME)}-drill"


STORES = {"etcd_deployed": {"type": "etcd_deployed", "members": 1}, "sqlite": {"type": "sqlite"}}


@pytest.fixture(params=["etcd_deployed"])
def fleet(
    request: pytest.FixtureRequest, make_fleet: Any, restorers: dict[str, Path], tmp_path: Path
) -> Any:
    """One vCluster that was saved."""
    variables = {
        "vcluster_version": "0.36.1",
        "vcluster_kubernetes_version": "1.36.3",
        "vcluster_store": STORES[request.param],
        "vcluster_timeouts": {"rollout": 120},
        "vcluster_snapshots": {"directory": str(tmp_path / "target"), "rto": 600, "rpo": 3600},
        "vcluster_allow": ["G38"],
    }
    made = installed(make_fleet({CLUSTER: {NAME: variables}}, restorers))
    made.play("backup").succeeded()
    return made


def left(lab: Lab) -> list[str]:
    """What is left of a drill on the host cluster."""
    admin = lab.clusters[CLUSTER]
    names = kubectl(
        admin, "get", "namespaces,clusterroles,clusterrolebindings,persistentvolumes", "-oname"
    )
    return [name for name in names.split() if SCRATCH in name]


@pytest.mark.parametrize("fleet", STORES, indirect=True)
def test_what_is_gone_can_still_be_drilled_and_nothing_is_left(fleet: Fleet, lab: Lab) -> None:
    kubectl(lab.clusters[CLUSTER], "delete", "namespace", namespace(NAME), "--timeout=100s")
    run = fleet.play("drill").succeeded()
    words = " ".join(run.output.split())
    assert re.search(r"planned drill: done .* RTO [0-9].*, RPO [0-9]", words)
    assert left(lab) == []


def test_a_drill_that_is_killed_is_done_again_and_a_foreign_namespace_is_not_touched(
    fleet: Fleet, lab: Lab
) -> None:
    before = in_namespace(lab, NAME, "get", "pods", "-ojsonpath={.items[*].metadata.uid}")
    kill_at(fleet, "filling 1 etcd members", "drill")
    assert f"namespace/{SCRATCH}" in left(lab)
    fleet.play("drill").succeeded()
    assert left(lab) == []

    admin = lab.clusters[CLUSTER]
    kubectl(admin, "create", "namespace", SCRATCH)
    try:
        run = fleet.play("drill").failed()
        assert "is not a drill's" in " ".join(run.output.split())
        assert left(lab) == [f"namespace/{SCRATCH}"]
    finally:
        kubectl(admin, "delete", "namespace", SCRATCH)
    after = in_namespace(lab, NAME, "get", "pods", "-ojsonpath={.items[*].metadata.uid}")
    assert after == before, "the vCluster itself was touched"
