# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine of module `snapshot`: take one, and let it count only when it was read back (G26)."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import UTC, datetime

from .._cluster.repository import Repository
from .._core.check import CheckResult
from .._core.moments import moment_text
from .._core.observation import Observation
from .._core.plan import Disruption, Kind, Step
from .._core.ports import HostCluster
from .._core.spec import Spec
from .._plan.disruption import copy_outage
from .._plan.guards.snapshots import snapshot_findings
from .._plan.retention import expired
from .._stores.registry import store_in
from .audit import audit_of
from .context import Context
from .door import Arguments, Result
from .options import spec_of
from .planning import accepted
from .render import live_as_data
from .snapshot_text import as_data, summary
from .taking import Taking, opened_store, resume
from .wait import Deadline


def run_snapshot(arguments: Arguments, context: Context) -> Result:
    """Take a snapshot, read it back, delete those that no rule keeps.

    Raises:
        Refused: There is no target, or it would not be encrypted.
        FleetError: There is no such vCluster, its store or the target cannot be used, or what was read back is not
            what the store holds. Nothing is left of such a snapshot.
    """
    spec = spec_of(arguments, context)
    host = context.host(spec.access)
    observation = host.observe(spec)
    accepted(spec, snapshot_findings(spec, observation), context)
    repository = Repository(context.target(spec), spec)
    if context.check:
        return _preview(spec, host, observation, repository)
    clock, began = datetime.now(UTC), time.monotonic()
    with host.lock(spec) as lock:
        observation = host.observe(spec)
        deadline = Deadline(spec.limits.total)
        taking = Taking(
            spec, host, observation, repository, context, lock, audit_of(arguments), deadline
        )
        resume(spec, host, observation, deadline, taking.say)
        manifest = taking.take()
        deleted = _delete_expired(spec, host, repository, context)
    seconds = round(time.monotonic() - began, 1)
    return {
        "changed": True,
        "outcome": "done",
        "msg": f"{spec.title}: snapshot {summary(manifest)}, {seconds} s",
        "snapshot": as_data(manifest),
        "deleted": deleted,
        "steps": [Kind.SNAPSHOT.value],
        "checks": [asdict(CheckResult("snapshot", "pass", summary(manifest), seconds))],
        "live": live_as_data(observation),
        "began": moment_text(clock),
        "seconds": seconds,
    }


def snapshot_step(spec: Spec, observation: Observation, target: str) -> Step:
    """The step: where to, what it takes, and whether the API may be away for it.

    Args:
        target: What messages call it.
    """
    store = store_in(observation.live_values)
    reason, disruption = f"to the {target}, read back", Disruption()
    if store.copied_by_pod:
        reason += ", copied by a pod on the claim"
        if spec.snapshots.allow_outage:
            disruption = copy_outage(store.type)
    return Step(Kind.SNAPSHOT, reason, disruption=disruption)


def _preview(
    spec: Spec, host: HostCluster, observation: Observation, repository: Repository
) -> Result:
    """What a run would do; the store is asked whether it could."""
    estimate = snapshot_step(spec, observation, repository.title).disruption.estimate
    with opened_store(spec, host, observation) as found:
        msg = f"{spec.title}: would take a snapshot of {found.title} to the {repository.title}"
    msg = "; ".join(filter(None, [msg, estimate]))
    return {"changed": True, "outcome": "planned", "msg": msg}


def _delete_expired(
    spec: Spec, host: HostCluster, repository: Repository, context: Context
) -> list[str]:
    found, errors = repository.manifests()
    for error in errors:
        context.warn(f"{spec.host}: {error}")
    gone = [manifest.id for manifest in expired(found, spec.snapshots, host.api.now)]
    for snapshot in gone:
        repository.delete(snapshot)
    return gone
