# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carry all that a store holds into another one, while nobody can write (G03, G61).

    make the target beside the source -> raise its revision -> stop the control plane -> save the source
    -> fill the target -> compare -> is the source as it was? -> now the values may change

Until the last of these the source has everything and decides: what fails starts it again, and where a run is cut off
the next one does. From then on the target does. That is one line in the notes of the vCluster (see Migration), and the
control plane is started by nobody in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from .._cluster.repository import Repository
from .._core.care import MIB
from .._core.contents import Snapshot
from .._core.errors import FleetError, Locked
from .._core.migration import Migration, Phase
from .._core.moments import moment_text
from .._core.observation import Observation, Workload
from .._core.ports import ChartArchive, HostCluster, Lock, Reach
from .._core.quantity import quantity
from .._core.snapshot import Manifest
from .._core.spec import Spec
from .._plan.values import merged
from .._stores.raising import Raising
from .._stores.registry import condition, on_store, store_in
from .._stores.store import Store
from .audit import Audit
from .beside import keep_claims, make_servers, remove_servers
from .context import Context
from .filling import Filling, held_by
from .plane import Plane
from .planning import present
from .pods import look
from .saved import of_snapshot
from .taking import COPYING, Taking, opened_store
from .wait import Deadline

SPARE = 1.2  # so much more room than what is in use
LEDGE = 1_000  # revisions above the highest that a client has seen
# 0.33 on, pkg/setup/config/config.go, EnsureBackingStoreChanges: compared where it is there.
STORE_TYPE = "vcluster.loft.sh/store"
RECENT = timedelta(hours=2)  # since a run began that was cut off
HEADROOM = 20_000  # that the source may still write before it is stopped


