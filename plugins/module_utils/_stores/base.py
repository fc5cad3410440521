# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What most stores answer, and how values are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from copy import deepcopy
from typing import Any

from .._core.care import Condition
from .._core.errors import FleetError
from .._core.finding import Finding
from .._core.lines.line import MetricsPaths
from .._core.observation import MemberList, Observation, Pod
from .._core.plan import Members, Step
from .._core.ports import Json, Reach
from .._core.scrape import Scrape
from .._core.snapshot import Way
from .._core.spec import Spec
from .etcd_members import MemberWork
from .raising import Raising
from .refill import Refill
from .source import Source
from .store import Options, Path, Values
from .work import Upkeep, Work

BACKING_STORE = ("controlPlane", "backingStore")
PERSISTENCE = ("controlPlane", "statefulSet", "persistence")
PLANE_CLAIM = (*PERSISTENCE, "volumeClaim")
REPLICAS = ("controlPlane", "statefulSet", "highAvailability", "replicas")
MOST_CLAIMS = 16  # members whose claims are looked for
# What is left where replicas that are members do not come back.
RECOVERY = "Disaster recovery on the vendor's page about embedded etcd."


class Usual:
    """What most stores answer: nothing beside the control plane, no Secret, nothing that another change could hurt."""

    way: Way | None = None
    stateless_replicas = True
    replicas_are_members = False
    copied_by_pod = False
    marked = True
    one_writer = False
    member_paths: tuple[Path, ...] = ()
    version_path: Path | None = None

    def room(self, values: Values) -> list[str]:
        """See Store."""
        return []

    def secrets(self, name: str, options: Options) -> dict[str, tuple[str, ...]]:
        """See Store."""
        return {}

    def references(self, name: str, options: Options) -> dict[str, Any]:
        """See Store."""
        return {}

    def endpoint(self, options: Options) -> str:
        """See Store."""
        return ""

    def identity(self, values: Values) -> str:
        """See Store."""
        return ""

    def change_findings(self, live: Values, values: Values) -> list[Finding]:
        """See Store."""
        return []

    def members(self, values: Values) -> int:
        """See Store."""
        return 0

    def claims(self, name: str, members: int) -> list[str]:
        """See Store."""
        return []

    def keeps_members(self, values: Values) -> bool:
        """See Store."""
        return True

    def joined(self, values: Values) -> bool:
        """See Store."""
        return False

    def joining(self, values: Values) -> list[tuple[Path, Any]]:
        """See Store."""
        return []

    def listed(self, spec: Spec, observation: Observation, reach: Reach) -> MemberList | None:
        """See Store."""
        return None

    def as_new(self, values: Values) -> dict[str, Any]:
        """See Store."""
        return dict(values)

    def as_copy(self, values: Values) -> dict[str, Any]:
        """See Store."""
        return self.as_new(values)

    def left(self, values: Values) -> dict[str, Any]:
        """See Store."""
        raise NotImplementedError

    def data_claims(self, name: str) -> list[str]:
        """See Store."""
        return []

    def servers(self, name: str) -> tuple[tuple[str, str], ...]:
        """See Store."""
        return ()

    def imports(self, source: str) -> Values:
        """See Store."""
        return {}

    def empty(self, spec: Spec, values: Values, reach: Reach) -> bool:
        """See Store. A claim that is there is seen without."""
        return True

    def empty_out(self, spec: Spec, reach: Reach) -> None:
        """See Store."""

    def raise_revision(self, spec: Spec, values: Values, revision: int, refill: Raising) -> None:
        """See Store."""

    def change_members(self, spec: Spec, change: Members, work: Work) -> MemberWork:
        """See Store."""
        raise NotImplementedError

    def objects(self, spec: Spec, values: Values) -> list[Json]:
        """See Store."""
        return []

    def scrapes(self, name: str, values: Values, paths: MetricsPaths) -> tuple[Scrape, ...]:
        """See Store."""
        return ()

    def data_findings(self, values: Values) -> list[Finding]:
        """See Store."""
        return []

    def source(
        self, spec: Spec, pods: Sequence[Pod], reach: Reach, values: Values
    ) -> AbstractContextManager[Source]:
        """See Store."""
        raise NotImplementedError

    def survivor(
        self, spec: Spec, observation: Observation, reach: Reach, values: Values
    ) -> AbstractContextManager[Source]:
        """See Store."""
        raise FleetError("The store of this vCluster has no quorum that could be lost.")

    def takes(self, way: Way) -> Way:
        """See Store."""
        raise NotImplementedError

    def refill(self, spec: Spec, values: Values, refill: Refill) -> None:
        """See Store."""
        raise NotImplementedError

    def condition(
        self,
        spec: Spec,
        observation: Observation,
        pods: Sequence[Pod],
        reach: Reach,
        values: Values,
        *,
        closely: bool = False,
    ) -> Condition | None:
        """See Store."""
        return None

    def tend(self, spec: Spec, observation: Observation, step: Step, upkeep: Upkeep) -> None:
        """See Store."""
        raise NotImplementedError


def at(values: Values, *path: str) -> Any:
    """The value at a path, None when there is none."""
    node: Any = values
    for key in path:
        if not isinstance(node, Mapping):
            return None
        node = node.get(key)
    return node


def truthy(value: Any) -> bool:
    """How the chart reads a switch: `true`, also as text (0.36.1, templates/_persistence.tpl)."""
    return str(value).lower() == "true"


def number(value: Any, default: int = 1) -> int:
    """A count from values; the default for anything that is none (guard G59 speaks of those)."""
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def tree(*items: tuple[tuple[str, ...], Any]) -> dict[str, Any]:
    """Values from paths; a path with None is left out."""
    result: dict[str, Any] = {}
    for path, value in items:
        if value is None:
            continue
        node = result
        for key in path[:-1]:
            node = node.setdefault(key, {})
        node[path[-1]] = value
    return result


def without(values: Values, *paths: Path) -> dict[str, Any]:
    """A copy of a tree without what stands at some paths."""
    copy = deepcopy(dict(values))
    for path in paths:
        node = at(copy, *path[:-1])
        if isinstance(node, dict):
            node.pop(path[-1], None)
    return copy


def claim_values(claim: tuple[str, ...], options: Options) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The values of a volume claim: options size, storage_class, persistence."""
    yield (*claim, "size"), options.get("size")
    yield (*claim, "storageClass"), options.get("storage_class")
    # True is what the chart does anyway.
    yield (*claim, "enabled"), False if options.get("persistence") is False else None
