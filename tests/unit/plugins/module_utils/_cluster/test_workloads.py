# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of reading workloads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import yaml

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.workloads import (
    paused,
    workload_of,
    workloads_in,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Workload

ITEM: dict[str, Any] = {
    "metadata": {
        "name": "a",
        "namespace": "x",
        "labels": {"app": "vcluster", "release": "a"},
        "generation": 4,
        "annotations": {"k": "v"},
    },
    "spec": {
        "replicas": 3,
        "template": {
            "metadata": {"annotations": {"vClusterConfigHash": "h", "vcluster.loft.sh/x": "y"}},
            "spec": {
                "initContainers": [{"name": "kubernetes", "image": "k:1"}],
                "containers": [{"name": "syncer", "image": "s:1"}],
            },
        },
    },
    "status": {"replicas": 3, "readyReplicas": 2, "updatedReplicas": 1, "observedGeneration": 4},
}


def test_every_field_is_read() -> None:
    assert workload_of(ITEM, "StatefulSet") == Workload(
        component="control_plane",
        kind="StatefulSet",
        name="a",
        replicas=3,
        ready=2,
        updated=1,
        total=3,
        generation=4,
        observed_generation=4,
        images={"kubernetes": "k:1", "syncer": "s:1"},
        config_hash="h",
        annotations={"k": "v"},
    )


def test_a_manifest_tells_what_was_asked_of_the_workloads() -> None:
    other = {"kind": "StatefulSet", "metadata": {"name": "other"}, "spec": {}}
    documents = [{"kind": "Service"}, other, {"kind": "StatefulSet", **ITEM}]
    manifest = "".join(f"---\n# Source: x\n{yaml.safe_dump(item)}" for item in documents)
    assert list(workloads_in(manifest)) == [workload_of(ITEM, "StatefulSet")]
    assert not list(workloads_in(""))


def test_an_etcd_that_nobody_has_looked_at_yet() -> None:
    item = {
        "metadata": {"name": "a-etcd", "labels": {"app": "vcluster-etcd"}},
        "spec": {"template": {"spec": {"containers": [{"name": "etcd", "image": "e:1"}]}}},
    }
    found = workload_of(item, "StatefulSet")
    assert (found.component, found.replicas, found.ready, found.config_hash) == ("etcd", 1, 0, "")
    assert not found.settled


def test_paused_names_the_annotation() -> None:
    workload = workload_of(ITEM, "StatefulSet")
    assert paused([workload]) == ""
    for key in ("loft.sh/paused", "loft.sh/restoring"):
        assert paused([workload, replace(workload, annotations={key: "true"})]) == key
    assert paused([replace(workload, annotations={"loft.sh/paused": "false"})]) == ""
