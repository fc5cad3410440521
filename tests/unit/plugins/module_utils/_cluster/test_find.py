# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of finding every vCluster: the four lists, and what a real API server keeps of a real Helm."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.api import KubernetesApi
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.find import (
    find_all,
    store_config,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import ApiError

LABELS = {"app": "vcluster", "chart": "vcluster-0.36.1", "release": "a"}
CREATED = "2026-01-02T03:04:05Z"
WRITTEN = """\
controlPlane:
  advanced:
    text: |
      one
  backingStore:
    database:
      embedded:
        enabled: false
    etcd:
      embedded:
        enabled: true
        extraArgs: []
  coredns:
    enabled: true
sync: {}
"""


def config(text: str, namespace: str = "n1", name: str = "a") -> dict[str, Any]:
    metadata = {
        "name": f"vc-config-{name}",
        "namespace": namespace,
        "labels": {**LABELS, "release": name},
        "creationTimestamp": CREATED,
    }
    return {
        "metadata": metadata,
        "data": {"config.yaml": base64.b64encode(text.encode()).decode()},
    }


def release(namespace: str, name: str, revision: int) -> dict[str, Any]:
    labels = {"name": name, "owner": "helm", "status": "deployed", "version": str(revision)}
    return {"metadata": {"name": f"r{revision}", "namespace": namespace, "labels": labels}}


def workload(namespace: str, name: str, app: str = "vcluster") -> dict[str, Any]:
    labels = {**LABELS, "app": app, "release": name}
    created = "2026-02-02T03:04:05Z"
    containers = [{"name": "kubernetes", "image": "k:v1.36.0"}]
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": labels,
            "creationTimestamp": created,
        },
        "spec": {"replicas": 2, "template": {"spec": {"containers": containers}}},
    }


class Cluster:
    """Answers the lists of a small cluster; scopes can be forbidden."""

    def __init__(self, scripted: Any, forbidden: tuple[str, ...] = ()) -> None:
        self._answer = type(scripted.answers[0])
        self._forbidden = forbidden
        scripted.answers = [self.answer]
        self.items: dict[str, list[dict[str, Any]]] = {
            "deployments": [workload("n2", "b")],
            "statefulsets": [workload("n1", "a"), workload("n2", "b", "vcluster-etcd")],
            "configs": [config(WRITTEN), config(WRITTEN, "n3", "gone")],
            "releases": [release("n1", "a", 1), release("n1", "a", 2), release("n9", "other", 1)],
        }

    def answer(self, request: Any) -> Any:
        parts = request.path.split("/")
        scope = parts[parts.index("namespaces") + 1] if "namespaces" in parts else ""
        if scope in self._forbidden:
            return self._answer(403, {"message": "cannot list"})
        kind = parts[-1]
        if kind == "secrets":
            helm = request.query["labelSelector"].startswith("owner=helm")
            kind = "releases" if helm else "configs"
        found = self.items[kind]
        items = [item for item in found if not scope or item["metadata"]["namespace"] == scope]
        return self._answer(200, {"metadata": {}, "items": items})


def test_four_lists_whatever_the_number_of_vclusters(api: KubernetesApi, scripted: Any) -> None:
    Cluster(scripted)
    found = find_all(api)
    assert [request.path for request in scripted.requests] == [
        "/apis/apps/v1/deployments",
        "/apis/apps/v1/statefulsets",
        "/api/v1/secrets",
        "/api/v1/secrets",
    ]
    assert "PartialObjectMetadataList" in scripted.requests[3].headers["accept"]
    assert [(one.namespace, one.name) for one in found] == [
        ("n1", "a"),
        ("n2", "b"),
        ("n3", "gone"),
    ]
    a, _b, _gone = found
    assert a.observation.release is not None and a.observation.release.revision == 2
    assert (a.chart_version, a.created) == ("0.36.1", CREATED)


def test_the_store_comes_from_the_configuration_else_from_the_workloads(
    api: KubernetesApi, scripted: Any
) -> None:
    Cluster(scripted)
    stores = {one.name: (one.store, one.needs_licence) for one in find_all(api)}
    assert stores["a"] == ("etcd_embedded", True)
    assert stores["b"] == ("etcd_deployed", False)


