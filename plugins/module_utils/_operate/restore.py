# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine of module `restore`: put a snapshot back in place, prove it, and undo it when the proof fails."""

from __future__ import annotations

from .._cluster.repository import Repository
from .._core.errors import FleetError
from .._core.observation import Observation
from .._core.plan import Disruption, Kind, Step
from .._core.ports import HostCluster
from .._core.snapshot import Manifest
from .._core.spec import Spec
from .._plan.guards.snapshots import restore_findings, target_findings
from .audit import audit_of
from .context import Context
from .door import Arguments, Result
from .options import spec_of
from .planning import Planned, accepted, one_step
from .recovery import SURVIVOR, run_recovery
from .restoring import Restoring, went_back
from .saved import saved_of
from .snapshot_text import size_of
from .taking import opened_store
from .wait import Deadline

SECONDS = 60  # until the pods of the store and of the control plane are there again
RATE = 20_000_000  # bytes a second to a member


def run_restore(arguments: Arguments, context: Context) -> Result:
    """Restore a snapshot into the vCluster it was taken of, or into another.

    Raises:
        Refused: It does not fit, or cannot be opened.
        FleetError: There is no such snapshot, or it is damaged: nothing was touched then.
    """
    spec = spec_of(arguments, context)
    accepted(spec, target_findings(spec), context)
    host = context.host(spec.access)
    if arguments["snapshot"] == SURVIVOR:
        return run_recovery(spec, host, arguments, context)
    saved = saved_of(spec, context, str(arguments["snapshot"]))
    observation = host.observe(spec)
    accepted(spec, restore_findings(spec, observation, saved.manifest), context)
    if context.check:
        step = restore_step(spec, observation, host, saved.manifest)
        msg = f"{spec.title}: would restore {step.reason}; {step.disruption.estimate}"
        return {"changed": True, "outcome": "planned", "msg": msg}
    deadline = Deadline(spec.limits.total)
    with host.lock(spec) as lock:
        observation = host.observe(spec)
        audit = audit_of(arguments)
        own = Repository(context.target(spec), spec)
        back = went_back(observation, saved.manifest)
        # On a way back what was there before is kept already, and would be of a newer version.
        safety = bool(arguments.get("safety", True)) and back is None
        return Restoring(
            spec,
            host,
            observation,
            saved,
            own,
            context,
            lock,
            audit,
            deadline,
            safety,
            back=back,
        ).carry_out()


def restore_plan(spec: Spec, host: HostCluster, context: Context, wanted: str) -> Planned:
    """The plan of a restore.

    Raises:
        Refused: There is no target.
        FleetError: There is no such snapshot.
    """
    accepted(spec, target_findings(spec), context)
    observation = host.observe(spec)
    manifest = saved_of(spec, context, wanted).manifest
    findings = restore_findings(spec, observation, manifest)
    return one_step(
        spec, observation, findings, lambda: restore_step(spec, observation, host, manifest)
    )


def restore_step(
    spec: Spec, observation: Observation, host: HostCluster, manifest: Manifest
) -> Step:
    """The step: what is lost, and for how long the API is away."""
    seconds = SECONDS + size_of(manifest) // RATE
    lost = _lost(spec, observation, host, manifest)
    reason = f"snapshot {manifest.id}, {manifest.contents.keys:,} keys; {lost}"
    estimate = f"the API is away for about {seconds} s, all replicas and members restart"
    return Step(Kind.RESTORE, reason, (), Disruption("outage", seconds, estimate))


def _lost(spec: Spec, observation: Observation, host: HostCluster, manifest: Manifest) -> str:
    """The writes since the snapshot: each has a revision of its own."""
    try:
        with opened_store(spec, host, observation) as found:
            if not manifest.is_of(spec):
                return "all that is there now is lost"
            if found.revision is None:
                return "what was written since is lost; the control plane is stopped, nobody says how much"
            count = found.revision - manifest.revision
    except FleetError as error:
        return f"what was written since is lost, and its store does not say how much: {error}"
    return f"{max(count, 0):,} writes since are lost" if count else "nothing was written since"
