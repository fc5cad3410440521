# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Claims of a StatefulSet grow, and its pods stay while it is made anew."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    FleetError,
    TimedOut,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Pod
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import Growth
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access, Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate import claims, wait
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.claims import grown
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.wait import Deadline

SPEC = Spec("a", "a", "ns", "hc1", Access())
GROWTH = Growth("etcd", "a-etcd", ("data-a-etcd-0", "data-a-etcd-1"), "9Gi")
SET = "/apis/apps/v1/namespaces/ns/statefulsets/a-etcd"


class Host:
    """Claims that grow at once, or never; what was done, in order."""

    def __init__(self, *, grows: bool = True, size: str = "5Gi", pending: bool = False) -> None:
        self.grows = grows
        self.pending = pending
        self.sizes = dict.fromkeys(GROWTH.claims, size)
        self.there = True
        self.log: list[str] = []

    def get(self, path: str) -> Any:
        size = self.sizes[path.rsplit("/", 1)[-1]]
        condition = {"type": "FileSystemResizePending", "status": "True"}
        status: Any = {"capacity": {"storage": "5Gi" if self.pending else size}}
        if self.pending and size != "5Gi":
            status["conditions"] = [condition]
        return {"spec": {"resources": {"requests": {"storage": size}}}, "status": status}

    def find(self, path: str) -> Any:
        assert path == SET
        return {"kind": "StatefulSet"} if self.there else None

    def merge(self, path: str, body: Any) -> None:
        name = path.rsplit("/", 1)[-1]
        self.log.append(f"{name} asks")
        if self.grows:
            self.sizes[name] = body["spec"]["resources"]["requests"]["storage"]

    def delete(self, path: str, *, orphan: bool = False) -> None:
        assert (path, orphan) == (SET, True)
        self.log.append("StatefulSet goes")
        self.there = False


@pytest.fixture(autouse=True)
def pods(monkeypatch: pytest.MonkeyPatch) -> list[Pod]:
    there = [Pod("etcd", "a-etcd-0", "u0"), Pod("etcd", "a-etcd-1", "u1")]
    monkeypatch.setattr(claims, "look", lambda _api, _spec: SimpleNamespace(pods=tuple(there)))
    monkeypatch.setattr(wait, "PAUSE", 0.0)
    return there


def around(host: Host, growth: Growth = GROWTH) -> Any:
    held = SimpleNamespace(check=lambda: host.log.append("the lock is held"))
    return grown(
        cast("Any", host), SPEC, growth, cast("Any", held), Deadline(0.2), lambda _text: None
    )


def test_g12_first_the_claims_then_the_stateful_set_and_helm_in_between() -> None:
    host = Host()
    with around(host):
        host.log.append("helm")
    assert host.log == [
        "data-a-etcd-0 asks", "data-a-etcd-1 asks", "the lock is held", "StatefulSet goes", "helm",
    ]  # fmt: skip


def test_g12_what_has_grown_already_is_not_asked_again_nor_made_smaller() -> None:
    host = Host(size="20Gi")
    with around(host):
        pass
    assert host.log == ["the lock is held", "StatefulSet goes"]


def test_g12_a_volume_that_does_not_grow_ends_it_before_the_stateful_set_goes() -> None:
    host = Host(grows=False)
    with pytest.raises(TimedOut, match="claims of a-etcd to be 9Gi"), around(host):
        pytest.fail("Helm was run")
    assert "StatefulSet goes" not in host.log


def test_g12_a_file_system_may_grow_when_the_pod_is_back() -> None:
    host = Host(pending=True)
    with around(host):
        pass
    assert "StatefulSet goes" in host.log


def test_g12_a_member_that_ended_meanwhile_is_told(pods: list[Pod]) -> None:
    with pytest.raises(FleetError, match="a-etcd-1 ended"), around(Host()):
        pods[1] = Pod("etcd", "a-etcd-1", "another")


def test_the_pods_of_a_control_plane_restart_anyway(pods: list[Pod]) -> None:
    plane = Growth("control_plane", "a-etcd", GROWTH.claims, "9Gi")
    with around(Host(), plane):
        pods.clear()


def test_helm_failing_says_that_the_stateful_set_is_gone() -> None:
    words = r"denied it\. StatefulSet a-etcd is gone .*Run again soon"
    with pytest.raises(FleetError, match=words), around(Host()):
        raise FleetError("The webhook denied it.", "Ask its owner.")


def test_helm_failing_after_it_made_the_stateful_set_says_only_that() -> None:
    host = Host()
    with pytest.raises(FleetError) as error, around(host):
        host.there = True
        raise FleetError("It timed out.")
    assert str(error.value) == "It timed out."
