# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Larger volumes on a live store, while a client writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from by_hand import CLUSTER, in_namespace
from harness import Lab
from runs import kill_at
from scaling import under_load

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(900)]

# A claim never shrinks: each test has a vCluster of its own.
NAME, SQLITE, FIXED = "it-grown", "it-grown-sqlite", "it-grown-fixed"


def asking(size: str, **store: Any) -> dict[str, Any]:
    return {
        "vcluster_version": "0.36.1",
        "vcluster_kubernetes_version": "1.36.3",
        "vcluster_store": {"size": size, "storage_class": "growing", **store},
        "vcluster_timeouts": {"rollout": 240},
    }


ETCD = {"type": "etcd_deployed", "members": 3}


@pytest.fixture
def fleet(make_fleet: Any) -> Any:
    """A fleet of one, with claims of a size."""

    def made(size: str, name: str = NAME, **store: Any) -> Any:
        return make_fleet({CLUSTER: {name: asking(size, **store)}})

    return made


def told(lab: Lab, name: str, kind: str, path: str) -> list[str]:
    """A field of every object of a kind, by the names of the objects."""
    items = "{range .items[*]}{.metadata.name}={" + path + "} {end}"
    return sorted(in_namespace(lab, name, "get", kind, f"--output=jsonpath={items}").split())


def capacities(lab: Lab, name: str) -> set[str]:
    found = told(lab, name, "persistentvolumeclaims", ".status.capacity.storage")
    return {item.partition("=")[2] for item in found}


def members(lab: Lab, name: str) -> list[str]:
    """The pods of etcd, with what tells one from another of the same name."""
    return [item for item in told(lab, name, "pods", ".metadata.uid") if f"{name}-etcd-" in item]


def test_g12_claims_of_etcd_grow_and_no_member_restarts(
    fleet: Any, lab: Lab, tmp_path: Path
) -> None:
    fleet("1Gi", **ETCD).play("site").succeeded()
    before = members(lab, NAME)
    with under_load(lab, NAME, tmp_path, "claims of etcd grow") as ledger:
        fleet("2Gi", **ETCD).play("site").succeeded()
    assert ledger.report.lost == 0
    assert capacities(lab, NAME) == {"2Gi"}
    assert members(lab, NAME) == before
    asked = ".spec.volumeClaimTemplates[0].spec.resources.requests.storage"
    assert told(lab, NAME, "statefulsets", asked) == [f"{NAME}-etcd=2Gi"]
    assert "changed=0" in fleet("2Gi", **ETCD).play("site").succeeded().output
    refused = fleet("1Gi", **ETCD).play("plan").succeeded().output
    assert "would shrink from 2Gi to 1Gi" in refused


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("it-grown-cut", "claims of it-grown-cut-etcd grow"),
        ("it-grown-late", "of 3 members ready"),
    ],
)
def test_g12_growing_that_was_killed_is_finished_by_the_next_run(
    fleet: Any, lab: Lab, tmp_path: Path, name: str, words: str
) -> None:
    fleet("1Gi", name, **ETCD).play("site").succeeded()
    before = members(lab, name)
    with under_load(lab, name, tmp_path, f"killed at {words}", around=2.0) as ledger:
        kill_at(fleet("2Gi", name, **ETCD), words)
        fleet("2Gi", name, **ETCD).play("site").succeeded()
    assert ledger.report.lost == 0
    assert (capacities(lab, name), members(lab, name)) == ({"2Gi"}, before)


def test_g12_the_claim_of_sqlite_grows(fleet: Any, lab: Lab, tmp_path: Path) -> None:
    fleet("1Gi", SQLITE, type="sqlite").play("site").succeeded()
    with under_load(lab, SQLITE, tmp_path, "claim of sqlite grows") as ledger:
        fleet("2Gi", SQLITE, type="sqlite").play("site").succeeded()
    assert ledger.report.lost == 0
    assert capacities(lab, SQLITE) == {"2Gi"}
    assert "changed=0" in fleet("2Gi", SQLITE, type="sqlite").play("site").succeeded().output


def test_g12_a_storage_class_that_does_not_grow_is_told_while_planning(
    make_fleet: Any, lab: Lab
) -> None:
    fixed = asking("1Gi", type="sqlite")
    del fixed["vcluster_store"]["storage_class"]
    make_fleet({CLUSTER: {FIXED: fixed}}).play("site").succeeded()
    fixed["vcluster_store"]["size"] = "2Gi"
    run = make_fleet({CLUSTER: {FIXED: fixed}}).play("site").failed()
    assert "storage class standard does not allow it" in " ".join(run.output.split())
