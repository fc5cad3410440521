# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of the data: all replicas serve the same store, and what one writes the others see."""

from __future__ import annotations

import time
from collections.abc import Iterator

from ..._core.at_once import at_once
from ..._core.check import CheckResult
from ..._core.errors import ApiError
from ..._core.ports import Api
from .scene import Scene, Verdict, all_of, run

KUBE_SYSTEM = "/api/v1/namespaces/kube-system"
CONFIG_MAPS = f"{KUBE_SYSTEM}/configmaps"
# Seconds after which a change must have been taken, and have reached a watch at another replica.
WATCH_LIMIT = 10.0


def checks(scene: Scene) -> Iterator[CheckResult]:
    """All checks of this file, in order."""
    yield run("same_data", lambda: same_data(scene))
    if scene.write:
        yield run("write_and_read", lambda: write_and_read(scene))
    else:
        yield CheckResult("write_and_read", "skip", "only reading was asked for")


def same_data(scene: Scene) -> Verdict:
    """Every replica serves the same kube-system namespace: one store, not several (G05)."""
    if not scene.replicas:
        return "skip", "no replica answers"
    seen: dict[str, list[str]] = {}
    for name, found in at_once(scene.replicas, lambda api: api.get(KUBE_SYSTEM)).items():
        seen.setdefault(found["metadata"]["uid"], []).append(name)
    if len(seen) > 1:
        sides = " but ".join(f"{', '.join(names)}: {uid}" for uid, names in seen.items())
        return (
            "fail",
            f"the replicas serve different stores: namespace kube-system has the uid {sides}",
        )
    return "pass", f"kube-system {next(iter(seen))}"


def write_and_read(scene: Scene) -> Verdict:
    """A ConfigMap written through each replica is seen by a watch and read back at every other, then deleted."""
    if not scene.replicas:
        return "skip", "no replica answers"
    problems: list[str] = []
    slowest = 0.0
    writers = {name: name for name in scene.replicas}
    for found, seconds in at_once(writers, lambda writer: _through(writer, scene)).values():
        problems += found
        slowest = max(slowest, seconds)
    return all_of(
        problems, f"through {len(scene.replicas)} replicas, slowest watch {slowest * 1000:.0f} ms"
    )


def _through(writer: str, scene: Scene) -> tuple[list[str], float]:
    """Write through one replica; the problems seen, and the seconds until the watch saw it."""
    name = f"fleetops-proof-{writer}"
    mark = f"{scene.host.now.isoformat()} {time.monotonic_ns()}"
    path = f"{CONFIG_MAPS}/{name}"
    api = scene.replicas[writer]
    others = {key: value for key, value in scene.replicas.items() if key != writer} or {writer: api}
    api.delete(path)
    watcher, watched = next(iter(others.items()))
    # "0": what its cache has is enough to watch from. A fresh list would wait for the next progress of etcd (1.34).
    query = {"fieldSelector": f"metadata.name={name}", "resourceVersion": "0"}
    version = watched.get(CONFIG_MAPS, query)["metadata"]["resourceVersion"]
    try:
        began = time.monotonic()
        _create(api, name, mark)
        seen = _seen(watched, name, version, mark)
        seconds = time.monotonic() - began
        problems = []
        if not seen:
            problems.append(
                f"{watcher}: no watch event of a write through {writer} in {WATCH_LIMIT:.0f} s"
            )
        elif seconds > WATCH_LIMIT:
            problems.append(
                f"{watcher} saw a write through {writer} after {seconds:.0f} s, more than {WATCH_LIMIT:.0f} s"
            )
        for reader, other in others.items():
            found = other.find(path)
            if found is None or found.get("data", {}).get("mark") != mark:
                problems.append(f"{reader} does not read what was written through {writer}")
        return problems, seconds
    finally:
        api.delete(path)


def _create(api: Api, name: str, mark: str) -> None:
    body = {
        "metadata": {"name": name, "labels": {"fleetops.vcluster/proof": "true"}},
        "data": {"mark": mark},
    }
    try:
        api.create(CONFIG_MAPS, body)
    except ApiError as error:
        # A retried POST whose first try arrived: what counts is what is read back.
        if not error.conflict:
            raise


def _seen(api: Api, name: str, version: str, mark: str) -> bool:
    """Whether a watch from a version on shows the write in time."""
    query = {"fieldSelector": f"metadata.name={name}", "resourceVersion": version}
    for event in api.watch(CONFIG_MAPS, query, WATCH_LIMIT):
        if event.get("object", {}).get("data", {}).get("mark") == mark:
            return True
    return False
