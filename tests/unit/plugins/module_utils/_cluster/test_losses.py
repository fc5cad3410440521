# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which members are lost is told by the logs of those that do not come up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.losses import lost_members
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import ApiError
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Workload

EMPTY = (
    '{"level":"fatal","msg":"discovery failed","error":"member aa has already been bootstrapped"}'
)


def workload(ready: int, component: str = "etcd") -> Workload:
    return Workload(component, "StatefulSet", f"a-{component}", 3, ready, 3, 3)


def pod(number: int, *, ready: bool = False, restarts: int = 3) -> dict[str, Any]:
    status = {"restartCount": restarts, "ready": ready}
    name = f"a-etcd-{number}"
    return {"metadata": {"name": name}, "status": {"containerStatuses": [status]}}


class Host:
    """Pods and the logs of their last attempt."""

    def __init__(
        self, pods: list[dict[str, Any]], logs: Mapping[str, str], now: str = "starting"
    ) -> None:
        self.pods = pods
        self.now = now
        self.logs = logs
        self.asked: list[str] = []

    def list(self, path: str, params: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        assert path == "/api/v1/namespaces/ns/pods"
        assert params == {"labelSelector": "app=vcluster-etcd,release=a"}
        yield from self.pods

    def text(self, path: str, params: Mapping[str, str]) -> str:
        name = path.split("/")[-2]
        assert params["container"] == "etcd"
        if params["previous"] == "false":
            return self.now
        self.asked.append(name)
        if name not in self.logs:
            raise ApiError(400, "previous terminated container not found")
        return self.logs[name]


def test_g63_a_member_that_says_so_is_lost() -> None:
    host = Host([pod(0, ready=True), pod(1), pod(2, restarts=0)], {"a-etcd-1": f"x\n{EMPTY}\ny"})
    found = lost_members(cast("Any", host), "ns", [workload(2)])
    assert found == {1: "its volume is empty"}
    assert host.asked == ["a-etcd-1"]


def test_g63_one_that_has_just_ended_says_so_in_its_own_log() -> None:
    gone = "unable to retrieve container logs for containerd://4062e782"
    host = Host([pod(1)], {"a-etcd-1": gone}, now=EMPTY)
    assert lost_members(cast("Any", host), "ns", [workload(2)]) == {1: "its volume is empty"}


@pytest.mark.parametrize("log", ["request timed out", ""])
def test_g63_any_other_trouble_is_no_loss(log: str) -> None:
    host = Host([pod(1), pod(2)], {"a-etcd-1": log})
    assert lost_members(cast("Any", host), "ns", [workload(1)]) == {}


def test_members_that_are_all_well_are_not_asked() -> None:
    host = Host([pod(1)], {"a-etcd-1": EMPTY})
    for workloads in ([workload(3)], [], [workload(0, "control_plane")]):
        assert lost_members(cast("Any", host), "ns", workloads) == {}
    assert host.asked == []
