# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every verb by its name. Apart from the two that look and change: those need nothing of what snapshots need."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from .._cluster.certificates import certificates
from .._core.errors import FleetError, Refused, defect
from .._core.finding import refuse
from .._core.observation import Observation
from .._core.plan import Step, View
from .._core.ports import HostCluster
from .._core.spec import Spec
from .._plan.guards.snapshots import snapshot_findings
from .autoscale import AT_ONCE, Autoscale
from .context import Context
from .drill import drill_plan
from .maintenance import care_plan
from .move import move_plan
from .planning import Planned, one_step
from .recovery import SURVIVOR, recovery_plan
from .restore import restore_plan
from .snapshot import snapshot_step
from .two_looks import once_each
from .verbs import Site, Verb


class Renew(Site):
    """Renews what ends soon, or has ended, by what the Secrets hold now: it may not be what the last proof noted."""

    words = "to renew"

    def __init__(self) -> None:
        super().__init__(View.CERTIFICATES)

    def plan(
        self, spec: Spec, seen: Observation, host: HostCluster, context: Context
    ) -> Planned | None:
        """See Verb."""
        held = certificates(host.api, spec.namespace, spec.name)
        return super().plan(spec, replace(seen, certificates=held), host, context)


class Backup(Verb):
    """Takes a snapshot."""

    words = "to save"

    def plan(
        self, spec: Spec, seen: Observation, host: HostCluster, context: Context
    ) -> Planned | None:
        """See Verb."""
        observation = host.observe(spec)
        findings = snapshot_findings(spec, observation)

        def step() -> Step:
            return snapshot_step(spec, observation, context.target(spec).title)

        return one_step(spec, observation, findings, step)


class Restore(Verb):
    """Puts a snapshot back.

    Args:
        snapshot: Its id, or `latest`, or `survivor`.
        consent: Inventory hosts that are named for a recovery.
    """

    words = "to restore"

    def __init__(self, snapshot: str, consent: Collection[str]) -> None:
        self._snapshot = snapshot
        self._consent = consent

    def plan(
        self, spec: Spec, seen: Observation, host: HostCluster, context: Context
    ) -> Planned | None:
        """See Verb."""
        if self._snapshot == SURVIVOR:
            return recovery_plan(spec, host, context, self._consent)
        return restore_plan(spec, host, context, self._snapshot)


class Drill(Verb):
    """Restores a copy of the newest snapshot."""

    words = "to drill"

    def plan(
        self, spec: Spec, seen: Observation, host: HostCluster, context: Context
    ) -> Planned | None:
        """See Verb."""
        return drill_plan(spec, host, context)


class Move(Verb):
    """Takes the place of another one."""

    words = "to move"

    def plan(
        self, spec: Spec, seen: Observation, host: HostCluster, context: Context
    ) -> Planned | None:
        """See Verb."""
        return move_plan(spec, host, context)


class Maintain(Verb):
    """Does what the stores are due for; all of a host cluster's are looked at a few at a time."""

    words = "to care for"

    def __init__(self) -> None:
        self._plans: dict[tuple[str, str, str], Planned | FleetError] = {}
        self._over = threading.Event()

    def prepare(self, specs: Sequence[Spec], host: HostCluster, context: Context) -> None:
        """See Verb."""

        def look(spec: Spec) -> None:
            try:
                found: Planned | FleetError = care_plan(spec, host, host.observe(spec))
            except FleetError as error:
                found = error
            except Exception as error:
                found = FleetError(f"{spec.title}: its store cannot be looked at: {defect(error)}")
            self._plans[_place(spec)] = found

        once_each(specs, look, AT_ONCE, self._over)

    def stop(self) -> None:
        """See Verb."""
        self._over.set()

    def plan(
        self, spec: Spec, seen: Observation, host: HostCluster, context: Context
    ) -> Planned | None:
        """See Verb.

        Raises:
            FleetError: Its store cannot be looked at.
        """
        found = self._plans.get(_place(spec)) or FleetError(
            f"{spec.title}: its store was not looked at in time.", "Run again with fewer (--limit)."
        )
        if isinstance(found, FleetError):
            raise found
        return found


def _place(spec: Spec) -> tuple[str, str, str]:
    return (spec.access.key, spec.namespace, spec.name)


class MigrateStore(Site):
    """Moves a vCluster to another store.

    Args:
        consent: Inventory hosts that may go back to what the store held that they left.
    """

    def __init__(self, consent: Collection[str]) -> None:
        super().__init__(View.STORE)
        self._consent = consent

    def plan(
        self, spec: Spec, seen: Observation, host: HostCluster, context: Context
    ) -> Planned | None:
        """See Verb."""
        return super().plan(replace(spec, gives_up=spec.host in self._consent), seen, host, context)


# One that looks at something for all of a run keeps it to itself: each run has its own.
SIMPLE: dict[str, Callable[[], Verb]] = {
    "site": Site,
    "scale": lambda: Site(View.SIZE),
    "upgrade": lambda: Site(View.VERSIONS),
    "retire_source": lambda: Site(View.SOURCE),
    "autoscale": Autoscale,
    "certificates": Renew,
    "maintenance": Maintain,
    "backup": Backup,
    "drill": Drill,
    "move": Move,
}
VERBS = (*SIMPLE, "migrate_store", "restore")


def verb_named(name: str, snapshot: str | None, consent: Collection[str] = ()) -> Verb:
    """The verb of a plan's options.

    Args:
        name: One of VERBS.
        snapshot: What is restored.
        consent: See Restore.

    Raises:
        Refused: A restore that names no snapshot.
    """
    if name in SIMPLE:
        return SIMPLE[name]()
    if name == "migrate_store":
        return MigrateStore(consent)
    if not snapshot:
        what = "A restore names its snapshot."
        way_out = "Set fleetops_snapshot to its id, or to latest."
        raise Refused((refuse("spec", what, "What was written since is lost.", way_out),))
    return Restore(snapshot, consent)
