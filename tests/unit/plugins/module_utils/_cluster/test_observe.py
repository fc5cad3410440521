# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the full observation, against a real API server."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.api import KubernetesApi
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.observe import (
    observe,
    referenced_secrets,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Claim,
    Observation,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import (
    Access,
    Spec,
    StoreSpec,
)


def spec(namespace: str, **more: Any) -> Spec:
    return Spec("host", "a", namespace, "hc", Access(), **more)


def reference(name: str) -> dict[str, Any]:
    return {"$secret": {"name": name, "key": "k"}}


def test_references_are_found_at_any_depth() -> None:
    values = {
        "a": {"b": [reference("one"), {"c": reference("two")}]},
        "plain": {"$secret": {"name": "no", "key": "k"}, "beside": 1},
    }
    found = referenced_secrets(spec("x", values=values, pull_secrets=("pull",)))
    assert found == {"one", "two", "pull"}


def test_the_store_names_its_own() -> None:
    store = StoreSpec("etcd_external", {"endpoint": "e:2379", "tls": {"secret": "etcd-tls"}})
    assert "etcd-tls" in referenced_secrets(spec("x", store=store))


def deployment(app: str, release: str) -> dict[str, Any]:
    labels = {"app": app, "release": release}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "c", "image": "i:1"}]},
    }
    return {
        "metadata": {"name": f"{release}-{app}", "labels": labels},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


@pytest.mark.apiserver
def test_an_empty_namespace(real_api: KubernetesApi, namespace: str) -> None:
    found = observe(real_api, spec(namespace))
    assert found.seen_at is not None
    assert abs(real_api.now - found.seen_at) < timedelta(minutes=1)
    empty = Observation(host_version=(1, 36), complete=True, seen_at=found.seen_at)
    assert found == empty


@pytest.mark.apiserver
def test_everything_the_planner_looks_at(real_api: KubernetesApi, namespace: str) -> None:
    core, apps = f"/api/v1/namespaces/{namespace}", f"/apis/apps/v1/namespaces/{namespace}"
    real_api.create(f"{apps}/deployments", deployment("vcluster", "a"))
    real_api.create(f"{apps}/deployments", deployment("vcluster", "b"))
    real_api.create(f"{apps}/deployments", deployment("web", "c"))
    real_api.create(
        f"{core}/services", {"metadata": {"name": "loft"}, "spec": {"ports": [{"port": 1}]}}
    )
    data = {"k": base64.b64encode(b"content").decode()}
    secret = real_api.create(f"{core}/secrets", {"metadata": {"name": "one"}, "data": data})
    claim = {
        "metadata": {"name": "data-a-0", "labels": {"app": "vcluster", "release": "a"}},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "fast",
            "resources": {"requests": {"storage": "5Gi"}},
        },
    }
    real_api.create(f"{core}/persistentvolumeclaims", claim)
    budget = {
        "metadata": {"name": "a"},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "vcluster"}}},
    }
    real_api.create(f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets", budget)
    found = observe(
        real_api, spec(namespace, values={"x": reference("one"), "y": reference("gone")})
    )
    assert [w.name for w in found.workloads] == ["a-vcluster"]
    assert found.neighbours == ("b",)
    assert found.services == ("loft",)
    assert found.claims == (Claim("data-a-0", "5Gi", "fast", "Pending"),)
    assert found.budgets == ("a",)
    assert found.secrets == {"one": ("k",)}
    identity = f"{secret['metadata']['uid']}/{secret['metadata']['resourceVersion']}"
    assert found.references == {"one": identity}
