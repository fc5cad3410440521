# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The full observation of one vCluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .._core.observation import Claim, Observation, Workload
from .._core.ports import Api, Json
from .._core.spec import Spec
from .._stores.registry import endpoint_of, secrets_of
from .autoscalers import autoscalers, groups_served
from .certificates import certificates
from .fleet import host_version, identity
from .losses import lost_members
from .releases import history, noted, with_notes
from .services import owner_of
from .workloads import SELECTOR, paused, workload_of


def observe(api: Api, spec: Spec) -> Observation:
    """Everything the planner looks at; a dozen requests, two more for each member of a store that is not ready."""
    namespace, name = spec.namespace, spec.name
    notes = noted(api, namespace, name)
    found = with_notes(history(api, namespace, name), notes)
    here = list(_workloads(api, namespace))
    workloads = tuple(workload for release, workload in here if release == name)
    secrets = dict(_secrets(api, spec))
    return Observation(
        release=found.release,
        base=found.base,
        last_good=found.last_good,
        workloads=workloads,
        claims=tuple(_claims(api, namespace, name)),
        neighbours=_neighbours(here, name),
        services=tuple(_services(api, namespace)),
        secrets={name: tuple(sorted(secret.get("data") or {})) for name, secret in secrets.items()},
        references={name: identity(secret) for name, secret in secrets.items()},
        host_version=host_version(api),
        paused=paused(workloads),
        seen_at=api.now,
        certificates=certificates(api, namespace, name),
        store_owner=owner_of(api, endpoint_of(spec), namespace),
        budgets=tuple(_budgets(api, namespace)),
        lost_members=lost_members(api, namespace, workloads),
        autoscalers=autoscalers(api, spec, workloads),
        api_groups=groups_served(api, spec),
        points=notes.points,
        migration=notes.migration,
        complete=True,
    )


def referenced_secrets(spec: Spec) -> frozenset[str]:
    """Names of the Secrets of the namespace that a spec needs: references, pull secrets, those of its store."""
    return frozenset({*(spec.pull_secrets or ()), *_references(spec.values), *secrets_of(spec)})


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        inner = value.get("$secret")
        if len(value) == 1 and isinstance(inner, Mapping):
            yield str(inner.get("name", ""))
            return
        for item in value.values():
            yield from _references(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _references(item)


def _workloads(api: Api, namespace: str) -> Iterator[tuple[str, Workload]]:
    """The workloads of all vClusters in the namespace, each with its release."""
    for kind in ("Deployment", "StatefulSet"):
        path = f"/apis/apps/v1/namespaces/{namespace}/{kind.lower()}s"
        for item in api.list(path, {"labelSelector": SELECTOR}):
            release = (item["metadata"].get("labels") or {}).get("release", "")
            yield release, workload_of(item, kind)


def _neighbours(here: list[tuple[str, Workload]], name: str) -> tuple[str, ...]:
    planes = {release for release, workload in here if workload.component == "control_plane"}
    return tuple(sorted(planes - {name}))


def _claims(api: Api, namespace: str, name: str) -> Iterator[Claim]:
    path = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims"
    for item in api.list(path, {"labelSelector": f"{SELECTOR},release={name}"}):
        spec, status = item["spec"], item.get("status") or {}
        size = (spec.get("resources") or {}).get("requests", {}).get("storage", "")
        yield Claim(
            item["metadata"]["name"], size, spec.get("storageClassName"), status.get("phase", "")
        )


def _services(api: Api, namespace: str) -> Iterator[str]:
    # The chart refuses to render beside a Service of this name (0.36, templates/service.yaml).
    if api.find(f"/api/v1/namespaces/{namespace}/services/loft"):
        yield "loft"


def _secrets(api: Api, spec: Spec) -> Iterator[tuple[str, Json]]:
    """The Secrets that the spec refers to, as far as they exist."""
    for name in sorted(referenced_secrets(spec)):
        secret = api.find(f"/api/v1/namespaces/{spec.namespace}/secrets/{name}")
        if secret is not None:
            yield name, secret


def _budgets(api: Api, namespace: str) -> Iterator[str]:
    path = f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"
    for item in api.list(path, metadata_only=True):
        yield item["metadata"]["name"]
