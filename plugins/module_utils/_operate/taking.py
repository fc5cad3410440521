# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Take one snapshot: write its parts, read them back, and only then write its manifest (G26, G27).

A store that cannot be copied while its control plane runs is copied while it is stopped, where that is allowed. The
workload carries an annotation of ours meanwhile; where a run is cut off there, the next one starts the control plane
before anything else.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import IO

from .._cluster.repository import Repository
from .._cluster.seal import Pair, fresh_pair
from .._cluster.streams import Pieces, buffered, whole
from .._cluster.unpacked import unpacked
from .._core.contents import Contents
from .._core.errors import FleetError, Unsettled
from .._core.observation import Observation, Release
from .._core.ports import HostCluster, Lock
from .._core.snapshot import Manifest, Part, fresh_id
from .._core.spec import Spec
from .._plan.revisions import running_kubernetes
from .._stores.registry import source, store_in, survivor
from .._stores.source import Source
from .audit import Audit
from .context import Context
from .plane import Plane
from .planning import present
from .pods import look
from .wait import Deadline

COPYING = "fleetops.vcluster/copying"  # annotation of a control plane that is stopped for a copy of its store
DATA, PRIVATE = "data", "private"
VALUES, CERTIFICATES = "values", "certificates"  # what the private part holds


def opened_store(
    spec: Spec, host: HostCluster, observation: Observation
) -> AbstractContextManager[Source]:
    """The store that runs, ready to give its data."""
    return source(spec, observation, look(host.api, spec).pods, host.reach(spec))


def resume(
    spec: Spec,
    host: HostCluster,
    observation: Observation,
    deadline: Deadline,
    say: Callable[[str], None],
) -> None:
    """Start a control plane that an earlier run stopped for its store and never started.

    A pod of that run that still puts something into the volume comes first to its end: two must not write there.
    """
    if cut_off(observation):
        plane = Plane(spec, host, observation, deadline, say)
        plane.end_helpers()
        plane.start()
        plane.unmark(COPYING)


def cut_off(observation: Observation) -> bool:
    """Whether a run was cut off while the control plane was stopped for its store, and that may start it."""
    found = observation.workload("control_plane")
    return found is not None and COPYING in found.annotations and not switching(observation)


def switching(observation: Observation) -> bool:
    """Whether another store holds everything, and the values that run still say the one that was left."""
    noted = observation.moving
    return noted is not None and store_in(observation.live_values).type != noted.target


@contextmanager
def stopped(plane: Plane, lock: Lock) -> Iterator[None]:
    """The control plane does not run meanwhile; where a run is cut off there, the next one starts it (see resume)."""
    lock.check()
    try:
        plane.stop({COPYING: "true"})
        yield
    finally:
        plane.start()
        plane.unmark(COPYING)


