# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plain objects that stand beside the release: its namespace, and the budget of the etcd members (G42)."""

from __future__ import annotations

from .._core.autoscaling import OURS
from .._core.errors import ApiError
from .._core.ports import Api, ChartArchive
from .._core.spec import Spec
from .._plan.values import merged
from .._stores.registry import objects

COLLECTIONS = {"PodDisruptionBudget": "/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"}


def ensure_namespace(api: Api, namespace: str) -> None:
    """Make a namespace that is missing."""
    if api.find(f"/api/v1/namespaces/{namespace}") is not None:
        return
    try:
        api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
    except ApiError as error:
        if not error.conflict:
            raise


def ensure_companions(api: Api, spec: Spec, chart: ChartArchive, values: dict[str, object]) -> None:
    """Create what is missing; what is there already, by whomever, stays as it is.

    Args:
        values: User values of the running release.
    """
    for wanted in objects(spec, merged(chart.defaults, values)):
        path = COLLECTIONS[wanted["kind"]].format(namespace=spec.namespace)
        metadata = wanted["metadata"]
        if api.find(f"{path}/{metadata['name']}") is None:
            labels = {**metadata.get("labels", {}), **OURS}
            api.create(path, {**wanted, "metadata": {**metadata, "labels": labels}})
    if spec.defaults.disruption_budgets is False:
        _remove_ours(api, spec)


def _remove_ours(api: Api, spec: Spec) -> None:
    path = COLLECTIONS["PodDisruptionBudget"].format(namespace=spec.namespace)
    found = api.find(f"{path}/{spec.name}-etcd")
    if found and OURS.items() <= found["metadata"].get("labels", {}).items():
        api.delete(f"{path}/{spec.name}-etcd")
