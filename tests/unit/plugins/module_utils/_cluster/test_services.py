# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pods behind an address, and whose it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.services import (
    owner_of,
    pods_behind,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import ApiError
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import Backend

SERVICE = "/api/v1/namespaces/there/services/store"
PODS = "/api/v1/namespaces/there/pods"


def pod(name: str, phase: str = "Running") -> dict[str, Any]:
    ports = [{"name": "client", "containerPort": 2379}, {"name": "peer", "containerPort": 2380}]
    containers = [{"name": "sidecar"}, {"name": "etcd", "ports": ports}]
    return {
        "metadata": {"name": name},
        "spec": {"containers": containers},
        "status": {"phase": phase},
    }


class Api:
    """A Service and its pods."""

    def __init__(self, **spec: Any) -> None:
        ports = [{"port": 2379, "targetPort": "client"}, {"port": 80, "targetPort": 8080}]
        metadata = {"annotations": {"fleetops.vcluster/owner": "ns/tenant"}}
        self.service = {
            "metadata": metadata,
            "spec": {"selector": {"a": "1", "b": "2"}, "ports": ports, **spec},
        }
        self.forbidden = ""

    def find(self, path: str) -> Any:
        if self.forbidden and self.forbidden in path:
            raise ApiError(403, "forbidden")
        return self.service if path == SERVICE else None

    def list(self, path: str, query: dict[str, str]) -> Iterator[Any]:
        if self.forbidden and self.forbidden in path:
            raise ApiError(403, "forbidden")
        assert (path, query) == (PODS, {"labelSelector": "a=1,b=2"})
        return iter([pod("store-0"), pod("store-1", "Pending"), pod("old", "Failed")])


def behind(api: Api, endpoint: str) -> tuple[Backend, ...]:
    return pods_behind(api, endpoint, "here")  # type: ignore[arg-type]


def test_pods_that_have_not_ended_are_behind_a_service_by_the_port_that_it_leads_to() -> None:
    found = behind(Api(), "store.there:2379")
    assert found == (Backend("there", "store-0", 2379), Backend("there", "store-1", 2379))
    assert [backend.port for backend in behind(Api(), "store.there.svc:80")] == [8080, 8080]


@pytest.mark.parametrize(
    "endpoint", ["store:2379", "other.there:2379", "store.there:2380", "etcd.example.net:2379"]
)
def test_nothing_is_behind_other_addresses(endpoint: str) -> None:
    assert behind(Api(), endpoint) == ()


def test_a_service_without_pods_of_its_own_is_dialled_as_others_are() -> None:
    assert behind(Api(selector=None), "store.there:2379") == ()


@pytest.mark.parametrize("forbidden", ["services", "pods"])
def test_what_may_not_be_looked_at_is_dialled_as_others_are(forbidden: str) -> None:
    api = Api()
    api.forbidden = forbidden
    assert behind(api, "store.there:2379") == ()


def test_the_mark_on_a_service_says_whose_data_is_behind_it() -> None:
    api: Any = Api()
    assert owner_of(api, "store.there:2379", "here") == "ns/tenant"
    assert owner_of(api, "store:2379", "here") == ""
    assert owner_of(api, "", "here") == ""
    api.forbidden = "services"
    assert owner_of(api, "store.there:2379", "here") == ""
