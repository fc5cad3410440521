# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proof: all checks of one vCluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict
from datetime import datetime

from .._core.at_once import at_once
from .._core.check import CheckResult, failed
from .._core.errors import FleetError, ProofFailed, defect
from .._core.observation import Observation, Proved
from .._core.ports import HostCluster, Replica
from .._core.spec import Spec
from .._stores.registry import checks as store_checks
from .care import note
from .checks import care, certificates, data, names, plane
from .checks.scene import Scene
from .context import Context
from .door import Arguments, Result
from .options import spec_of
from .pods import look
from .wait import Deadline, shortened

# Seconds between two rounds of a proof that has not passed yet.
PAUSE = 2.0

Results = tuple[CheckResult, ...]
Group = Callable[[Scene], Iterator[CheckResult]]


def run_verify(arguments: Arguments, context: Context) -> Result:
    """The engine of module `verify`: look, check, change nothing on the host cluster."""
    spec = spec_of(arguments, context)
    return verified(spec, context.host(spec.access), context)


def verified(spec: Spec, host: HostCluster, context: Context) -> Result:
    """The result of the proof of one vCluster; one that passes is noted on its release.

    Raises:
        FleetError: There is no such vCluster, or its host cluster cannot be asked.
    """
    observation = host.observe(spec)
    if observation.release is None and not observation.workloads:
        raise FleetError(
            f"{spec.title} does not exist.",
            "Install it first: ansible-playbook fleetops.vcluster.site",
        )
    results = checks_of(spec, observation, host, write=spec.proof == "write" and not context.check)
    problems = failed(results)
    release = observation.release
    if release and release.applied and not problems and not context.check:
        host.note_proof(spec, release.revision, proof_of(results, host))
        if used := _facts(results).get("used"):
            note(spec, host, observation, int(used))
    return {
        "changed": False,
        "failed": bool(problems),
        "outcome": "failed" if problems else "passed",
        "msg": summary(spec, results),
        "checks": [asdict(result) for result in results],
    }


def proof_of(results: tuple[CheckResult, ...], host: HostCluster) -> Proved:
    """What is written down of a proof that passed."""
    facts = _facts(results)
    ends = facts.get("ends")
    moment = datetime.fromisoformat(ends) if ends else None
    return Proved(host.api.now, moment, facts.get("care", ""))


def _facts(results: Results) -> dict[str, str]:
    return {key: value for result in results for key, value in result.facts.items()}


def summary(spec: Spec, results: tuple[CheckResult, ...]) -> str:
    """One sentence: how many checks passed, and the words of those that did not."""
    problems = failed(results)
    if problems:
        words = "; ".join(f"{result.id}: {result.evidence}" for result in problems)
        return (
            f"{spec.title}: {len(problems)} of {len(results)} checks failed. {words.rstrip('.')}."
        )
    counts = {
        status: sum(r.status == status for r in results) for status in ("pass", "warn", "skip")
    }
    return f"{spec.title}: {counts['pass']} checks passed, {counts['warn']} warnings, {counts['skip']} skipped"


def checks_of(
    spec: Spec, observation: Observation, host: HostCluster, *, write: bool
) -> tuple[CheckResult, ...]:
    """Run every check once."""
    return _flat(_round(spec, observation, host, write, GROUPS))


def _round(
    spec: Spec,
    observation: Observation,
    host: HostCluster,
    write: bool,
    groups: Sequence[Group],
) -> dict[Group, Results]:
    """Some groups of checks at the same time: they wait for answers most of theirs."""
    live = look(host.api, spec)
    reach = host.reach(spec)
    with ExitStack() as stack:
        replicas: dict[str, Replica] = {}
        unreached: dict[str, FleetError] = {}
        for pod in live.pods:
            if pod.component == "control_plane" and pod.ready:
                try:
                    replicas[pod.name] = stack.enter_context(reach.replica(pod.name))
                except FleetError as error:
                    unreached[pod.name] = error
        # The first question opens the connection: before the checks share it.
        unready = at_once(replicas, _unready)
        scene = Scene(spec, observation, live, host.api, reach, replicas, unreached, write, unready)
        pool = stack.enter_context(ThreadPoolExecutor(len(groups)))
        results = pool.map(lambda group: tuple(group(scene)), groups)
        return dict(zip(groups, results, strict=True))


def _unready(replica: Replica) -> str:
    """Why a replica is not ready; empty when it is."""
    try:
        answer = replica.text("/readyz").strip()
    except FleetError as error:
        return str(error)
    return "" if answer == "ok" else f"/readyz says {answer[:200]}"


def _flat(results: Mapping[Group, Results]) -> Results:
    return tuple(result for found in results.values() for result in found)


def _store_checks(scene: Scene) -> Iterator[CheckResult]:
    """The checks of the store that is running, whatever the inventory asks for."""
    release = scene.observation.release
    if release is None or release.values is None:
        yield CheckResult("store", "skip", "there is no release to tell the store")
        return
    try:
        yield from store_checks(scene.spec, scene.observation, scene.live.pods, scene.reach)
    except FleetError as error:
        yield CheckResult("store", "fail", str(error))
    except Exception as error:
        yield CheckResult("store", "fail", defect(error))


PLANE: tuple[Group, ...] = (plane.checks,)
GROUPS: tuple[Group, ...] = (
    *PLANE,
    data.checks,
    _store_checks,
    care.checks,
    certificates.checks,
    names.checks,
)


def prove(spec: Spec, host: HostCluster, context: Context, deadline: Deadline) -> Results:
    """Check until everything passes or the limit is reached.

    First the control plane alone, until every replica is there; then everything with all of them; then what failed of
    it. The control plane is looked at in every round: what passed before a replica went does not count.

    Raises:
        ProofFailed: With the checks of a last round of everything.
    """
    told, groups = "", PLANE
    passed: dict[Group, Results] = {}
    while True:
        over = deadline.left <= 0
        groups = GROUPS if over else groups
        found = _round(spec, host.observe(spec), host, spec.proof == "write", groups)
        problems = failed(_flat(found))
        if problems and over:
            results = _flat(found)
            raise ProofFailed(
                summary(spec, results), "Run fleetops.vcluster.verify to look again.", results
            )
        if failed(found[plane.checks]):
            passed, groups = {}, PLANE
        elif groups == PLANE:
            groups = GROUPS
        else:
            passed |= {group: results for group, results in found.items() if not failed(results)}
            missing = tuple(group for group in GROUPS if group not in passed)
            if not missing:
                return tuple(result for group in GROUPS for result in passed[group])
            groups = (*PLANE, *missing)
        if problems:
            words = ", ".join(result.id for result in problems)
            if words != told:
                context.say(
                    f"{spec.host}: not proved yet: {problems[0].id}: {shortened(problems[0].evidence)}"
                )
                told = words
            time.sleep(min(PAUSE, deadline.left))