@dataclass(frozen=True)
class Migrating:
    """From the store that runs to that of a step.

    Attributes:
        observation: What runs.
        values: User values with the other store; references resolved.
        version: Of the chart that runs.
        say: Takes a line of progress.
        given: What to fill the target with, where the source gives no copy; None for what that holds.
    """

    spec: Spec
    host: HostCluster
    observation: Observation
    values: Mapping[str, Any]
    version: str
    context: Context
    lock: Lock
    audit: Audit
    deadline: Deadline
    say: Callable[[str], None]
    given: Manifest | None = None

    def carry_out(self) -> None:
        """The target holds everything, and nobody was let in, when this returns.

        Raises:
            FleetError: The source runs again, as before.
        """
        before = self.observation.migration
        with self._going_back():
            self._note(Phase.COPYING, before.snapshot if before and self._is_left else "")
            chart = self.host.helm.pull(self.spec.chart, self.version)
            self.say(f"making {self.target.type} ready beside {self.source.type}")
            self._clear()
            fresh = self.target.as_new(self.values)
            make_servers(self.spec, self.host, self.observation, self.target, chart, fresh)
            self._is_free()
            self._has_room(chart)
            highest = self._revision()
            self._raise(highest + HEADROOM)
            keep_claims(self.spec, self.host, self.source, self._plane.until)
            generation = self._stop()
            manifest = self.given or self._taken()
            highest = max(highest, manifest.revision)
            self._raise(highest)
            held = self._fill(manifest, highest)
            self._still(generation, held)
            self._forget_type()
            self.lock.check()
            self._note(Phase.SWITCHING, manifest.id)

    @property
    def source(self) -> Store:
        """The store that runs."""
        return store_in(self._live)

    @property
    def target(self) -> Store:
        """The other one."""
        return store_in(self.values)

    @contextmanager
    def _going_back(self) -> Iterator[None]:
        """What fails leaves the source as it was, and nothing beside it."""
        try:
            yield
        except Locked:
            raise  # Another run has it now.
        except Exception as error:
            words = self._back()
            if isinstance(error, FleetError):
                raise FleetError(f"{error.what} {words}", error.way_out) from error
            raise

    def _back(self) -> str:
        before = self.observation.migration
        with suppress(FleetError):
            if self._is_left:
                self.host.note_migration(self.spec, before)
            else:
                remove_servers(self.spec, self.host, self.observation, self.target)
        try:
            self.lock.check()
            if COPYING not in self._workload.annotations:
                return f"It runs on {self.source.type} as before, and was not stopped."
            self._plane.start()
            self._plane.unmark(COPYING)
        except FleetError as second:
            return f"Starting it on {self.source.type} again failed too: {second}"
        return f"It runs on {self.source.type}, as before."

    def _note(self, phase: Phase, snapshot: str = "") -> None:
        at = moment_text(self.host.api.now)
        place = self.target.identity(self.values) if not self.target.marked else ""
        noted = Migration(
            self.source.type, self.target.type, phase, at, snapshot, self.audit.run, place
        )
        self.host.note_migration(self.spec, noted)

    def _clear(self) -> None:
        """What an earlier run made beside, or left in claims, goes: members that begin anew know no others.

        Raises:
            FleetError: Claims that were left are all that there is of that moment.
        """
        nothing_before = replace(self.observation, claims=())
        wanted = self.target.data_claims(self.spec.name)
        before, left = self.observation.migration, self.observation.claimed(wanted)
        if before and self._is_left and left and self._own.find(before.snapshot) is None:
            raise FleetError(
                f"{self.spec.title}: claims {', '.join(left)} hold what was left in {self.target.type} at {before.at}, "
                f"and snapshot {before.snapshot} of that is gone.",
                "Delete them by hand when nothing on them is needed, and run again.",
            )
        remove_servers(self.spec, self.host, nothing_before, self.target)
        self._plane.until(
            f"what is left of {self.target.type} to go",
            lambda: not self.host.observe(self.spec).claimed(wanted),
        )

    def _empty(self) -> bool:
        """Whether the target holds nothing of a control plane, as soon as it answers."""
        return self._plane.answer(
            f"{self.target.type} to answer",
            lambda: self.target.empty(self.spec, self.values, self._reach),
        )

    def _is_free(self) -> None:
        """The target answers, and holds nothing that is somebody's."""
        if not (self._empty() or self._is_ours()):
            raise FleetError(
                f"{self.spec.title}: {self.target.type} holds the data of a control plane already.",
                "Give it an empty one; or empty it, when nothing in it is needed.",
            )

    def _has_room(self, chart: ChartArchive) -> None:
        """As far as both tell: what is in use here with its history, and what bounds it there.

        Raises:
            FleetError: It would not fit.
        """
        pods = look(self.host.api, self.spec).pods
        here = condition(self._from, self.observation, pods, self._reach)
        there = condition(self.spec, self._there, pods, self._reach)
        said = [quantity(size) for size in self.target.room(merged(chart.defaults, self.values))]
        bounds = [int(bound) for bound in (*said, there.room if there else 0) if bound]
        used = here.used if here else 0
        if bounds and used * SPARE > min(bounds):
            raise FleetError(
                f"{self.spec.title}: {self.source.type} holds {used / MIB:,.0f} MiB, and {self.target.type} has room "
                f"for {min(bounds) / MIB:,.0f} MiB.",
                "Give it more room; or compact the store first with fleetops.vcluster.maintenance.",
            )

    @property
    def _is_left(self) -> bool:
        """Whether the target is the store that was left for the one that runs."""
        noted = self.observation.migration
        return noted is not None and noted.left == self.target.type

    def _is_ours(self) -> bool:
        """Whether what the target holds was put there, or left there, by a migration of this vCluster.

        An address alone does not tell: by now others may have what is behind it. What was left there has to be all
        that is there; what a run put there that was cut off, only a short while ago.
        """
        noted = self.observation.migration
        if noted is None or self.target.type not in (noted.source, noted.target):
            return False
        if self.target.marked:
            return True
        if self._is_left:
            manifest = self._own.find(noted.snapshot)
            if manifest is None:
                return False
            # What leases end has gone meanwhile.
            with of_snapshot(self.spec, self._own, manifest).data() as (_file, left):
                return self._filling.held().lasting == left.lasting
        age = self.host.api.now - datetime.fromisoformat(noted.at)
        return noted.place == self.target.identity(self.values) and age < RECENT

    def _revision(self) -> int:
        """Of the source now; of one that is given up, and does not answer, what it may have come to."""
        try:
            with opened_store(self._from, self.host, self.observation) as store:
                return store.revision or 0
        except FleetError:
            if self.given is None:
                raise
            return self.given.revision + 10 * HEADROOM

    def _raise(self, revision: int) -> None:
        """G61, where the data does not bring its revision."""
        way = self.given.way if self.given else self.source.way
        if way is None or self.target.takes(way) != "keys":
            return
        work = Raising(
            self.host.api,
            self._reach,
            lambda: look(self.host.api, self.spec).pods,
            self._plane.until,
            self.say,
            shell_image=self._shell_image,
        )
        self.target.raise_revision(self.spec, self.values, revision + LEDGE, work)
        self._empty()  # Its members may have restarted for that: they answer again when this returns.

    def _stop(self) -> int:
        """No write is acknowledged any more when this returns: the generation of the workload from then on."""
        self.lock.check()
        self._plane.stop({COPYING: "true"})
        return self._workload.generation

    def _taken(self) -> Manifest:
        return Taking(
            self._from,
            self.host,
            self.observation,
            self._own,
            self.context,
            self.lock,
            self.audit,
            self.deadline,
        ).take()

    def _fill(self, manifest: Manifest, highest: int) -> Snapshot:
        """It holds the same keys and values then: the two are read apart from each other, and hashed.

        Args:
            highest: Revision that a client may have seen.
        """
        self.lock.check()
        raise_by = highest - manifest.revision + LEDGE
        with of_snapshot(self.spec, self._own, manifest).data() as (file, held):
            self._filling.put_in(manifest.way, file, held, raise_by, lambda: iter(()))
        keys, kinds = held.lasting.keys, len(held.kinds)
        self.say(f"{keys:,} keys of {kinds} kinds are the same in {self.target.type}")
        return held

    def _still(self, generation: int, held: Snapshot) -> None:
        """Nobody started the control plane meanwhile, and nobody else wrote to the source.

        Raises:
            FleetError: Somebody did: the target lacks what he wrote.
        """
        planes = [p for p in look(self.host.api, self.spec).pods if p.component == "control_plane"]
        if self._workload.generation != generation or planes:
            raise FleetError(
                f"{self.spec.title}: somebody started its control plane while {self.source.type} was copied.",
                "Run again when nobody does.",
            )
        if self.given is not None:
            return
        with opened_store(self._from, self.host, self.observation) as store:
            # Servers that end leases by themselves go on counting.
            if store.revision in (None, held.revision):
                return
            now = held_by(store)
        if now.lasting != held.lasting:
            raise FleetError(
                f"{self.spec.title}: {store.title} holds {now.lasting.keys} keys now and had {held.lasting.keys}, or "
                "others, although its control plane does not run.",
                "See who else writes there.",
            )

    def _forget_type(self) -> None:
        """The control plane of lines before 0.33 wrote its store down, and does not start on another one since."""
        path = f"/api/v1/namespaces/{self.spec.namespace}/secrets/vc-config-{self.spec.name}"
        found = self.host.api.find(path) or {}
        if STORE_TYPE in (found.get("metadata", {}).get("annotations") or {}):
            self.host.api.merge(path, {"metadata": {"annotations": {STORE_TYPE: None}}})

    @property
    def _workload(self) -> Workload:
        """The control plane of the source as it is now."""
        kind, name = self._plane.workload.kind, self._plane.workload.name
        found = self._reach.workload(kind, name)
        if found is None:
            raise FleetError(f"{kind} {self.spec.namespace}/{name} is gone.", "Run again.")
        return found

    @property
    def _live(self) -> Mapping[str, Any]:
        return present(self.spec, self.observation.last_good).values or {}

    @property
    def _from(self) -> Spec:
        """The vCluster with the store that runs, as if the inventory still said it."""
        return on_store(self.spec, self._live)

    @property
    def _there(self) -> Observation:
        """The vCluster as if its release had the other store."""
        release = present(self.spec, self.observation.last_good)
        moved = replace(release, values=self.values)
        return replace(self.observation, release=moved, last_good=moved)

    @property
    def _own(self) -> Repository:
        return Repository(self.context.target(self.spec), self.spec)

    @property
    def _filling(self) -> Filling:
        return Filling(self.spec, self.host, self._there, self._plane, self._shell_image)

    @property
    def _reach(self) -> Reach:
        return self.host.reach(self.spec)

    @property
    def _plane(self) -> Plane:
        return Plane(self.spec, self.host, self.observation, self.deadline, self.say)

    @property
    def _shell_image(self) -> str:
        return self._plane.workload.images["syncer"]
