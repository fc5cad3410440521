# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""etcd inside the control plane: each replica is a member."""

from __future__ import annotations

from typing import Any

import pytest
from members import reach, spec

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Observation
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.registry import (
    checks,
    store_named,
)

STORE = store_named("etcd_embedded")


def embedded(claim: Any = "auto", replicas: Any = 1, **persistence: Any) -> dict[str, Any]:
    """Values as the chart has them by default, with this store."""
    persistence["volumeClaim"] = {"enabled": claim}
    return {
        "controlPlane": {
            "backingStore": {"etcd": {"embedded": {"enabled": True}}},
            "statefulSet": {
                "highAvailability": {"replicas": replicas},
                "persistence": persistence,
            },
        }
    }


def test_its_options_are_those_of_the_volume_of_the_control_plane() -> None:
    assert STORE.values("tenant", {"size": "9Gi", "storage_class": "fast"}) == {
        "controlPlane": {
            "backingStore": {"etcd": {"embedded": {"enabled": True}}},
            "statefulSet": {
                "persistence": {"volumeClaim": {"size": "9Gi", "storageClass": "fast"}}
            },
        }
    }
    (finding,) = STORE.option_findings({"persistence": False})
    assert "vcluster_store.persistence" in finding.what
    assert STORE.options_in(embedded()) == {}


@pytest.mark.parametrize(
    ("values", "refused"),
    [
        (embedded(), []),
        (embedded(None), []),
        (embedded("true"), []),
        (embedded(False), ["G02"]),
        (embedded("false"), ["G02"]),
        (embedded(False, volumeClaimTemplates=[{"metadata": {"name": "data"}}]), []),
        (embedded(False, dataVolume=[{"name": "data", "emptyDir": {}}]), ["G02"]),
        *((embedded(replicas=count), []) for count in (1, 3, 5)),
        *((embedded(replicas=count), ["G07"]) for count in (2, 4)),
        (embedded(replicas=6), ["G07", "G59"]),
        (embedded(replicas=7), ["G59"]),
    ],
)
def test_g02_g07_g33_g59_what_is_asked_for(values: dict[str, Any], refused: list[str]) -> None:
    found = STORE.findings(values)
    assert [f.guard for f in found if f.severity == "refuse"] == refused
    assert [f.guard for f in found if f.severity == "warn"] == ["G33"]


def test_g07_the_count_and_the_way_out_are_told() -> None:
    _licence, finding = STORE.findings(embedded(replicas=4))
    assert finding.what == "4 replicas on the store etcd_embedded, each a member of it."
    assert "Use 3 or 5" in finding.way_out


def test_g03_its_data_does_not_move_between_volumes() -> None:
    assert [f.guard for f in STORE.change_findings(embedded(), embedded(False))] == ["G03"]
    assert not STORE.change_findings(embedded(), embedded(True))


def test_its_members_are_the_replicas_and_their_claims() -> None:
    assert STORE.members(embedded(replicas=3)) == 3
    assert STORE.claims("tenant", 3) == ["data-tenant-0", "data-tenant-1", "data-tenant-2"]
    assert STORE.keeps_members(embedded())
    assert not STORE.keeps_members(embedded(False))


def test_nobody_asks_its_members_and_the_proof_says_so() -> None:
    (found,) = checks(spec(), Observation(), [], reach({}), embedded())
    assert (found.id, found.status) == ("store", "skip")
    assert "image is closed" in found.evidence


def test_a_lost_quorum_is_the_vendors() -> None:
    with pytest.raises(FleetError, match="vendor's page"):
        STORE.survivor(spec(), Observation(), reach({}), embedded())
