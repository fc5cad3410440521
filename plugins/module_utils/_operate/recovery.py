# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recover a vCluster whose etcd has lost its quorum for good: what one member holds becomes that of all.

It is a restore of what is left, taken under the same lock. Cut off, the next one goes on with what was taken.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

from .._cluster.repository import Repository
from .._core.errors import FleetError, Locked
from .._core.finding import Finding, refuse
from .._core.observation import RESTORING, Observation
from .._core.plan import Disruption, Kind, Step
from .._core.ports import HostCluster
from .._core.snapshot import Manifest
from .._core.spec import Spec
from .._plan.guards.snapshots import restore_findings, return_findings, target_findings
from .._stores.registry import survivor
from .audit import audit_of
from .context import Context
from .door import Arguments, Result
from .plane import Plane
from .planning import Planned, accepted, one_step
from .restoring import Restoring
from .saved import of_snapshot
from .taking import COPYING, Taking
from .wait import Deadline

SURVIVOR = "survivor"  # in the place of a snapshot's id
SECONDS = 90  # until members and control plane are there again


def recovery_plan(
    spec: Spec, host: HostCluster, context: Context, consent: Collection[str]
) -> Planned:
    """The plan of a recovery.

    Raises:
        FleetError: There is a quorum, or nothing is left.
    """
    observation = host.observe(spec)
    findings = _findings(spec, observation, consent)

    def step() -> Step:
        own = Repository(context.target(spec), spec)
        return _step(spec, host, own, observation, _taken_before(spec, own, observation))

    return one_step(spec, observation, findings, step)


def run_recovery(spec: Spec, host: HostCluster, arguments: Arguments, context: Context) -> Result:
    """Take what is left, and restore it.

    Raises:
        Refused: It is not consented to by name, or a snapshot could not be kept.
        FleetError: There is a quorum, or nothing is left: nothing was touched then.
    """
    observation = host.observe(spec)
    accepted(spec, _findings(spec, observation, arguments.get("consent") or ()), context)
    own = Repository(context.target(spec), spec)
    if context.check:
        step = _step(spec, host, own, observation, _taken_before(spec, own, observation))
        msg = f"{spec.title}: would go on with {step.reason}; {step.disruption.estimate}"
        return {"changed": True, "outcome": "planned", "msg": msg}
    deadline, audit = Deadline(spec.limits.total), audit_of(arguments)
    with host.lock(spec) as lock:
        observation = host.observe(spec)

        def restored(manifest: Manifest) -> Result:
            accepted(spec, restore_findings(spec, observation, manifest), context)
            saved = of_snapshot(spec, own, manifest)
            return Restoring(
                spec, host, observation, saved, own, context, lock, audit, deadline, safe=False
            ).carry_out()

        before = _taken_before(spec, own, observation)
        if before:
            return restored(before)
        _step(spec, host, own, observation, None)
        taking = Taking(
            spec, host, observation, own, context, lock, audit, deadline, SURVIVOR, survivor=True
        )
        with _stopped(taking.plane):
            manifest = taking.take()
            # Reading back took its time: a member that is back may have made a quorum of it by now, and holds more.
            _step(spec, host, own, host.observe(spec), None)
            return restored(manifest)


@contextmanager
def _stopped(plane: Plane) -> Iterator[None]:
    """Nobody writes any more. Where it ends with an error nothing was filled, and the control plane may run again."""
    try:
        plane.stop({COPYING: "true"})
        yield
    except Locked:
        raise  # Another run has it now.
    except Exception:
        with suppress(FleetError):
            plane.let_run()
            plane.unmark(COPYING)
        raise


def _findings(
    spec: Spec, observation: Observation, consent: Collection[str]
) -> tuple[Finding, ...]:
    found = []
    if spec.host not in consent:
        found.append(
            refuse(
                "consent",
                f"{spec.title} is not named as one to recover.",
                "What only its lost members had acknowledged is lost.",
                f'Add -e \'{{"fleetops_consent": ["{spec.host}"]}}\'.',
            )
        )
    goes_on = observation.paused == RESTORING
    what = "the snapshot of what is left"
    more = target_findings(spec) if goes_on else return_findings(spec, observation, what)
    return (*found, *more)


def _taken_before(spec: Spec, own: Repository, observation: Observation) -> Manifest | None:
    """What an earlier recovery took, when it was cut off after that."""
    noted = observation.restore_notes
    if not noted.get("snapshot"):
        return None
    manifest = own.find(noted["snapshot"])
    if manifest and manifest.safety_of == SURVIVOR:
        return manifest
    raise FleetError(
        f"{spec.title} is being restored from snapshot {noted['snapshot']}.",
        "Run that restore again first.",
    )


def _step(
    spec: Spec, host: HostCluster, own: Repository, observation: Observation, taken: Manifest | None
) -> Step:
    if taken:
        return _as_step(f"what was taken before, {taken.id}, up to revision {taken.revision}")
    with survivor(spec, observation, host.reach(spec)) as found:
        title, revision = found.title, found.revision or 0
    newest = max(own.manifests()[0], key=lambda manifest: manifest.revision, default=None)
    if newest and newest.revision > revision:
        raise FleetError(
            f"Snapshot {newest.id} of {spec.title} ends at revision {newest.revision}, and {title} at {revision}.",
            f"Restore that one: it holds more (fleetops_snapshot={newest.id}).",
        )
    return _as_step(f"what {title} holds, up to revision {revision}")


def _as_step(what: str) -> Step:
    reason = f"{what}, for all members; what only the lost ones had acknowledged is lost"
    estimate = (
        f"the API is away already, and for about {SECONDS} s more: all replicas and members restart"
    )
    return Step(Kind.RESTORE, reason, (), Disruption("outage", SECONDS, estimate))
