# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""After a store was filled with what another one held: the control plane is let in there, or the other one is back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from .._cluster.repository import Repository
from .._core.errors import FleetError, Locked
from .._core.migration import Phase
from .._core.moments import moment_text
from .._core.observation import OURS, STUCK, Observation, Release
from .._core.ports import HostCluster, Lock, Note
from .._core.snapshot import Manifest
from .._core.spec import Spec
from .._stores.registry import on_store, store_in, store_named
from .._stores.store import Values
from .audit import Audit
from .beside import mark_claims, remove_claims
from .context import Context
from .migrating import Migrating
from .plane import Plane
from .pods import look
from .put_back import HELM_SECONDS
from .saved import of_snapshot
from .taking import COPYING, switching
from .wait import Deadline, rollout

LEFT = "fleetops.vcluster/left"  # annotation of claims: when their store was left, and for which


def let_in(spec: Spec, host: HostCluster, deadline: Deadline, say: Callable[[str], None]) -> None:
    """The control plane may run on the store that its values say: its workload may be another one, or stopped still."""
    plane = Plane(spec, host, host.observe(spec), deadline, say)
    plane.let_run()
    plane.unmark(COPYING)


def arrived(spec: Spec, host: HostCluster, seen: Observation) -> None:
    """Write down that the store is proved, and at the claims of the other one that it was left."""
    noted = seen.moving
    if noted is None or switching(seen):
        return
    at = moment_text(host.api.now)
    words = f"{at} for {noted.target} by run {noted.run}; snapshot {noted.snapshot}"
    mark_claims(spec, host, seen, store_named(noted.source), {LEFT: words})
    mark_claims(spec, host, seen, store_named(noted.target), {LEFT: None})
    host.note_migration(spec, replace(noted, phase=Phase.DONE, at=at))


@contextmanager
def same_tenant(spec: Spec, host: HostCluster) -> Iterator[None]:
    """Around a move whose data nobody here can read: the tenant is the same cluster afterwards.

    Raises:
        FleetError: Its namespace kube-system is another one: it is new and empty, with everything green (G03).
    """
    before = _identity(spec, host)
    yield
    if _identity(spec, host) != before:
        raise FleetError(
            f"{spec.title}: its namespace kube-system is another one than before: the new store was not filled.",
            "Put the store that it left back into vcluster_store, and run again: that one was only read.",
        )


def _identity(spec: Spec, host: HostCluster) -> str:
    """The uid of the tenant's first namespace, as one of its API servers tells it."""
    planes = [pod for pod in look(host.api, spec).pods if pod.component == "control_plane"]
    with host.reach(spec).replica(next(pod.name for pod in planes if pod.ready)) as replica:
        return str(replica.get("/api/v1/namespaces/kube-system")["metadata"]["uid"])


def retire_source(spec: Spec, host: HostCluster, seen: Observation, own: Repository) -> None:
    """Nothing is left of what the store held that was left; the vCluster runs on another one.

    Raises:
        FleetError: The snapshot of it is gone, so this would be the last copy of that moment; or it does not answer.
    """
    noted = seen.migration
    if noted is None or noted.phase is not Phase.DONE:
        return
    manifest = own.find(noted.snapshot)
    if manifest is None:
        raise FleetError(
            f"{spec.title}: snapshot {noted.snapshot} of {noted.source} is gone, so what is left there would be lost.",
            "Remove it by hand, if nothing in it is needed.",
        )
    store = store_named(noted.source)
    values = of_snapshot(spec, own, manifest).values
    store.empty_out(on_store(spec, values), host.reach(spec))
    remove_claims(spec, host, store)
    host.note_migration(spec, None)


@dataclass(frozen=True)
class StoreMove:
    """Moves of a vCluster between stores, in one run.

    Attributes:
        say: Takes a line of progress.
    """

    spec: Spec
    host: HostCluster
    context: Context
    lock: Lock
    audit: Audit
    deadline: Deadline
    say: Callable[[str], None]

    def there(self, values: Values, version: str) -> None:
        """The store of these values holds what the one that runs does, when this returns.

        Args:
            version: Of the chart that runs.
        """
        seen = self.host.observe(self.spec)
        if not switching(seen):  # A run that was cut off has done it.
            self._move(seen, values, version, None)

    def back(self, values: Values, version: str) -> str:
        """The store that was left holds what the one that runs does; where that gives no copy, what it held then.

        Returns:
            Which of them it was, in words.

        Raises:
            FleetError: Neither can be had.
        """
        seen = self.host.observe(self.spec)
        noted = seen.migration
        if noted is None:
            raise FleetError(
                f"Nothing says which store {self.spec.title} left.",
                "See what runs there, and restore a snapshot.",
            )
        try:
            self._move(seen, values, version, None)
        except Locked:
            raise
        except FleetError as error:
            self.say(f"the store that runs gives no copy: {error.what}")
        else:
            return "with all that was written since"
        own = Repository(self.context.target(self.spec), self.spec)
        given = own.find(noted.snapshot)
        if given is None:
            raise FleetError(
                f"Snapshot {noted.snapshot} of the store that was left is gone.",
                "Restore another one.",
            )
        self._move(self.host.observe(self.spec), values, version, given)
        return "with what it held then; what was written since is lost to the tenant"

    def way_back(self, base: Release) -> str:
        """It runs on the store of a revision again, and is ready, when this returns.

        Args:
            base: The revision that was proved last, on the store that was left.

        Returns:
            What became of it, in words.
        """
        store = store_in(base.values or {}).type
        noted = self.host.observe(self.spec).migration
        self.say(f"it was not proved, going back to {store}")
        told = self.back(base.values or {}, base.chart_version or "")
        self._put_back(base)
        let_in(self.spec, self.host, self.deadline, self.say)
        limit = Deadline(self.spec.limits.rollout, self.deadline)
        try:
            rollout(self.host.api, self.spec, limit, self.say)
        except FleetError as error:
            kept = f"Snapshot {noted.snapshot if noted else ''} has what {store} held when it was left."
            raise FleetError(error.what, f"{error.way_out} {kept}") from error
        return f"It runs on {store} again, {told}, and is proved."

    def _move(
        self, seen: Observation, values: Values, version: str, given: Manifest | None
    ) -> None:
        Migrating(
            self.spec,
            self.host,
            seen,
            values,
            version,
            self.context,
            self.lock,
            self.audit,
            self.deadline,
            self.say,
            given,
        ).carry_out()

    def _put_back(self, base: Release) -> None:
        """Not by Helm's rollback: that takes over no objects which are there already."""
        newest = self.host.observe(self.spec).release
        if newest and newest.status in STUCK:  # Helm does not go on from there (G23).
            self.host.forget(self.spec, newest.revision)
        chart = self.host.helm.pull(self.spec.chart, base.chart_version or "")
        note = Note(f"{OURS}back to revision {base.revision}", {})
        self.host.helm.upgrade(
            self.spec.name, self.spec.namespace, chart, base.values or {}, HELM_SECONDS, note
        )
