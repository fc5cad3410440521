# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The soak after a wave: what was changed is watched for a while before the next wave begins (G49)."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from .._core.check import failed
from .._core.errors import FleetError
from .._core.observation import Observation
from .._core.ports import HostCluster
from .._core.spec import Spec
from .._plan.argument_types import checked
from .context import Context
from .many import for_each
from .pods import Live, look
from .verify import checks_of

# Seconds between two looks.
PERIOD = 10.0
# The API server counts its answers by code (kube-apiserver, stable metric).
REQUESTS = re.compile(r'^apiserver_request_total\{[^}]*code="(\d+)"[^}]*\} (\S+)', re.MULTILINE)
# A rate over fewer requests says nothing.
FEWEST_REQUESTS = 50


@dataclass(frozen=True)
class Soak:
    """What a soak asks for.

    Attributes:
        seconds: How long it watches; 0 leaves it out.
        restarts: Container restarts that a vCluster may have meanwhile.
        errors: Percent of the tenant API's answers that may be 5xx meanwhile.
    """

    seconds: int = 60
    restarts: int = 0
    errors: int = 1


OPTIONS: dict[str, dict[str, Any]] = {
    "seconds": {"type": "int"},
    "restarts": {"type": "int"},
    "errors": {"type": "int"},
}


def soak_of(said: Any) -> tuple[Soak, list[str]]:
    """The soak of `vcluster_soak`, and what is wrong with it."""
    if said is None:
        return Soak(), []
    if not isinstance(said, Mapping):
        return Soak(), [f"vcluster_soak is {said!r}; it is a mapping with {', '.join(OPTIONS)}."]
    values, findings = checked(OPTIONS, said, "vcluster_soak.")
    errors = [finding.what for finding in findings]
    errors += [f"vcluster_soak.{key} is below 0." for key, value in values.items() if value < 0]
    return (Soak(), errors) if errors else (Soak(**values), [])


def watch(specs: Mapping[str, Spec], soak: Soak, context: Context) -> dict[str, str]:
    """Watch vClusters that were proved a moment ago; what broke in which, by inventory host.

    All at once, a thread each, which mostly sleep: they are watched over the same time. Read only: in the end the
    checks of the proof run once more, without writing.
    """

    def one(spec: Spec, host: HostCluster) -> str:
        return "; ".join(_watched(spec, host, soak))

    found = for_each(specs, context, one, lambda _spec, error: str(error), len(specs))
    return {name: words for name, words in found.items() if words}


def _watched(spec: Spec, host: HostCluster, soak: Soak) -> Iterator[str]:
    # What is read for each vCluster is of its own namespace: a wave of many shares one host cluster.
    asked, live = _revision(host.observe(spec)), look(host.api, spec)
    restarts, answers = _restarts(live), _answers(spec, host, live)
    unsettled: set[str] = set()
    end = time.monotonic() + soak.seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(PERIOD, left))
        unsettled |= {
            f"{w.kind} {w.name} was not ready all the time"
            for w in look(host.api, spec).workloads
            if not w.settled
        }
    yield from sorted(unsettled)
    live = look(host.api, spec)
    more = {name: n - restarts[name] for name, n in _restarts(live).items() if n > restarts[name]}
    if sum(more.values()) > soak.restarts:
        yield f"restarts: {', '.join(f'{name} {count}' for name, count in sorted(more.items()))}"
    yield from _errors(answers, _answers(spec, host, live), soak)
    observation = host.observe(spec)
    if (now := _revision(observation)) != asked:
        yield f"somebody changed it: revision {asked} was proved, {now} is there"
    results = checks_of(spec, observation, host, write=False)
    yield from (f"{result.id}: {result.evidence}" for result in failed(results))


def _revision(observation: Observation) -> int:
    return observation.release.revision if observation.release else 0


def _restarts(live: Live) -> Counter[str]:
    return Counter({pod.name: pod.restarts for pod in live.pods})


def _answers(spec: Spec, host: HostCluster, live: Live) -> dict[str, Counter[str]]:
    """Answers of each replica's API server so far, by the first digit of their code."""
    found: dict[str, Counter[str]] = {}
    reach = host.reach(spec)
    with ExitStack() as stack:
        for pod in live.pods:
            if pod.component != "control_plane" or not pod.ready:
                continue
            try:
                text = stack.enter_context(reach.replica(pod.name)).text("/metrics")
            except FleetError:
                continue  # The checks at the end say what is wrong with it.
            counts: Counter[str] = Counter()
            for code, count in REQUESTS.findall(text):
                counts[code[0]] += int(float(count))
            found[pod.name] = counts
    return found


def _errors(
    before: Mapping[str, Counter[str]], after: Mapping[str, Counter[str]], soak: Soak
) -> Iterator[str]:
    for name in sorted(before.keys() & after.keys()):
        counts = after[name] - before[name]
        percent = 100 * counts["5"] / (counts.total() or 1)
        if counts.total() >= FEWEST_REQUESTS and percent > soak.errors:
            yield f"{name}: {percent:.0f} % of {counts.total()} answers were errors (5xx)"
