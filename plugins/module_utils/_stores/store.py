# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a backing store is to the rest of the collection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from .._core.care import Condition
from .._core.check import CheckResult
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
from .work import Upkeep, Work

Path = tuple[str, ...]
Values = Mapping[str, Any]
Options = Mapping[str, Any]


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

    def left(self, values: Values) -> dict[str, Any]:
        """User values of which nothing is about this store any more."""

    def data_claims(self, name: str) -> list[str]:
        """Names of all claims that its data may be in; empty where it is elsewhere."""

    def servers(self, name: str) -> tuple[tuple[str, str], ...]:
        """Kind and name of the objects of its release that have to be there before its data can be put in."""

    def imports(self, source: str) -> Values:
        """User values with which its own servers copy what a store of that type holds; empty where they cannot."""

    @property
    def marked(self) -> bool:
        """Whether it tells by itself whose it is: by its claims' names, or a mark."""

    def empty(self, spec: Spec, values: Values, reach: Reach) -> bool:
        """Whether it holds nothing of any control plane; asked through the ports.

        Raises:
            FleetError: It does not answer, or is another vCluster's.
        """

    def empty_out(self, spec: Spec, reach: Reach) -> None:
        """Remove what it holds outside of claims: another store has it.

        Raises:
            FleetError: It does not answer, or is another vCluster's.
        """

    def raise_revision(self, spec: Spec, values: Values, revision: int, refill: Raising) -> None:
        """Bring the revision of an empty store at least to that, where the data that is put in does not bring it."""

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
