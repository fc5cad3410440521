# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action `snapshot`: within a run, host clusters and targets take only so many at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from ansible_collections.fleetops.vcluster.plugins.action.snapshot import ActionModule
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._inventory import Collected
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._runs import PLAN_FILE
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._waves import PLAN


@pytest.mark.parametrize(
    ("snapshots", "count"),
    [
        ({"directory": "/b"}, 5 + 4),
        ({"directory": "/b", "concurrency": 1}, 5 + 1),
        ({"s3": {"bucket": "b"}, "concurrency": 2}, 5 + 2),
        (None, 5 + 4),
    ],
)
def test_a_target_has_slots_beside_those_of_the_host_cluster(
    tmp_path: Path, snapshots: Any, count: int
) -> None:
    action = ActionModule(*[MagicMock()] * 6)
    collected = Collected({"kubeconfig": "/k/hc1", "snapshots": snapshots}, {})
    with action._turn(collected, {PLAN: {"path": str(tmp_path / PLAN_FILE)}}):
        assert len(list(tmp_path.glob("slot-*"))) == count


def place(**s3: str) -> set[str]:
    """The slots of a target, less those of the host cluster."""
    action = ActionModule(*[MagicMock()] * 6)
    collected = Collected({"kubeconfig": "/k/hc1", "snapshots": {"s3": s3}}, {})
    return set(action.places(collected)) - {"/k/hc1##"}


def test_a_claim_is_one_target_of_its_namespace() -> None:
    action = ActionModule(*[MagicMock()] * 6)

    def slots(**claim: str) -> set[str]:
        return set(action.places(Collected({"snapshots": {"claim": claim}}, {})))

    west = slots(name="c", namespace="west")
    assert west == slots(name="c", namespace="west", image="busybox")
    assert west != slots(name="c", namespace="east")


def test_a_bucket_is_one_target_whatever_folder_is_used() -> None:
    west = place(bucket="b", prefix="west", secret_key="one")
    assert len(west) == 1
    assert west == place(bucket="b", prefix="east", secret_key="two")
    assert west != place(bucket="c", prefix="west")
    assert west != place(bucket="b", endpoint="https://s3.example.com")
