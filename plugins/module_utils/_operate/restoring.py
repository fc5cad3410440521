# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carry out one restore: the steps, and what they leave when one of them fails.

A run may be cut off anywhere. From the moment the control plane stops until the proof its workload says so (the
vendor's annotation `loft.sh/restoring`, which every other change respects), and what it restores; the next restore
begins again, with the safety snapshot of the first. Once the store is filled the tenant may write: it is not filled
again, and the next restore of the same snapshot goes on with the proof.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import IO, Any

from .._cluster.repository import Repository
from .._cluster.unpacked import live
from .._core.certificates import adopted
from .._core.check import CheckResult
from .._core.contents import Snapshot
from .._core.errors import FleetError, Locked, ProofFailed, about
from .._core.etcd import KeyChange
from .._core.moments import moment_text
from .._core.observation import RESTORE_NOTES, RESTORING, Observation, Release
from .._core.plan import Kind
from .._core.ports import HostCluster, Lock
from .._core.snapshot import Manifest
from .._core.spec import Spec
from .._plan.values import differing
from .._stores.refill import LEDGE
from .._stores.rewrite import rewritten
from .audit import Audit
from .context import Context
from .filling import Filling
from .plane import Plane
from .put_back import put_back, servers_back
from .render import live_as_data
from .report_text import duration
from .saved import Saved, of_snapshot
from .snapshot_text import as_data, summary
from .taking import COPYING, Taking
from .verify import proof_of, prove
from .wait import Deadline


def went_back(observation: Observation, manifest: Manifest) -> Release | None:
    """The revision that an earlier run was going back to with this snapshot, when it was cut off."""
    noted, base = observation.restore_notes, observation.base
    same = base and (noted.get("snapshot"), noted.get("back")) == (manifest.id, str(base.revision))
    return base if same else None


@dataclass
class Restoring:
    """One restore.

    Attributes:
        saved: What is restored.
        own: Where snapshots of this vCluster lie.
        safe: Take a snapshot of what is there before.
        idle: Leave out what would run for the tenant: it is a drill.
        stays: Annotations of the workload that stay when it is done.
        back: The revision whose chart and values come with it; None where those stay that run.
        kept: Where what was there before is, when it goes back to a revision; empty before that.
        checks: Results of the latest proof.
        offered: Values that were others when the snapshot was taken.
        began: When it began, by the monotonic clock.
        noted: What the workload carries of it.
        away: When the API went away, by the same; None before that.
    """

    spec: Spec
    host: HostCluster
    observation: Observation
    saved: Saved
    own: Repository
    context: Context
    lock: Lock
    audit: Audit
    deadline: Deadline
    safe: bool
    idle: bool = False
    stays: Mapping[str, str] = field(default_factory=dict)
    back: Release | None = None
    checks: tuple[CheckResult, ...] = ()
    offered: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    clock: datetime = field(default_factory=lambda: datetime.now(UTC))
    away: float | None = None
    noted: dict[str, str] = field(default_factory=dict)
    outage: float = 0.0
    kept: str = ""

    def say(self, text: str) -> None:
        """Progress, with the vCluster's name."""
        self.context.say(f"{self.spec.host}: {text}")

    def carry_out(self) -> dict[str, Any]:
        """Everything. Until the control plane is stopped an error means that nothing was touched."""
        self.kept = self.observation.restore_notes.get("kept", "")
        with self._opened(self.saved) as (file, wanted):
            self.offered = [] if self.back else self._offered(self.saved.values)
            for _change in self._changes(self.manifest, file):
                pass  # what cannot be changed is known before anything is touched
            safety = self._safety()
            try:
                if self.observation.restore_notes.get("filled") == self.manifest.id:
                    self._serve()
                else:
                    self._stop(safety)
                    if self.back:
                        self._keep()
                        servers_back(self.spec, self.host, self.back)
                    self._put_in(self.saved, file, wanted, self._raise_by(safety))
            except Locked as error:
                return self._result(error.outcome, about(self.spec.title, error), failed=True)
            except ProofFailed as error:
                self.checks = error.checks
                return self._undo(safety, about(self.spec.title, error))
            except FleetError as error:
                return self._undo(safety, about(self.spec.title, error))
            except Exception as error:
                return self._undo(safety, self.context.defect(error))
        self._unmark()
        told = f"the API was away for {duration(self.outage)}"
        if self.offered:
            others = ", ".join(self.offered)
            told += f"; these values were others then, and stay as they are: {others}"
        if self.back:
            told += f"; what was written since is lost to the tenant, {self.kept}"
        msg = f"{self.spec.title}: restored {summary(self.manifest)}; proved; {told}"
        return {**self._result("done", msg), "told": told}

    def _opened(self, saved: Saved) -> AbstractContextManager[tuple[IO[bytes], Snapshot]]:
        """The data, checked before anything is touched."""
        self.say(f"opening snapshot {saved.manifest.id}")
        return saved.data()

    @property
    def manifest(self) -> Manifest:
        """Of what is restored."""
        return self.saved.manifest

    def _offered(self, saved: Mapping[str, Any]) -> list[str]:
        """The values that were others when the snapshot was taken: the inventory says which ones are right."""
        return differing(self.observation.live_values, saved)

    def _safety(self) -> Manifest | None:
        """A snapshot of what is there now; that of the first attempt when this one goes on with it."""
        marked = self.observation.restore_notes.get("safety")
        if marked:
            return self.own.find(marked)
        if not self.safe:
            return None
        self.say("a snapshot of what is there now comes first")
        try:
            return self._taken()
        except FleetError as error:
            raise FleetError(
                f"{error.what} Nothing was touched.",
                "Where there is nothing left to save, restore with safety: false.",
            ) from error

    def _noted(self, **more: str) -> dict[str, str]:
        self.noted |= more
        return {RESTORE_NOTES: json.dumps(self.noted)}

    def _raise_by(self, before: Manifest | None) -> int:
        """Above all revisions that clients have seen (G61)."""
        return max(0, (before.revision if before else 0) - self.manifest.revision) + LEDGE

    def _stop(self, safety: Manifest | None) -> None:
        """No replica runs when this returns; what the syncer made on the host for tenant pods is gone too."""
        self.lock.check()
        self.noted = {"snapshot": self.manifest.id, "safety": safety.id if safety else ""}
        if self.back:
            self.noted |= {"back": str(self.back.revision), "kept": self.kept}
        self.away = time.monotonic()
        self._plane.stop({RESTORING: "true", **self._noted(), **self.stays})
        self._plane.end_pods()

    def _keep(self) -> None:
        """What was written since, in a snapshot of its own: now nobody writes any more."""
        if self.kept:
            return  # By an earlier run: what is there now is no longer that.
        for _attempt in range(2):  # A connection may break; a store that gives none fails twice.
            try:
                self.kept = f"it is kept in snapshot {self._taken().id}"
                break
            except Locked:
                raise
            except FleetError as error:
                self.kept = f"it could not be saved: {error.what}"
        self.lock.check()
        self._plane.mark(self._noted(kept=self.kept))

    def _taken(self) -> Manifest:
        """A snapshot of what is there."""
        return Taking(
            self.spec,
            self.host,
            self.observation,
            self.own,
            self.context,
            self.lock,
            self.audit,
            self.deadline,
            safety_of=self.manifest.id,
        ).take()

    def _put_in(self, saved: Saved, file: IO[bytes], wanted: Snapshot, raise_by: int) -> None:
        """Fill the store, compare it with the snapshot, start the control plane and prove it."""
        manifest = saved.manifest
        if saved.certificates is not None:
            self._put_back(saved.certificates, elsewhere=not manifest.is_of(self.spec))
        self.lock.check()
        self._filling.put_in(
            manifest.way, file, wanted, raise_by, lambda: self._changes(manifest, file)
        )
        self.lock.check()
        self._plane.mark(self._noted(filled=manifest.id))
        self._serve()

    def _serve(self) -> None:
        """Start the control plane and prove it."""
        if self.back:
            self.say(f"putting chart and values of revision {self.back.revision} back")
            put_back(self.spec, self.host, self.observation, self.back)
        self._plane.start()
        if self.away is not None:
            self.outage += time.monotonic() - self.away
            self.away = None
        limit = Deadline(self.spec.limits.proof, self.deadline)
        self.checks = prove(self.spec, self.host, self.context, limit)

    def _changes(self, manifest: Manifest, file: IO[bytes]) -> Iterator[KeyChange]:
        """What has to be different from the snapshot."""
        elsewhere = not manifest.is_of(self.spec)
        return rewritten(live(manifest.way, file), elsewhere=elsewhere, idle=self.idle)

    def _put_back(self, certificates: Mapping[str, str], *, elsewhere: bool) -> None:
        """The PKI of the snapshot, where another one is there: kubeconfigs that were made before stay valid (G27)."""
        path = f"/api/v1/namespaces/{self.spec.namespace}/secrets/{self.spec.name}-certs"
        found: Mapping[str, str] = (self.host.api.find(path) or {}).get("data") or {}
        wanted = adopted(certificates, found) if elsewhere else certificates
        if found != wanted:
            self.say("putting the certificates back")
            gone = dict.fromkeys(found.keys() - wanted.keys())
            self.host.api.merge(path, {"data": {**gone, **wanted}})

    def _undo(self, safety: Manifest | None, why: str) -> dict[str, Any]:
        """What was there before the restore again, and its proof."""
        if safety is None:
            saved = self.kept or "there is no snapshot of it"
            text = f"{why} What was there before: {saved}. Run the restore again."
            return self._result("failed", text, failed=True)
        self.say(f"it failed, going back to snapshot {safety.id}")
        try:
            self._stop(safety)
            before = of_snapshot(self.spec, self.own, safety)
            with self._opened(before) as (file, wanted):
                # Clients may have seen the restored revisions.
                self._put_in(before, file, wanted, 2 * self._raise_by(safety))
        except Exception as second:
            if isinstance(second, ProofFailed):
                self.checks = second.checks
            words = str(second) if isinstance(second, FleetError) else self.context.defect(second)
            text = f"{why} Going back to snapshot {safety.id} failed too: {words}"
            return self._result("failed", text, failed=True)
        self._unmark(*self.stays)
        text = f"{why} What was there before is back and proved; the restore was not kept."
        return self._result("rolled_back", text, failed=True)

    def _unmark(self, *more: str) -> None:
        """Other changes may come again."""
        self._plane.unmark(RESTORING, RESTORE_NOTES, COPYING, *more)
        release = self.observation.release
        if release and release.applied and not self.back:
            self.host.note_proof(self.spec, release.revision, proof_of(self.checks, self.host))

    @property
    def _filling(self) -> Filling:
        return Filling(self.spec, self.host, self.observation, self._plane, self._shell_image)

    @property
    def _shell_image(self) -> str:
        """That of the control plane; a newer one may never have come."""
        asked = self.back.workloads if self.back else ()
        plane = next((w for w in asked if w.component == "control_plane"), self._plane.workload)
        return plane.images["syncer"]

    @property
    def _plane(self) -> Plane:
        return Plane(self.spec, self.host, self.observation, self.deadline, self.say)

    def _result(self, outcome: str, msg: str, *, failed: bool = False) -> dict[str, Any]:
        return {
            "changed": True,
            "failed": failed,
            "outcome": outcome,
            "msg": msg,
            "snapshot": as_data(self.manifest),
            "other_values": self.offered,
            "steps": [] if failed else [Kind.RESTORE.value],
            "begun": [Kind.RESTORE.value],
            "checks": [asdict(result) for result in self.checks],
            "live": {} if failed else live_as_data(self.host.observe(self.spec)),
            "outage": round(self.outage, 1),
            "began": moment_text(self.clock),
            "seconds": round(time.monotonic() - self.began, 1),
        }
