# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guards on the place: the namespace, what lies in it, and the state the vCluster is in."""

from __future__ import annotations

from collections.abc import Iterator

from ..._core.finding import Finding, refuse
from ..._core.observation import RESTORING
from ..._core.plan import View
from ..references import references_in
from ..values import pointer
from .case import Case


def version_given(case: Case) -> Iterator[Finding]:
    """There is no "latest": a new vCluster says its version."""
    if case.new and case.spec.version is None:
        yield refuse(
            "spec",
            "vcluster_version is not set.",
            "A new vCluster needs one.",
            "Set it, for example 0.36.1.",
        )


def own_namespace(case: Case) -> Iterator[Finding]:
    """G39: one vCluster a namespace, and no Service `loft` beside it."""
    observation = case.observation
    if observation.neighbours:
        yield refuse(
            "G39",
            f"Namespace {case.spec.namespace} holds another vCluster: {', '.join(observation.neighbours)}.",
            "A second one does not start.",
            "Give each its own vcluster_namespace.",
        )
    if "loft" in observation.services:
        yield refuse(
            "G39",
            f"Namespace {case.spec.namespace} holds a Service named loft.",
            "The chart refuses to install beside it.",
            "Use another vcluster_namespace.",
        )


def old_claims(case: Case) -> Iterator[Finding]:
    """G14: a volume that an earlier vCluster of this name left comes up with its old data."""
    observation = case.observation
    # Claims beside workloads are those of an install that was cut off.
    if observation.release is None and observation.claims and not observation.workloads:
        names = ", ".join(claim.name for claim in observation.claims)
        yield refuse(
            "G14",
            f"Claims of an earlier vCluster of this name are still there: {names}.",
            "Its data, certificates and Service range would come back to life.",
            f"Delete them from namespace {case.spec.namespace}, or set vcluster_allow: [G14] to take them over.",
        )


def not_paused(case: Case) -> Iterator[Finding]:
    """G34: a paused vCluster is left alone."""
    snapshot = case.observation.restore_notes.get("snapshot")
    if case.observation.paused == RESTORING and snapshot:
        yield refuse(
            "G34",
            f"The vCluster is being restored from {snapshot}, and that is not over.",
            "Its store may be half filled.",
            f"Run it again: ansible-playbook fleetops.vcluster.restore -e fleetops_snapshot={snapshot}",
        )
    elif case.observation.paused:
        yield refuse(
            "G34",
            f"The vCluster is paused, sleeping or being restored (annotation {case.observation.paused}).",
            "A change would half wake it.",
            "Resume it first, with the tool that paused it; a restore that was cut off goes on when it is run again.",
        )


def not_being_removed(case: Case) -> Iterator[Finding]:
    """G23: an uninstall that was begun takes objects away; nothing is built on that."""
    release = case.observation.release
    if release and release.status == "uninstalling":
        yield refuse(
            "G23",
            f"Release {case.spec.name} is being uninstalled (revision {release.revision}).",
            "Objects are on their way out.",
            "Finish the uninstall with helm, or roll it back, then run again.",
        )


def references_lead_somewhere(case: Case) -> Iterator[Finding]:
    """G38: a value by reference must find its Secret and key before anything is changed."""
    for path, name, key in references_in(case.spec.values):
        yield refuse(
            "G38",
            f"vcluster_values at {pointer(path)} refers to key {key} of Secret {case.spec.namespace}/{name}.",
            "There is no such Secret or key.",
            "Create it first.",
        )


def deployed(case: Case) -> Iterator[Finding]:
    """G23: only what stands is scaled; repairing it first is for those who take the whole plan."""
    release = case.observation.release
    stands = release is not None and release.status == "deployed"
    if case.view is View.VERSIONS:
        stands = not case.new  # One that was left in the middle is repaired first.
    if case.view is not View.EVERYTHING and not stands:
        state = (
            f"is {release.status} (revision {release.revision})" if release else "does not exist"
        )
        yield refuse(
            "G23",
            f"Release {case.spec.namespace}/{case.spec.name} {state}.",
            "This begins at a release that stands.",
            "Run fleetops.vcluster.site first.",
        )


PLACE_GUARDS = (
    version_given,
    own_namespace,
    old_claims,
    not_paused,
    not_being_removed,
    references_lead_somewhere,
    deployed,
)