def test_one_that_helm_did_not_install_and_one_without_workloads_are_found(
    api: KubernetesApi, scripted: Any
) -> None:
    Cluster(scripted)
    _a, b, gone = find_all(api)
    assert b.observation.release is None and b.observation.workloads
    assert gone.observation.workloads == ()


def test_named_namespaces_are_listed_one_by_one(api: KubernetesApi, scripted: Any) -> None:
    Cluster(scripted, forbidden=("",))
    assert [one.name for one in find_all(api, ["n3", "n1"])] == ["a", "gone"]
    assert len(scripted.requests) == 8


def test_a_pattern_leaves_out_the_rest(api: KubernetesApi, scripted: Any) -> None:
    Cluster(scripted)
    assert [one.name for one in find_all(api, ["n[12]"])] == ["a", "b"]
    assert len(scripted.requests) == 4


def test_a_missing_right_says_that_namespaces_can_be_named(
    api: KubernetesApi, scripted: Any
) -> None:
    Cluster(scripted, forbidden=("",))
    with pytest.raises(ApiError, match="name the namespaces"):
        find_all(api)


def test_labels_that_only_look_like_ours_are_left_alone(api: KubernetesApi, scripted: Any) -> None:
    cluster = Cluster(scripted)
    synced = config(WRITTEN, "n5", "x")
    synced["metadata"]["name"] = "vc-config-x-x-default-x-tenant"
    nameless = workload("n6", "y")
    del nameless["metadata"]["labels"]["release"]
    cluster.items |= {"configs": [synced], "statefulsets": [nameless]}
    assert [one.name for one in find_all(api)] == ["b"]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (WRITTEN, ("etcd", "embedded", "enabled")),
        ("{controlPlane: {backingStore: {database: {external: {enabled: yes}}}}}", ("database",)),
    ],
)
def test_the_section_of_the_store_is_read_however_it_is_written(
    text: str, path: tuple[str, ...]
) -> None:
    node: Any = store_config(config(text))
    for key in ("controlPlane", "backingStore", *path):
        node = node[key]
    assert node


@pytest.mark.parametrize("text", ["", "nonsense", "a: [", "controlPlane: 3", "sync: {}"])
def test_a_configuration_that_cannot_be_read_tells_nothing(text: str) -> None:
    assert store_config(config(text)) is None
    assert store_config({"data": {"config.yaml": "%%%"}}) is None


@pytest.mark.apiserver
@pytest.mark.parametrize("name", ["helm3", "helm4"])
def test_g52_installs_by_helm_and_by_a_renderer_are_found_with_their_stores(
    name: str,
    tools: dict[str, Path],
    chart_file: Path,
    api_server: Any,
    real_api: KubernetesApi,
    namespace: str,
) -> None:
    def run(program: str, *arguments: str, stdin: str = "") -> str:
        command = [str(tools[program]), *arguments]
        done = subprocess.run(
            command, input=stdin, text=True, capture_output=True, check=True, timeout=60
        )
        return done.stdout

    access = f"--kubeconfig={api_server.kubeconfig}"
    store = "--set=controlPlane.backingStore.etcd.deploy.enabled=true"
    run(name, "install", "by-hand", str(chart_file), access, "-n", namespace, store)
    other = f"{namespace}-argo"
    real_api.create("/api/v1/namespaces", {"metadata": {"name": other}})
    rendered = run(name, "template", "by-argo", str(chart_file), "-n", other)
    run("kubectl", access, "-n", other, "apply", "-f", "-", stdin=rendered)
    hand, argo = find_all(real_api, [f"{namespace}*"])
    assert (hand.name, hand.store, hand.chart_version) == ("by-hand", "etcd_deployed", "0.36.1")
    assert hand.observation.release is not None and hand.observation.release.status == "deployed"
    assert (argo.name, argo.store, argo.observation.release) == ("by-argo", "sqlite", None)
    assert hand.created
