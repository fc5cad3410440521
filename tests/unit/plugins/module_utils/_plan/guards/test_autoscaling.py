# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the inventory says of autoscalers, before anything is looked at."""

from __future__ import annotations

from typing import Any

import pytest
from paper import spec

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import Refused

PODS = {"metric": {"name": "requests"}, "target": {"type": "AverageValue", "averageValue": "10"}}
MEMORY = {"type": "Resource", "resource": {"name": "memory", "target": {}}}
BY_MEMORY = {"max": 3, "metrics": [MEMORY]}
AIMLESS = {"type": "Pods", "pods": {"metric": {"name": "x"}}}
UNKNOWN = {"type": "Resource", "resource": {"name": "gpu", "target": {}}}


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ("vcluster_replicas 1", {"replicas": 1, "autoscaling": {"max": 3}}),
        ("vcluster_replicas unset", {"replicas": None, "autoscaling": {"max": 3}}),
        ("vcluster_replicas 4", {"replicas": 4, "autoscaling": {"max": 3}}),
        ("vcluster_autoscaling.max is 1", {"autoscaling": {"max": 1}}),
        ("vcluster_autoscaling.max is missing", {"autoscaling": {"cpu": 50}}),
        ("cpu is 120", {"autoscaling": {"max": 3, "cpu": 120}}),
        ("memory is -1", {"autoscaling": {"max": 3, "memory": -1}}),
        ("scale_in_window is 4000", {"autoscaling": {"max": 3, "scale_in_window": 4000}}),
        ("has no metric", {"autoscaling": {"max": 3, "cpu": 0}}),
        ("type 'Speed'", {"autoscaling": {"max": 3, "metrics": [{"type": "Speed"}]}}),
        ("type None", {"autoscaling": {"max": 3, "metrics": [{}]}}),
        ("not a mapping", {"autoscaling": {"max": 3, "metrics": ["cpu"]}}),
        ("needs pods", {"autoscaling": {"max": 3, "metrics": [{"type": "Pods"}]}}),
        ("needs pods", {"autoscaling": {"max": 3, "metrics": [{"type": "Pods", "pods": PODS, "x": 1}]}}),
        ("a name and a target", {"autoscaling": {"max": 3, "metrics": [AIMLESS]}}),
        ("none of cpu, memory", {"autoscaling": {"max": 3, "metrics": [UNKNOWN]}}),
        ("both decide by cpu", {"autoscaling": {"max": 3}, "vertical_autoscaling": {}}),
        ("both decide by memory", {"autoscaling": {"max": 3, "cpu": 0, "memory": 80}, "vertical_autoscaling": {}}),
        ("both decide by memory", {"autoscaling": BY_MEMORY, "vertical_autoscaling": {"resources": ["memory"]}}),
        ("requests is 0", {"autoscaling": {"max": 3, "by": "load", "requests": 0}}),
        ("requests is -5", {"autoscaling": {"max": 3, "by": "load", "requests": -5}}),
        ("requests is 'many', not a whole number", {"autoscaling": {"max": 3, "by": "load", "requests": "many"}}),
        ("requests is 2.5, not a whole number", {"autoscaling": {"max": 3, "by": "load", "requests": 2.5}}),
        ("latency_ms is 0", {"autoscaling": {"max": 3, "by": "load", "latency_ms": 0}}),
        ("latency_ms is 90000", {"autoscaling": {"max": 3, "by": "load", "latency_ms": 90000}}),
        ("cool_down is -1", {"autoscaling": {"max": 3, "by": "load", "cool_down": -1}}),
        ("max is -1, vcluster_replicas 2", {"autoscaling": {"max": -1, "by": "load"}}),
        ("max is 1, vcluster_replicas 2", {"autoscaling": {"max": 1, "by": "load"}}),
        ("vcluster_replicas 0", {"replicas": 0, "autoscaling": {"max": 3, "by": "load"}}),
        ("requests and cool_down, which mean nothing", {"autoscaling": {"max": 3, "requests": 5, "cool_down": 5}}),
        ("cpu, which mean nothing to by: load", {"autoscaling": {"max": 3, "by": "load", "cpu": 50}}),
        ("vcluster_replicas unset", {"replicas": None, "autoscaling": {"max": 3, "by": "load"}}),
        ("by is 'moon'", {"autoscaling": {"max": 3, "by": "moon"}}),
        ("mode", {"vertical_autoscaling": {"mode": "Auto"}}),
        ("mode", {"vertical_autoscaling": {"mode": False}}),
        ("resources", {"vertical_autoscaling": {"resources": ["gpu"]}}),
        ("resources", {"vertical_autoscaling": {"resources": []}}),
        ("min.cpu is 6", {"vertical_autoscaling": {"min": {"cpu": "6"}}}),
        ("memory from 'much'", {"vertical_autoscaling": {"min": {"memory": "much"}}}),
        ("has gpu", {"vertical_autoscaling": {"min": {"gpu": 1}}}),
    ],
)  # fmt: skip
def test_g10_what_cannot_be_is_refused_while_the_inventory_is_read(
    words: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(Refused) as refused:
        spec(**{"replicas": 2, **arguments})
    assert any(words in finding.what for finding in refused.value.findings)


def test_what_can_be_is_taken() -> None:
    metrics = [{"type": "Pods", "pods": PODS}]
    horizontal = {"max": 9, "cpu": 60, "metrics": metrics, "scale_in_window": 0}
    vertical = {"mode": "Initial", "resources": ["memory"], "min": {"memory": "1Gi"}}
    found = spec(replicas=2, autoscaling=horizontal, vertical_autoscaling=vertical)
    assert found.autoscaling is not None
    assert found.autoscaling.metrics == tuple(metrics)
    assert found.vertical_autoscaling is not None
    assert found.vertical_autoscaling.max == {"cpu": "4", "memory": "8Gi"}
