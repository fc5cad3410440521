# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Grow the claims of a StatefulSet, whose template cannot be changed in place (G12)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from .._core.errors import FleetError
from .._core.observation import Pod
from .._core.place import Place
from .._core.plan import Growth
from .._core.ports import Api, Json, Lock
from .._core.quantity import quantity
from .pods import Live, look
from .wait import PAUSE, Deadline, came, wait_until

# The volume is larger, and its file system grows when a pod mounts it or with the kubelet's next look.
ALMOST = "FileSystemResizePending"
# Seconds that a kubelet takes to see it; some drivers only do it when the pod starts.
MOUNTED = 120


@contextmanager
def grown(
    api: Api,
    place: Place,
    growth: Growth,
    lock: Lock,
    limit: Deadline,
    say: Callable[[str], None],
    looks: Callable[[Api, Place], Live] | None = None,
) -> Iterator[None]:
    """Around what makes the StatefulSet anew: until then nothing replaces its pods, and none of them ends.

    Args:
        looks: Finds the pods; by default those of a vCluster.

    Raises:
        FleetError: A claim does not grow; or the StatefulSet did not come back.
    """
    say(f"{len(growth.claims)} claims of {growth.workload} grow to {growth.size}")
    collection = f"/api/v1/namespaces/{place.namespace}/persistentvolumeclaims"
    claims = [f"{collection}/{name}" for name in growth.claims]

    def larger(almost: str = "") -> bool:
        return all(_larger(api.get(claim), growth.size, almost) for claim in claims)

    for claim in claims:
        _ask(api, claim, growth.size)
    grows = f"the claims of {growth.workload} to be {growth.size}"
    wait_until(place, limit, grows, lambda: larger(ALMOST))
    before = _members((looks or look)(api, place).pods)
    path = f"/apis/apps/v1/namespaces/{place.namespace}/statefulsets/{growth.workload}"
    lock.check()
    api.delete(path, orphan=True)
    wait_until(place, limit, f"StatefulSet {growth.workload} to go", lambda: not api.find(path))
    try:
        yield
    except FleetError as error:
        if api.find(path):
            raise
        raise FleetError(
            f"{error.what} StatefulSet {growth.workload} is gone meanwhile, its pods run on by themselves.",
            f"{error.way_out} Run again soon: it is made anew.".strip(),
        ) from error
    # Pods of the control plane restart with every value (G11); members have no reason to.
    if growth.component == "etcd" and (gone := before - _members((looks or look)(api, place).pods)):
        names = ", ".join(sorted(name for name, _uid in gone))
        raise FleetError(
            f"{place.title}: {names} ended while StatefulSet {growth.workload} was made anew.",
            f"Look at `kubectl --namespace {place.namespace} get pods,events`.",
        )
    if not came(larger, Deadline(MOUNTED, limit), PAUSE):
        say(
            f"claims of {growth.workload} have room on their volumes, and use it when their pods restart"
        )


def _ask(api: Api, claim: str, size: str) -> None:
    """Never smaller: somebody may have given it more already."""
    asked = api.get(claim)["spec"]["resources"]["requests"]["storage"]
    if _bytes(asked) < _bytes(size):
        api.merge(claim, {"spec": {"resources": {"requests": {"storage": size}}}})


def _larger(claim: Json, size: str, almost: str = "") -> bool:
    status = claim.get("status") or {}
    conditions = {c["type"] for c in status.get("conditions") or () if c["status"] == "True"}
    capacity = (status.get("capacity") or {}).get("storage", "0")
    return _bytes(capacity) >= _bytes(size) or almost in conditions


def _bytes(size: str) -> float:
    return float(quantity(size) or 0)


def _members(pods: Iterable[Pod]) -> set[tuple[str, str]]:
    return {(pod.name, pod.uid) for pod in pods if pod.component == "etcd"}