@dataclass(frozen=True)
class Taking:
    """One snapshot on its way.

    Attributes:
        safety_of: See Manifest.
        survivor: Of what is left of a store without a quorum.
        stoppable: The control plane may be stopped for it, whatever `vcluster_snapshots` says.
    """

    spec: Spec
    host: HostCluster
    observation: Observation
    repository: Repository
    context: Context
    lock: Lock
    audit: Audit
    deadline: Deadline
    safety_of: str = ""
    survivor: bool = False
    stoppable: bool = False

    def take(self) -> Manifest:
        """Write the parts, read them back, write the manifest. What runs that were cut off left is removed before."""
        self.repository.sweep()
        release = present(self.spec, self.observation.last_good)
        now = self.host.api.now.astimezone(UTC)
        identifier = fresh_id(now)
        pair = fresh_pair() if self.spec.snapshots.recipients else None
        try:
            with self._opened() as found:
                manifest = Manifest(
                    id=identifier,
                    name=self.spec.name,
                    namespace=self.spec.namespace,
                    cluster=self.spec.cluster,
                    taken_at=now,
                    way=found.way,
                    store=store_in(release.values or {}).type,
                    store_version=found.version,
                    chart_version=release.chart_version or "",
                    kubernetes_version=running_kubernetes(self.observation) or "",
                    revision=found.revision or 0,
                    contents=Contents(0, ""),
                    recipients=self.spec.snapshots.recipients,
                    parts={},
                    run=self.audit.run,
                    by=self.audit.by,
                    reason=self.audit.reason,
                    safety_of=self.safety_of,
                    verified_at=now,
                )
                try:
                    manifest = self._written(manifest, found, release, pair)
                except Unsettled as error:
                    with self._stopped(error):
                        manifest = self._written(manifest, found, release, pair)
                manifest = self._read_back(manifest, found, pair)
            self.lock.check()
            self.repository.publish(manifest)
        except BaseException:
            with suppress(FleetError):  # the next run sweeps
                self.repository.delete(identifier)
            raise
        return manifest

    def _opened(self) -> AbstractContextManager[Source]:
        if not self.survivor:
            return opened_store(self.spec, self.host, self.observation)
        return survivor(self.spec, self.observation, self.host.reach(self.spec))

    @contextmanager
    def _stopped(self, why: Unsettled) -> Iterator[None]:
        """Stop the control plane for a while; a restore stops it anyway."""
        if not (self.spec.snapshots.allow_outage or self.safety_of or self.stoppable):
            raise why
        self.say(why.what)
        with stopped(self.plane, self.lock):
            yield

    @property
    def plane(self) -> Plane:
        """The control plane whose store it is."""

        return Plane(self.spec, self.host, self.observation, self.deadline, self.say)

    def say(self, text: str) -> None:
        """Progress, with the vCluster's name."""
        self.context.say(f"{self.spec.host}: {text}")

    def _written(
        self, manifest: Manifest, found: Source, release: Release, pair: Pair | None
    ) -> Manifest:
        """The manifest with the parts that are in the target now."""
        self.say(f"writing the snapshot of {found.title}")
        recipients = (*manifest.recipients, *([pair.recipient] if pair else []))
        contents = {
            PRIVATE: io.BytesIO(self._private(release)),
            DATA: buffered(Pieces(found.pieces())),
        }
        parts = {
            name: self.repository.write(manifest.id, name, content, recipients)
            for name, content in contents.items()
        }
        return replace(manifest, parts=parts)

    def _private(self, release: Release) -> bytes:
        """What the store does not hold and a restore needs: user values and the PKI (G27)."""
        path = f"/api/v1/namespaces/{self.spec.namespace}/secrets/{self.spec.name}-certs"
        certificates = (self.host.api.get(path).get("data")) or {}
        return json.dumps({VALUES: release.values or {}, CERTIFICATES: certificates}).encode()

    def _read_back(self, manifest: Manifest, found: Source, pair: Pair | None) -> Manifest:
        """The manifest with what was found in the target.

        Raises:
            FleetError: It is not what the store holds.
        """
        self.say("reading it back")
        identities = (pair.identity,) if pair else ()

        def read(name: str, part: Part) -> AbstractContextManager[IO[bytes]]:
            return self.repository.read(
                manifest.id, name, part, identities, encrypted=pair is not None
            )

        with read(PRIVATE, manifest.parts[PRIVATE]) as content:
            json.loads(whole(content))
        with (
            read(DATA, manifest.parts[DATA]) as content,
            unpacked(manifest.way, content) as (_file, inspected),
        ):
            pass
        if found.revision is not None and inspected.revision < found.revision:
            raise FleetError(
                f"{self.spec.title}: the snapshot of {found.title} ends at revision {inspected.revision}, "
                f"and {found.revision} was there before it.",
                "Run fleetops.vcluster.verify: that member is behind the others.",
            )
        keys = found.count(inspected.revision)
        if not inspected.contents.keys or keys not in (None, inspected.contents.keys):
            raise FleetError(
                f"{self.spec.title}: the snapshot holds {inspected.contents.keys} keys, and {found.title} "
                f"{'none' if keys is None else keys} at revision {inspected.revision}.",
                "It is not kept. Run again; if it stays so, run fleetops.vcluster.verify.",
            )
        return replace(
            manifest,
            revision=inspected.revision,
            contents=inspected.contents,
            verified_at=datetime.now(UTC),
        )
