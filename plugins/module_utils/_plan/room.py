# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the pods that a plan adds find room on the nodes. Only a warning: an autoscaler of nodes may come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .._core.finding import Finding, warn
from .._core.observation import Node, Observation
from .._core.plan import Plan
from .._core.quantity import quantity
from .._stores.base import number
from .._stores.registry import store_in
from .claims import ETCD
from .desired import REPLICAS, RESOURCES
from .values import Path, merged, read

MEMBER_RESOURCES: Path = (*ETCD, "resources")


@dataclass(frozen=True)
class Room:
    """CPU and bytes of memory, and a number of pods: what a node has left, or what a pod asks for."""

    cpu: Decimal
    memory: Decimal
    pods: Decimal = Decimal(1)

    def holds(self, pod: Room) -> bool:
        """Whether a pod fits."""
        return self.cpu >= pod.cpu and self.memory >= pod.memory and self.pods >= pod.pods

    def less(self, pod: Room) -> Room:
        """What is left beside a pod."""
        return Room(self.cpu - pod.cpu, self.memory - pod.memory, self.pods - pod.pods)


def room(cpu: Any, memory: Any, pods: Any = 1) -> Room:
    """From quantities; what is not said, or is none, is nothing."""
    return Room(*(quantity(str(value)) or Decimal(0) for value in (cpu, memory, pods)))


def left_on(node: Node) -> Room:
    """What is left on a node beside what runs there."""
    has = node.allocatable
    left = room(has.get("cpu"), has.get("memory"), has.get("pods", 0))
    for asked in node.asked:
        left = left.less(room(asked.get("cpu"), asked.get("memory"), asked.get("pods", 0)))
    return left


def added_pods(plan: Plan, observation: Observation, defaults: Mapping[str, Any]) -> list[Room]:
    """What the pods ask for that a plan adds to those that are there.

    Args:
        defaults: Values of the chart.
    """
    asked = [step.values for step in plan.steps if step.values is not None]
    if not asked:
        return []
    after = merged(defaults, asked[-1])
    store = store_in(after)
    members = 0 if store.replicas_are_members else store.members(after)
    found = []
    for component, count, resources in (
        ("control_plane", number(read(after, REPLICAS)), RESOURCES),
        ("etcd", members, MEMBER_RESOURCES),
    ):
        there = observation.workload(component)
        requests = read(after, (*resources, "requests"))
        named = requests if isinstance(requests, Mapping) else {}
        pod = room(named.get("cpu", 0), named.get("memory", 0))
        found += [pod] * (count - (there.replicas if there else 0))
    return found


def room_findings(nodes: Sequence[Room], pods: Sequence[Room]) -> Iterator[Finding]:
    """Pods that fit on no node beside the others.

    Args:
        nodes: What is left on each.
    """
    left, without = list(nodes), 0
    for pod in sorted(pods, key=lambda asked: (asked.memory, asked.cpu), reverse=True):
        at = next((n for n, node in enumerate(left) if node.holds(pod)), None)
        if at is None:
            without += 1
        else:
            left[at] = left[at].less(pod)
    if without:
        most = max(pods, key=lambda asked: asked.memory)
        yield warn(
            "room",
            f"{without} of {len(pods)} new pods find no room on the {len(nodes)} nodes"
            f" (the largest asks for {most.cpu.normalize():f} CPU and {most.memory / 2**20:.0f} Mi).",
            "They stay Pending, and the step waits for them up to vcluster_timeouts.rollout.",
            "Add nodes, unless something adds them by itself.",
        )
