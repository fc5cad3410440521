# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A control plane that was stopped cannot be started by hand, and comes up again whatever was tried."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fakes import FakeApi, FakeHost, World
from saved import deploy

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import STOPPED
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.plane import Plane
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.wait import Deadline
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.inventory import spec_from

PODS = "/api/v1/namespaces/vcluster-tenant-a/pods"


class Cluster(FakeApi):
    """Its API server: what it was asked to change, and the pods that somebody's hand made meanwhile."""

    def __init__(self, world: World) -> None:
        super().__init__(world, "tenant-a", "vcluster-tenant-a")
        self.asked: list[dict[str, Any]] = []
        self.gone: list[str] = []
        self.pods: list[dict[str, Any]] = []

    def merge(self, path: str, body: Any) -> Any:
        assert path.endswith("/statefulsets/tenant-a")
        self.asked.append(body)
        self.world.workloads = ()
        return body

    def list(self, path: str, *_arguments: Any, **_more: Any) -> Iterator[Any]:
        assert path == PODS
        return iter(self.pods)

    def delete(self, path: str) -> None:
        self.gone.append(path)


@pytest.fixture
def cluster(world: World) -> Cluster:
    deploy(world, {"controlPlane": {}})
    return Cluster(world)


@pytest.fixture
def plane(world: World, cluster: Cluster) -> Plane:
    host = FakeHost(world)
    host.api = cluster
    spec: Any = spec_from({"name": "tenant-a"})
    return Plane(spec, host, host.observe(spec), Deadline(1), lambda _text: None)


def selected(body: dict[str, Any]) -> Any:
    return body["spec"]["template"]["spec"]["nodeSelector"]


def test_no_node_takes_what_was_stopped(plane: Plane, cluster: Cluster) -> None:
    plane.stop({"a": "b"})
    (asked,) = cluster.asked
    assert asked["metadata"] == {"annotations": {"a": "b"}}
    assert (asked["spec"]["replicas"], selected(asked)) == (0, {STOPPED: "true"})


def test_what_somebody_started_meanwhile_does_not_keep_it_from_coming_up(
    plane: Plane, cluster: Cluster
) -> None:
    """A StatefulSet waits for a pod of an older template for ever, where no node takes that."""
    cluster.pods = [
        {"metadata": {"name": "tenant-a-0"}, "spec": {"nodeSelector": {STOPPED: "true"}}},
        {"metadata": {"name": "tenant-a-etcd-0"}, "spec": {}},
    ]
    plane.let_run()
    (asked,) = cluster.asked
    assert (asked["spec"]["replicas"], selected(asked)) == (1, {STOPPED: None})
    assert cluster.gone == [f"{PODS}/tenant-a-0"]
