# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was seen of a vCluster: when a workload is rolled out, and which is which."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Observation,
    Workload,
)

WELL = Workload("control_plane", "Deployment", "t", 3, 3, 3, 3, 7, 7)


@pytest.mark.parametrize(
    ("changes", "settled"),
    [
        ({}, True),
        ({"observed_generation": 8}, True),
        ({"observed_generation": 6}, False),
        ({"ready": 2}, False),
        ({"updated": 2}, False),
        ({"total": 4}, False),
        ({"replicas": 2}, False),
        ({"replicas": 0, "ready": 0, "updated": 0, "total": 0}, True),
    ],
)
def test_g49_a_workload_is_settled_on_its_newest_template_only(
    changes: dict[str, Any], settled: bool
) -> None:
    assert replace(WELL, **changes).settled is settled


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("ghcr.io/loft-sh/kubernetes:v1.36.0", "v1.36.0"),
        ("ghcr.io/loft-sh/kubernetes:v1.36.0@sha256:abc", "v1.36.0"),
        ("ghcr.io/loft-sh/kubernetes@sha256:abc", ""),
        ("r.example.net:5000/kubernetes", ""),
        ("r.example.net:5000/kubernetes:v1.36.0", "v1.36.0"),
        ("", ""),
    ],
)
def test_the_tag_of_an_image_is_told_from_port_and_digest(image: str, tag: str) -> None:
    assert replace(WELL, images={"kubernetes": image}).tag("kubernetes") == tag
    assert WELL.tag("kubernetes") == ""


def test_a_workload_is_found_by_its_component() -> None:
    etcd = replace(WELL, component="etcd", kind="StatefulSet", name="t-etcd")
    found = Observation(workloads=(etcd, WELL))
    assert found.workload("control_plane") is WELL
    assert found.workload("etcd") is etcd
    assert Observation().workload("etcd") is None
