# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The servers of another store beside those of the one that runs: they are filled before Helm knows of them.

They are what the chart renders, with Helm's own marks, so that the release takes them over as they are when its values
change. A control plane among them has no replicas until then.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from .._core.errors import ApiError
from .._core.observation import Observation
from .._core.ports import ChartArchive, HostCluster, Json
from .._core.spec import Spec
from .._stores.store import Store

PATHS = {
    "Service": "/api/v1/namespaces/{namespace}/services",
    "StatefulSet": "/apis/apps/v1/namespaces/{namespace}/statefulsets",
}
POLICY = "persistentVolumeClaimRetentionPolicy"
CLAIMS = "/api/v1/namespaces/{namespace}/persistentvolumeclaims"


def make_servers(
    spec: Spec,
    host: HostCluster,
    observation: Observation,
    store: Store,
    chart: ChartArchive,
    values: Mapping[str, Any],
) -> None:
    """All that the store needs is there when this returns; what is there already stays."""
    wanted = set(store.servers(spec.name))
    if not wanted:
        return
    release = observation.host_release
    for item in host.helm.template(spec.name, spec.namespace, chart, values, release):
        named = (item["kind"], item["metadata"]["name"])
        if named in wanted:
            _make(spec, host, _own(spec, item))


def remove_servers(spec: Spec, host: HostCluster, before: Observation, store: Store) -> None:
    """Nothing of them is left, and no claim that was not there before; what the release itself has stays."""
    good = before.last_good
    own = {(asked.kind, asked.name) for asked in good.workloads} if good else set()
    for kind, name in reversed(store.servers(spec.name)):
        if (kind, name) not in own:
            host.api.delete(f"{_collection(spec, kind)}/{name}")
    remove_claims(spec, host, store, {claim.name for claim in before.claims})


def remove_claims(
    spec: Spec, host: HostCluster, store: Store, but: Collection[str] = frozenset()
) -> None:
    """The claims of a store are gone, but for some."""
    for claim in _claims(spec, host, store):
        if claim["name"] not in but:
            host.api.delete(f"{CLAIMS.format(namespace=spec.namespace)}/{claim['name']}")


def keep_claims(
    spec: Spec, host: HostCluster, store: Store, until: Callable[[str, Callable[[], bool]], None]
) -> None:
    """The claims of a store outlive its servers, whatever `retentionPolicy` of the chart says.

    Its pods run meanwhile: the controller of a StatefulSet gives up no claim without one.

    Args:
        until: Waits for something to hold.
    """
    for kind, name in store.servers(spec.name):
        path = f"{_collection(spec, kind)}/{name}"
        policy = (host.api.find(path) or {}).get("spec", {}).get(POLICY) or {}
        if policy.get("whenDeleted") == "Delete":
            host.api.merge(path, {"spec": {POLICY: {"whenDeleted": "Retain"}}})
            until(
                f"StatefulSet {name} to let go of its claims",
                lambda: not any(c.get("ownerReferences") for c in _claims(spec, host, store)),
            )


def mark_claims(
    spec: Spec,
    host: HostCluster,
    seen: Observation,
    store: Store,
    annotations: Mapping[str, str | None],
) -> None:
    """Annotate the claims of a store that are there."""
    for name in seen.claimed(store.data_claims(spec.name)):
        path = f"{CLAIMS.format(namespace=spec.namespace)}/{name}"
        host.api.merge(path, {"metadata": {"annotations": dict(annotations)}})


def _claims(spec: Spec, host: HostCluster, store: Store) -> list[Json]:
    """The metadata of the claims of a store that are there now."""
    own = store.data_claims(spec.name)
    found = (item["metadata"] for item in host.api.list(CLAIMS.format(namespace=spec.namespace)))
    return [metadata for metadata in found if metadata["name"] in own]


def _own(spec: Spec, item: Json) -> Json:
    """As Helm would have made it (helm.sh/helm, pkg/action/validate.go), without a control plane that runs."""
    metadata = item["metadata"]
    owner = {
        "meta.helm.sh/release-name": spec.name,
        "meta.helm.sh/release-namespace": spec.namespace,
    }
    marked = {
        **item,
        "metadata": {
            **metadata,
            "namespace": spec.namespace,
            "labels": {
                **(metadata.get("labels") or {}),
                "app.kubernetes.io/managed-by": "Helm",
            },
            "annotations": {**(metadata.get("annotations") or {}), **owner},
        },
    }
    if (item["kind"], metadata["name"]) == ("StatefulSet", spec.name):
        marked["spec"] = {**item["spec"], "replicas": 0}
    return marked


def _make(spec: Spec, host: HostCluster, item: Json) -> None:
    path = _collection(spec, item["kind"])
    if host.api.find(f"{path}/{item['metadata']['name']}") is not None:
        return
    try:
        host.api.create(path, item)
    except ApiError as error:
        if not error.conflict:  # its own first attempt, which was not answered
            raise


def _collection(spec: Spec, kind: str) -> str:
    return PATHS[kind].format(namespace=spec.namespace)
