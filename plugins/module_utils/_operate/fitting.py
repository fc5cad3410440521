# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a plan asks of the host cluster beside rights: room on its nodes, storage classes that let claims grow.

It is looked at only for plans that need it, and no part of their digest: the plan stays the same one whatever the nodes
have left.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from .._core.errors import ApiError
from .._core.finding import Finding, refusals, refuse
from .._core.observation import Observation
from .._core.plan import HOPS, Kind, Plan
from .._core.ports import Api, ChartArchive, Helm, HostCluster
from .._plan.room import added_pods, left_on, room_findings
from .._plan.schema import schema_findings


def with_schemas(plan: Plan, chart: str, helm: Helm) -> Plan:
    """The plan, or its refusal where a chart on the way does not take the values it would get (G17).

    Args:
        chart: Where charts come from; see Spec.
    """
    found: list[Finding] = []
    for step in (*plan.steps, *plan.later):
        if step.kind in HOPS and step.values is not None:
            archive = helm.pull(chart, step.version)
            found += schema_findings(step.values, archive.schema, archive.defaults, step.version)
    findings = tuple(dict.fromkeys((*plan.findings, *found)))
    return replace(plan, steps=() if refusals(findings) else plan.steps, findings=findings)


def fitted(plan: Plan, api: Api, observation: Observation) -> Plan:
    """The plan, or its refusal where it cannot be carried out here."""
    found = (*plan.findings, *_growing(plan, api, observation))
    return replace(plan, steps=() if refusals(found) else plan.steps, findings=found)


def with_room(plan: Plan, host: HostCluster, observation: Observation, chart: ChartArchive) -> Plan:
    """The plan, with a warning where new pods find no room."""
    if not any(step.kind is Kind.SCALE_OUT for step in plan.steps):
        return plan
    nodes = host.nodes()
    if nodes is None:
        return plan  # It is only for a warning.
    left = [left_on(node) for node in nodes]
    found = room_findings(left, added_pods(plan, observation, chart.defaults))
    return replace(plan, findings=(*plan.findings, *found))


def _growing(plan: Plan, api: Api, observation: Observation) -> Iterator[Finding]:
    """G12: claims grow where their storage class lets them."""
    named = {name for step in plan.steps if step.growth for name in step.growth.claims}
    growing = [claim for claim in observation.claims if claim.name in named]
    for name in sorted({claim.storage_class or "" for claim in growing}):
        if not _lets_grow(api, name):
            claims = ", ".join(c.name for c in growing if (c.storage_class or "") == name)
            yield refuse(
                "G12",
                f"{claims} cannot grow: the storage class {name or '(none)'} does not allow it.",
                "The vCluster would stay as it is, and Helm would stop half-way.",
                "Set allowVolumeExpansion on the class if its driver can do it, or put the old size back.",
            )


def _lets_grow(api: Api, storage_class: str) -> bool:
    if not storage_class:
        return False  # The API server lets no such claim grow.
    try:
        found = api.find(f"/apis/storage.k8s.io/v1/storageclasses/{storage_class}")
    except ApiError as error:
        if not error.forbidden:
            raise
        return True  # Nobody can tell before it is tried.
    return bool(found and found.get("allowVolumeExpansion"))
