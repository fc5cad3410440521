# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a backing store is to the rest of the collection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from copy import deepcopy
from typing import Any, Protocol

from .._core.care import Condition
from .._core.check import CheckResult
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
from .refill import Refill
from .source import Source
from .work import Upkeep, Work

Path = tuple[str, ...]
Values = Mapping[str, Any]
Options = Mapping[str, Any]

BACKING_STORE = ("controlPlane", "backingStore")
PERSISTENCE = ("controlPlane", "statefulSet", "persistence")
PLANE_CLAIM = (*PERSISTENCE, "volumeClaim")
REPLICAS = ("controlPlane", "statefulSet", "highAvailability", "replicas")
# What is left where replicas that are members do not come back.
RECOVERY = "Disaster recovery on the vendor's page about embedded etcd."


class Store(Protocol):
    """A store type. Pure, except for `checks`, which asks through the ports.

    Values given to a store are effective ones: the chart's defaults with the user values over them.
    """

    @property
    def type(self) -> str:
        """Name in `vcluster_store.type`."""

    @property
    def way(self) -> Way | None:
        """Form of its snapshots; None when there are none yet."""

    @property
    def stateless_replicas(self) -> bool:
        """Whether replicas of the control plane keep nothing of the tenant: then they may come and go at any time."""

    @property
    def one_writer(self) -> bool:
        """Whether one process writes its file, so it is for small tenants."""

    def room(self, values: Values) -> list[str]:
        """What bounds its size, as quantities: its volume, its quota. Empty where that is not known here."""

    @property
    def replicas_are_members(self) -> bool:
        """Whether each replica is a member of the store, which joins and leaves by itself with their count.

        The first one comes alone (G08), and the count stays odd on the way (G07).
        """

    def enabled(self, values: Values) -> bool:
        """Whether the values switch this store on by its own key."""

    def values(self, name: str, options: Options) -> dict[str, Any]:
        """User values that the options of `vcluster_store` stand for."""

    def options_in(self, values: Values) -> dict[str, Any] | None:
        """Options of `vcluster_store` beside `type` that user values say; None where none can stand for this store.

        Only what has to be said: the volumes of a live store do not change.
        """

    def option_findings(self, options: Options) -> list[Finding]:
        """Options that this store does not know, or lacks."""

    def secrets(self, name: str, options: Options) -> dict[str, tuple[str, ...]]:
        """Secrets of the namespace that the store needs, with the keys it reads."""

    def references(self, name: str, options: Options) -> dict[str, Any]:
        """User values that a Secret of the namespace holds, as `vcluster_values` refer to one."""

    def endpoint(self, options: Options) -> str:
        """Address of the servers that hold its data, as pods dial it; empty where they are of the release itself.

        Nobody else may have his data there: it is refused where another vCluster has the same.
        """

    def identity(self, values: Values) -> str:
        """Which data it is; a live store must keep it (G03). Empty where the name of the vCluster says it all."""

    def findings(self, values: Values) -> list[Finding]:
        """Guards on what is asked for."""

    def change_findings(self, live: Values, values: Values) -> list[Finding]:
        """Guards on a change of the same store, live."""

    def members(self, values: Values) -> int:
        """Members that are pods of the vCluster; 0 for none."""

    @property
    def member_paths(self) -> tuple[Path, ...]:
        """The value that counts the members, and those that change with it; empty where there are none."""

    @property
    def version_path(self) -> Path | None:
        """The value that says which version its servers are; None where no image of their own brings them."""

    def claims(self, name: str, members: int) -> list[str]:
        """Names of the claims of so many members."""

    def keeps_members(self, values: Values) -> bool:
        """Whether members keep their data when their pods restart."""

    def joined(self, values: Values) -> bool:
        """Whether the values say that members join a store that is there."""

    def joining(self, values: Values) -> list[tuple[Path, Any]]:
        """Values with which members join a store that is there; they stay from then on."""

    def listed(self, spec: Spec, observation: Observation, reach: Reach) -> MemberList | None:
        """Who its members are by their own word; None when nothing gives a reason to ask them."""

    def as_new(self, values: Values) -> dict[str, Any]:
        """User values without what only a store that runs may say."""

    def as_copy(self, values: Values) -> dict[str, Any]:
        """User values for a copy that runs beside it: with a store of its own, which takes its snapshots."""

    def change_members(self, spec: Spec, change: Members, work: Work) -> MemberWork:
        """The work on its members that goes with a step."""

    def objects(self, spec: Spec, values: Values) -> list[Json]:
        """Plain objects that belong beside the release."""

    def scrapes(self, name: str, values: Values, paths: MetricsPaths) -> tuple[Scrape, ...]:
        """What gives metrics of it; empty where that is not known here.

        Args:
            name: Of the vCluster.
            values: User values of the release, as for `checks`.
            paths: Of its chart line.
        """

    def checks(
        self,
        spec: Spec,
        observation: Observation,
        pods: Sequence[Pod],
        reach: Reach,
        values: Values,
    ) -> list[CheckResult]:
        """The store's part of the proof. Never raises for what it finds.

        Args:
            values: User values of the release; here the chart's defaults are not below them.
        """

    @property
    def copied_by_pod(self) -> bool:
        """Whether a pod on its claim copies it; where no copy can be proved, the control plane has to stop for one."""

    def data_findings(self, values: Values) -> list[Finding]:
        """Why there is nothing that a snapshot could be taken of, or restored into."""

    def source(
        self, spec: Spec, pods: Sequence[Pod], reach: Reach, values: Values
    ) -> AbstractContextManager[Source]:
        """The store as the source of a snapshot; only where it has a `way`. FleetError when it can give none now.

        Args:
            values: User values of the release, as for `checks`.
        """

    def survivor(
        self, spec: Spec, observation: Observation, reach: Reach, values: Values
    ) -> AbstractContextManager[Source]:
        """What is left of a store that has lost its quorum for good. FleetError where it has not, or nothing is.

        Args:
            values: User values of the release, as for `checks`.
        """

    def takes(self, way: Way) -> Way:
        """What `refill` wants of data of that form: a file of its own kind, or `keys`, each for itself."""

    def refill(self, spec: Spec, values: Values, refill: Refill) -> None:
        """Replace its data, the control plane being stopped; it runs again when this returns."""

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
        """How it is; None where it tells nothing of itself. Never raises for what it finds: that is its trouble.

        Args:
            values: User values of the release, as for `checks`.
            closely: How slow its disk is too, and what takes a pod to see.
        """

    def tend(self, spec: Spec, observation: Observation, step: Step, upkeep: Upkeep) -> None:
        """Carry out one step of its care. What is not due any more by then is left out: a run may have been cut off.

        Args:
            step: Of a kind that its condition speaks of: COMPACT, DEFRAGMENT, VACUUM, DISARM.

        Raises:
            FleetError: It is not as it has to be; what was done until then stays done.
        """


class Usual:
    """What most stores answer: nothing beside the control plane, no Secret, nothing that another change could hurt."""

    way: Way | None = None
    stateless_replicas = True
    replicas_are_members = False
    copied_by_pod = False
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
