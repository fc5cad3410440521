# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wait for a rollout, event driven, and say what it waits for."""

from __future__ import annotations

import time
from collections.abc import Callable

from .._core.errors import ApiError, TimedOut, Unready
from .._core.observation import Pod
from .._core.place import Place
from .._core.ports import Api
from .endings import known_ending
from .pods import Live, last_event, look, unready

# Seconds: a watch that stays silent is looked past after this long (a status that is not a pod's may have changed).
SILENCE = 5.0
# Seconds between two looks at least: while pods come up their events arrive in bursts; at the end it is a moment.
BREATH = 1.0
LAST_BREATH = 0.3
# Seconds between two lines of progress: a fleet's lines share one terminal.
SAY_EVERY = 5.0
PAUSE = 0.5  # seconds between two looks at something that is no pod
CRASHES = frozenset({"CrashLoopBackOff", "Error"})
# Ends of a pod after which it is not waited for: with the kubelet's pauses (10 s, doubled) that is 150 s at least.
ENDS = 5
HTTP_GONE = 410


class Deadline:
    """A limit for a piece of work.

    Args:
        seconds: How long it may take.
        outer: A limit around this one; the nearer of both counts.
    """

    def __init__(self, seconds: float, outer: Deadline | None = None) -> None:
        self.seconds = min(seconds, outer.left) if outer else seconds
        self._end = time.monotonic() + self.seconds

    @property
    def left(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._end - time.monotonic())


def came(holds: Callable[[], bool], limit: Deadline, pause: float) -> bool:
    """Wait until something holds; False when it did not in time.

    Args:
        pause: Seconds between two looks.
    """
    while not holds():
        if not limit.left:
            return False
        time.sleep(pause)
    return True


def wait_until(place: Place, limit: Deadline, what: str, holds: Callable[[], bool]) -> None:
    """Wait until something holds.

    Raises:
        TimedOut: It did not come.
    """
    if not came(holds, limit, PAUSE):
        raise TimedOut(
            f"{place.title}: waited {limit.seconds:.0f} s for {what}.",
            f"Look at `kubectl --namespace {place.namespace} get pods,events`.",
        )


def rollout(
    api: Api,
    place: Place,
    deadline: Deadline,
    say: Callable[[str], None],
    nudge: Callable[[], bool] = lambda: True,
    looks: Callable[[Api, Place], Live] | None = None,
) -> Live:
    """Wait until every workload is rolled out.

    Args:
        looks: Sees what there is to be waited for; by default what a vCluster has.
        nudge: Done at each look: what the pods wait for; false while that is not over.

    Raises:
        Unready: The limit was reached; says what was seen last and where to look. Or a pod cannot start, and its log
            says why, or it has ended again and again with nothing to wait for: waiting longer would not help.
    """
    told, quiet = "", Deadline(0)
    restarts: dict[str, int] = {}
    while True:
        live = (looks or look)(api, place)
        over = nudge()
        if over and live.settled:
            return live
        _give_up_on_known_endings(api, place, live)
        give_up_on_crashes(place, live, restarts, patient=not over)
        words = describe(api, place, live)
        if words != told and not quiet.left:
            say(shortened(words))
            told, quiet = words, Deadline(SAY_EVERY)
        if deadline.left <= 0:
            raise Unready(
                f"{place.title}: not rolled out after {deadline.seconds:.0f} s. Seen last: {words}.",
                _where_to_look(place, live),
            )
        _next_change(api, place, live, min(SILENCE, max(deadline.left, BREATH)))


def _next_change(api: Api, place: Place, live: Live, seconds: float) -> None:
    """Return after the next event of a pod, or after some seconds without one."""
    began = time.monotonic()
    query = {"labelSelector": live.selector, "resourceVersion": live.version}
    # All pods are ready, the workload's status follows within a moment: no pod event will tell.
    at_the_end = bool(live.pods) and not any(unready(live))
    breath = LAST_BREATH if at_the_end else BREATH
    limit = breath if at_the_end else seconds
    try:
        for _event in api.watch(f"/api/v1/namespaces/{place.namespace}/pods", query, limit):
            break
    except ApiError as error:
        if error.status != HTTP_GONE:
            raise
    time.sleep(max(0.0, breath - (time.monotonic() - began)))


def describe(api: Api, place: Place, live: Live) -> str:
    """One line: what is ready, and what the others are doing."""
    counts = []
    for item in live.workloads:
        counts.append(
            f"{item.current} of {item.replicas} {'members' if item.component == 'etcd' else 'replicas'} ready"
        )
    by_reason: dict[str, list[str]] = {}
    for pod in unready(live):
        by_reason.setdefault(_doing(api, place, pod), []).append(pod.name)
    reasons = [f"{_names(names)}: {reason}" for reason, names in by_reason.items()]
    return ", ".join([*(counts or ["no workload yet"]), *reasons])


def _names(names: list[str]) -> str:
    """The first of them, and how many are like it."""
    others = len(names) - 1
    return f"{names[0]} and {others} more" if others else names[0]


def shortened(text: str, limit: int = 160) -> str:
    """The beginning of a text, for a line of progress."""
    return text if len(text) <= limit else f"{text[:limit]}..."


def _doing(api: Api, place: Place, pod: Pod) -> str:
    """The pod's state, said by its newest event while nothing else is known."""
    if pod.state != "starting":
        return pod.state
    reason, message = last_event(api, place, pod)
    if reason == "Pulling":
        return "pulling image"
    return f"{reason}: {message}" if reason.startswith("Failed") else pod.state


def _give_up_on_known_endings(api: Api, place: Place, live: Live) -> None:
    for pod in unready(live):
        if (
            pod.restarts
            and pod.state.split(":")[0] in CRASHES
            and (found := known_ending(api, place, pod))
        ):
            line, ending = found
            raise Unready(
                f"{place.title}: pod {pod.name} cannot start: {ending.meaning}. Its log says: {line}",
                ending.way_out,
            )


def give_up_on_crashes(
    place: Place, live: Live, restarts: dict[str, int], *, patient: bool
) -> None:
    """A pod that ends again and again does not come; its way back should not wait for the limit.

    Args:
        restarts: Of each pod, by uid, when it was last excused: it was new, or waited for something.
        patient: All wait for something.
    """
    store_waits = any(pod.component == "etcd" for pod in unready(live))
    for pod in unready(live):
        if patient or (store_waits and pod.component != "etcd"):
            restarts[pod.uid] = pod.restarts
        ends = pod.restarts - restarts.setdefault(pod.uid, pod.restarts)
        if ends >= ENDS and pod.state.split(":")[0] in CRASHES:
            raise Unready(
                f"{place.title}: pod {pod.name} has ended {ends} times in a row ({pod.state}).",
                f"Look at `kubectl --namespace {place.namespace} logs {pod.name} --all-containers --previous`.",
            )


def _where_to_look(place: Place, live: Live) -> str:
    pods = [pod.name for pod in unready(live)]
    command = f"describe pod {pods[0]}" if pods else "get pods,events"
    return (
        f"Look at `kubectl --namespace {place.namespace} {command}`; "
        "run again when the cause is gone, or raise vcluster_timeouts.rollout."
    )
