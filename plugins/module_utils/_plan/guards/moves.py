# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guards on moves: both ends are there, and what one holds fits the other."""

from __future__ import annotations

from ..._core.errors import Refused
from ..._core.finding import Finding, refuse
from ..._core.observation import RESTORING, Observation
from ..._core.spec import Spec
from ..._stores.registry import store_in
from .snapshots import newer_findings, snapshot_findings


def wanted_source(spec: Spec) -> Spec:
    """The vCluster that is moved.

    Raises:
        Refused: The inventory names none, or the target itself.
    """
    source = spec.move_from
    if source is None:
        what, why = (
            f"{spec.title}: vcluster_move_from says nothing.",
            "A move needs to know from where.",
        )
        raise Refused((refuse("spec", what, why, "Set it to where the vCluster runs now."),))
    if (source.cluster, source.namespace, source.name) == (spec.cluster, spec.namespace, spec.name):
        what = f"{spec.title} would be moved to where it is."
        raise Refused((refuse("spec", what, "", "Set vcluster_move_from to where it runs now."),))
    return source


def move_findings(
    spec: Spec, source: Spec, seen: Observation, left: Observation, to: str = ""
) -> tuple[Finding, ...]:
    """It can be moved.

    Args:
        seen: The target.
        left: The source.
        to: Where a move that was cut off was to bring it: the source is stopped.
    """
    found = [*snapshot_findings(source, left), *_target_findings(spec, seen)]
    if to and to != spec.title:
        found.append(
            refuse(
                "G24",
                f"{source.title} is being moved, or was moved, to {to}.",
                "That one may serve already: a second copy would be another tenant with the same name.",
                "Finish that move, or wake the source up (vcluster resume, or scale it) to give it up.",
            )
        )
    if left.paused and not to:
        found.append(
            refuse(
                "G34",
                f"{source.title} is paused, sleeping or being restored (annotation {left.paused}).",
                "A move would wake it up where it fails.",
                "Resume it first, with the tool that paused it.",
            )
        )
    if not found and left.last_good and seen.last_good:
        found += _fit(spec, source, seen, left)
    return tuple(found)


def _target_findings(spec: Spec, seen: Observation) -> list[Finding]:
    if seen.last_good is None:
        return [
            refuse(
                "spec",
                f"{spec.title} does not exist, so nothing can move there.",
                "",
                "Install it first: ansible-playbook fleetops.vcluster.site",
            )
        ]
    if seen.paused and seen.paused != RESTORING:
        what = f"{spec.title} is paused or sleeping (annotation {seen.paused})."
        return [refuse("G34", what, "", "Resume it first, with the tool that paused it.")]
    return []


def _fit(spec: Spec, source: Spec, seen: Observation, left: Observation) -> list[Finding]:
    values = [found.live_values for found in (left, seen)]
    stores = [store_in(live).type for live in values]
    if stores[0] != stores[1]:
        what = f"{spec.title} is on the store {stores[1]}, and {source.title} on {stores[0]}."
        return [
            refuse(
                "spec", what, "A move keeps the store.", "Give both the same vcluster_store.type."
            )
        ]
    one, other = (store_in(live).identity(live) for live in values)
    if one and one == other:
        what = f"{spec.title} and {source.title} have one store, {one}."
        return [refuse("G03", what, "What one holds the other would lose.", "Give each its own.")]
    plane, etcd = left.workload("control_plane"), left.workload("etcd")
    kubernetes = plane.tag("kubernetes").removeprefix("v") if plane else ""
    return newer_findings(
        spec, seen, f"{source.title} has", kubernetes, etcd.tag("etcd") if etcd else ""
    )
