# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured on simulated vClusters."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import curves
import peers
from backup_parts import backup
from hosts import BENCH, Counted
from measure import BenchError
from results import Result, against_goal
from session import Session
from settler import Settler
from simulated import create

from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.values import merged

CHANGE = {"controlPlane": {"statefulSet": {"resources": {"limits": {"memory": "3Gi"}}}}}
CHANGED = "bench-0007"
STATUS_SECONDS = 10
INVENTORY_SECONDS = 5
NO_OP_CPU = 0.05
NO_OP_SECONDS = 8
NO_OP_MEGABYTES = 500
LISTS = 6
KILOBYTES = 20
SLOPES = 1.15


def no_op(session: Session, folder: Path) -> list[Result]:
    """Unchanged vClusters: what a run over a fleet costs that is as it should be."""
    small, large = session.sizes.fleet[:2]
    first, second = session.no_op(small), session.no_op(large)
    module, loop = session.peers
    found = [against_goal(f"noop_cpu_{small}", first.cpu / small, NO_OP_CPU)]
    for run in (first, second):
        ours = run.cpu / run.size
        limit = 0.01 if run is second else None
        found.append(Result(f"noop_cpu_{run.size}", ours, module, peers.MODULE, limit=limit))
        found.append(Result(f"noop_cpu_{run.size}", ours, loop, peers.LOOP))
    lists = max(map(_lists, second.counts.values()))
    kilobytes = sum(map(_bytes, second.counts.values())) / 1000 / large
    return [
        *found,
        against_goal(f"noop_wall_{large}", second.wall, NO_OP_SECONDS, "s"),
        against_goal(f"noop_memory_{large}", second.memory, NO_OP_MEGABYTES, "MB"),
        against_goal("noop_lists", lists, LISTS, "list requests a host cluster"),
        against_goal("noop_bytes", kilobytes, KILOBYTES, "KB a vCluster"),
    ]


def _lists(counts: Counted) -> int:
    return sum(n for kind, n in counts["requests"].items() if kind.startswith("list "))


def _bytes(counts: Counted) -> int:
    return sum(counts["bytes"].values())


def status(session: Session, folder: Path) -> list[Result]:
    """One line for each vCluster."""
    size = session.sizes.fleet[1]
    inventory = session.fleet(size)
    usage = inventory.play("status")
    proved = sum(line.endswith(" proved") for line in usage.output.splitlines())
    if proved != size:
        raise BenchError(f"status shows {proved} of {size} as proved, see {inventory.log}")
    return [against_goal(f"status_{size}", usage.wall, STATUS_SECONDS, "s")]


def inventory(session: Session, folder: Path) -> list[Result]:
    """The inventory plugin finds the fleet by itself; `ansible-inventory --list` prints all of it."""
    size = session.sizes.fleet[1]
    fleet = session.fleet(size)
    usage = fleet.find()
    found = json.loads(usage.output[usage.output.index("{") :])["_meta"]["hostvars"]
    if len(found) != size:
        raise BenchError(f"the inventory plugin found {len(found)} of {size}, see {fleet.log}")
    return [
        against_goal(f"inventory_{size}", usage.wall, INVENTORY_SECONDS, "s"),
        against_goal(f"inventory_cpu_{size}", usage.cpu / size, NO_OP_CPU),
    ]


def one_changed(session: Session, folder: Path) -> list[Result]:
    """A value of one vCluster is changed in the inventory: only that one may be read in full."""
    inventory = session.fleet(session.sizes.fleet[1])
    changed = replace(inventory, name="one-changed", own={CHANGED: {"vcluster_values": CHANGE}})
    session.lab.count_requests()
    usage = changed.play("plan")
    counts = session.lab.counted()
    if ": 1 to change," not in " ".join(usage.output.split()):
        raise BenchError(f"the plan does not show the one change, see {changed.log}")
    read = set().union(*(found["namespaces"] for found in counts.values()))
    if read != {f"vcluster-{CHANGED}"}:
        raise BenchError(f"read in full: {sorted(read)}, instead of the one that was changed")
    secrets = sum(found["requests"].get("get secrets", 0) for found in counts.values())
    return [
        against_goal("one_changed", len(read), 1, "vClusters read in full"),
        against_goal("one_changed_secrets", secrets, 1, "release Secrets read in full"),
    ]


def growth(session: Session, folder: Path) -> list[Result]:
    """CPU over the number of vClusters: it has to stay a line."""
    runs = [session.no_op(size) for size in session.sizes.fleet]
    small, middle, large = runs
    slopes = [(b.cpu - a.cpu) / (b.size - a.size) for a, b in ((small, middle), (middle, large))]
    samples = {
        f"{peers.MODULE} (extrapolated from a sample of {session.sizes.module})": session.peers[0],
        f"{peers.LOOP} (extrapolated from a sample of {session.sizes.loop})": session.peers[1],
    }
    curves.cpu(runs, samples, folder / "growth_cpu.svg")
    curves.lines(runs, folder)
    name = f"growth_{large.size}"
    unit = "CPU s for one vCluster more"
    return [Result(name, slopes[1], slopes[0], f"up to {middle.size}", unit, SLOPES)]


def changed(session: Session, folder: Path) -> list[Result]:
    """A new value for each: observe, plan, lock, helm, rollout, mark; no fleet-wide plan and no proof."""
    count = session.sizes.changed
    groups = {
        way: session.inventory(f"changed-{way}", f"{way}ed", 0, count)
        for way in ("bare", "module", "ours")
    }
    for group in groups.values():
        create(session.original, group, session.hosts, group.hosts)

    def values(name: str) -> dict[str, Any]:
        return merged(session.original.values_of(name), CHANGE)

    settlers = [Settler(host.api) for host in session.hosts.values()]
    for settler in settlers:
        settler.start()
    try:
        bare = peers.loop(groups["bare"], values, install=False)
        module = peers.module(groups["module"], values, changes=True)
        common = {"vcluster_values": CHANGE, "vcluster_concurrency": 1}
        ours = _ours(replace(groups["ours"], common=common).play, count)
    finally:
        for settler in settlers:
            settler.end()
    return [
        Result("changed_cpu", ours, bare, peers.BARE, limit=1.3),
        Result("changed_cpu", ours, module, peers.MODULE, limit=0.5),
    ]


def _ours(play: Any, count: int) -> float:
    # Where a run keeps the slots of its host clusters.
    plan = {"fleetops_plan": {"path": str(BENCH / "plan.json")}}
    usage = play("changed.yml", more=["--extra-vars", json.dumps(plan)])
    done = usage.output.count("changed: [")
    if done != count:
        raise BenchError(f"{done} of {count} vClusters were changed, see the log")
    return float(usage.cpu) / count


# In this order: each leaves what the next one needs, and the fleet only grows.
PARTS = {
    "noop": no_op,
    "status": status,
    "inventory": inventory,
    "one_changed": one_changed,
    "growth": growth,
    "changed": changed,
    "backup": backup,
}
