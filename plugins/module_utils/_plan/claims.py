# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Volume claims that grow: which ones, and to what size (G12)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .._core.observation import Observation, Workload
from .._core.plan import Growth
from .._core.quantity import quantity
from .membership import absent
from .values import Path, read

PLANE: Path = ("controlPlane", "statefulSet")
ETCD: Path = ("controlPlane", "backingStore", "etcd", "deploy", "statefulSet")
CLAIM: Path = ("persistence", "volumeClaim")
SIZE: Path = (*CLAIM, "size")
ROOTS = {"control_plane": PLANE, "etcd": ETCD}


@dataclass(frozen=True)
class ClaimSize:
    """The size of the claims of a StatefulSet, in bytes, as it runs and as it is asked for."""

    component: str
    workload: Workload
    path: Path
    before: Decimal
    after: Decimal


def claim_sizes(
    observation: Observation, live: Mapping[str, Any], values: Mapping[str, Any]
) -> Iterator[ClaimSize]:
    """Those of every StatefulSet that has claims of a size.

    Args:
        live: Effective values that run.
        values: Those asked for.
    """
    for component, root in ROOTS.items():
        path = (*root, *SIZE)
        before, after = (quantity(str(read(tree, path))) for tree in (live, values))
        workload = stateful_set(observation, component)
        if workload and before is not None and after is not None:
            yield ClaimSize(component, workload, path, before, after)


def growths(
    observation: Observation, live: Mapping[str, Any], values: Mapping[str, Any]
) -> Iterator[tuple[Path, Growth]]:
    """The values that ask for larger claims of a StatefulSet, each with what grows.

    Args:
        live: Effective values that run.
        values: Those asked for.
    """
    for found in claim_sizes(observation, live, values):
        if found.before < found.after:
            workload = found.workload
            # Those of replicas that come back first grow with the others.
            pods = max(workload.replicas, absent(observation, live).stop)
            claims = tuple(c.name for c in observation.claims if _of(workload, c.name, pods))
            asked = str(read(values, found.path))
            yield found.path, Growth(found.component, workload.name, claims, asked)


def stateful_set(observation: Observation, component: str) -> Workload | None:
    """The StatefulSet of a component, also while it is gone: a run that was cut off may have left its pods alone."""
    release = observation.last_good
    asked = release.workloads if release else ()
    found = (*observation.workloads, *asked)
    workload = next((w for w in found if w.component == component), None)
    return workload if workload and workload.kind == "StatefulSet" else None


def _of(workload: Workload, claim: str, pods: int) -> bool:
    """Whether a claim is of its template `data` (0.20 to 0.36), and of one of its pods: no other is mounted."""
    begin = f"data-{workload.name}-"
    number = claim.removeprefix(begin)
    return claim.startswith(begin) and number.isdigit() and int(number) < pods
