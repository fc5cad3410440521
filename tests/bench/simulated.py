# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""vClusters that stand in an API and run nowhere: copies of one that Helm installed.

Each has its own release Secret, with the name replaced everywhere inside it, and a StatefulSet
whose status says that it is rolled out: what the collection reads of a real one. Those that a
peer or a change is to touch have all other objects of the manifest, too.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import yaml
from hosts import Inventory
from measure import BenchError

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.host import Host
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.releases import (
    APPLIED_LABEL,
    PROVED_ANNOTATION,
    decode,
    secret_path,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.workloads import (
    workload_of,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import ApiError
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Observation
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import Api
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.planning import (
    observe_and_plan,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.digest import applied_digest

Json = dict[str, Any]
ORIGINAL = "bench-original"  # stands nowhere else in a release: it is replaced as text
HELM_SECONDS = 120
HTTP_CONFLICT = 409
THREADS = 16
PATHS = {
    "ConfigMap": "api/v1",
    "Secret": "api/v1",
    "Service": "api/v1",
    "ServiceAccount": "api/v1",
    "PodDisruptionBudget": "apis/policy/v1",
    "Role": "apis/rbac.authorization.k8s.io/v1",
    "RoleBinding": "apis/rbac.authorization.k8s.io/v1",
    "StatefulSet": "apis/apps/v1",
}
# What the API server gives an object; a copy gets its own.
AUTO_NODES = re.compile(r"^  autoNodes:.*\n(?:(?:   |  -).*\n)*", re.MULTILINE)
GIVEN = ("uid", "resourceVersion", "creationTimestamp", "managedFields", "generation")


@dataclass(frozen=True)
class Original:
    """What Helm installed, as JSON texts that can be renamed.

    Attributes:
        values: The user values, as the collection's plan of the install has them.
        workload: The StatefulSet.
        others: All other objects, each with the path of its collection.
        release: The release inside Helm's Secret.
        labels: The labels of that Secret.
        config: The configuration that the chart packs as base64 into a Secret of its own.
        config_hash: Its hash, an annotation of the pods.
    """

    values: str
    workload: str
    others: str
    release: str
    labels: Mapping[str, str]
    config: str
    config_hash: str

    def renamed(self, text: str, name: str) -> str:
        """A text of the original as it would be under another name, so that no upgrade finds a difference."""
        config = self.config.replace(ORIGINAL, name)
        text = text.replace(ORIGINAL, name).replace(_base64(self.config), _base64(config))
        return text.replace(self.config_hash, hash_of(config))

    def values_of(self, name: str) -> Json:
        values: Json = json.loads(self.values.replace(ORIGINAL, name))
        return values


def hash_of(config: str) -> str:
    """As the lab's chart makes it: without the automatic nodes."""
    return hashlib.sha256(AUTO_NODES.sub("", config).encode()).hexdigest()


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def install(inventory: Inventory, host: Host) -> Original:
    """Install a vCluster as the collection would, read it back, and remove it again."""
    spec = inventory.spec(ORIGINAL)
    planned = observe_and_plan(spec, host, Context()).plan
    steps = planned.steps
    if not steps or steps[0].values is None:
        raise BenchError(f"the plan of a new vCluster installs nothing: {planned.findings}")
    values = dict(steps[0].values)
    namespace(host.api, spec.namespace)
    chart = host.helm.pull(spec.chart, steps[0].version)
    host.helm.upgrade(spec.name, spec.namespace, chart, values, HELM_SECONDS)
    path = secret_path(spec.namespace, spec.name, 1)
    secret = host.api.get(path)
    release = decode(secret["data"]["release"], path)
    found = [_read(host.api, spec.namespace, item) for item in _rendered(release)]
    for where, item in found:
        host.api.delete(f"{where}/{item['metadata']['name']}")
    host.api.delete(path)
    workload = next(item for _, item in found if item["kind"] == "StatefulSet")
    others = [entry for entry in found if entry[1] is not workload]
    packed = next(item for _, item in others if item["metadata"]["name"].startswith("vc-config-"))
    config = base64.b64decode(packed["data"]["config.yaml"]).decode()
    config_hash = workload["spec"]["template"]["metadata"]["annotations"]["vClusterConfigHash"]
    if hash_of(config) != config_hash:
        raise BenchError("the chart makes its configuration hash in another way by now")
    return Original(
        json.dumps(values),
        json.dumps(workload),
        json.dumps(others),
        json.dumps(release),
        secret["metadata"]["labels"],
        config,
        config_hash,
    )


def _rendered(release: Json) -> list[Json]:
    documents = yaml.load_all(release["manifest"], Loader=yaml.CSafeLoader)
    return [document for document in documents if document]


def _read(api: Api, namespace: str, rendered: Json) -> tuple[str, Json]:
    """The collection's path, and the object as a POST takes it."""
    kind = rendered["kind"]
    path = f"/{PATHS[kind]}/namespaces/{namespace}/{kind.lower()}s"
    found = api.get(f"{path}/{rendered['metadata']['name']}")
    found["metadata"] = {k: v for k, v in found["metadata"].items() if k not in GIVEN}
    found.pop("status", None)
    if kind == "Service" and found["spec"].get("clusterIP") != "None":
        del found["spec"]["clusterIP"], found["spec"]["clusterIPs"]
    return path, found


def create(
    original: Original, inventory: Inventory, hosts: Mapping[str, Host], whole: Iterable[str] = ()
) -> float:
    """Write the vClusters of an inventory, side by side; returns how many seconds it took.

    Args:
        hosts: Host cluster by name, past the proxy.
        whole: Those that get all objects.
    """
    complete = frozenset(whole)
    began = time.monotonic()

    def one(name: str) -> None:
        host = hosts[inventory.hosts[name]]
        _write(original, inventory.spec(name), host.api, name in complete)

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(one, inventory.hosts))
    return time.monotonic() - began


def _write(original: Original, spec: Spec, api: Api, complete: bool) -> None:
    namespace(api, spec.namespace)
    workload = json.loads(original.renamed(original.workload, spec.name))
    path = f"/apis/apps/v1/namespaces/{spec.namespace}/statefulsets"
    _create(api, path, workload)
    status = rolled_out(workload, generation=1)
    settled = api.merge(f"{path}/{spec.name}/status", {"status": status})
    seen = Observation(workloads=(workload_of(settled, "StatefulSet"),))
    _create(
        api,
        f"/api/v1/namespaces/{spec.namespace}/secrets",
        _secret(original, spec, applied_digest(spec, seen)),
    )
    if complete:
        for where, item in json.loads(original.renamed(original.others, spec.name)):
            _create(api, where, item)


def _secret(original: Original, spec: Spec, digest: str) -> Json:
    """Revision 1 as Helm writes it, proved."""
    release = gzip.compress(original.renamed(original.release, spec.name).encode(), 6)
    inner = base64.b64encode(release)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {
        "metadata": {
            "name": f"sh.helm.release.v1.{spec.name}.v1",
            "labels": {**original.labels, "name": spec.name, APPLIED_LABEL: f"{digest}-r1"},
            "annotations": {PROVED_ANNOTATION: now},
        },
        "type": "helm.sh/release.v1",
        "data": {"release": base64.b64encode(inner).decode()},
    }


def rolled_out(workload: Json, generation: int) -> Json:
    """The status of a StatefulSet whose pods are all there, ready, and of that generation."""
    replicas = workload["spec"].get("replicas", 1)
    counts = ("replicas", "readyReplicas", "updatedReplicas", "currentReplicas")
    return {
        **dict.fromkeys((*counts, "availableReplicas"), replicas),
        "observedGeneration": generation,
    }


def namespace(api: Api, name: str) -> None:
    """Make a namespace, unless it is there."""
    _create(api, "/api/v1/namespaces", {"metadata": {"name": name}})


def _create(api: Api, path: str, item: Json) -> None:
    """Create what is not there: a request that a busy server did not answer in time may have been heard."""
    try:
        api.create(path, item)
    except ApiError as error:
        if error.status != HTTP_CONFLICT:
            raise


def prove_again(inventory: Inventory, hosts: Mapping[str, Host]) -> None:
    """Mark the newest revisions as a proof would: a peer has written them without one."""
    for name, cluster in inventory.hosts.items():
        spec = inventory.spec(name)
        observation = hosts[cluster].observe(spec)
        if observation.release is None or not all(w.settled for w in observation.workloads):
            raise BenchError(f"{name} is not there or not settled")
        api = hosts[cluster].api
        digest = applied_digest(spec, observation)
        revision = observation.release.revision
        labels = {APPLIED_LABEL: f"{digest}-r{revision}"}
        api.merge(secret_path(spec.namespace, name, revision), {"metadata": {"labels": labels}})
