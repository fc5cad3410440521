# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine of module `snapshot`: take one, and let it count only when it was read back (G26)."""

from __future__ import annotations

import io
import json
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import IO, Any

from .._cluster.etcd_file import inspect
from .._cluster.repository import Repository
from .._cluster.seal import Pair, fresh_pair
from .._cluster.streams import PIECE, Pieces, buffered
from .._core.check import CheckResult
from .._core.contents import Contents
from .._core.errors import FleetError, Refused
from .._core.observation import Observation, Release
from .._core.plan import Kind
from .._core.ports import HostCluster, Lock
from .._core.snapshot import Manifest, Part
from .._core.spec import Spec
from .._plan.guards.snapshots import snapshot_findings
from .._plan.retention import expired
from .._stores.registry import source, store_in
from .._stores.source import Source
from .audit import Audit, audit_of
from .context import Context
from .door import Arguments, Result
from .options import spec_of
from .pods import look
from .render import live_as_data
from .snapshot_text import as_data, summary

DATA, PRIVATE = "data", "private"


def run_snapshot(arguments: Arguments, context: Context) -> Result:
    """Take a snapshot, read it back, delete those that no rule keeps.

    Raises:
        Refused: There is no target, or it would not be encrypted.
        FleetError: There is no such vCluster, its store or the target cannot be used, or what was read back is not
            what the store holds. Nothing is left of such a snapshot.
    """
    spec = spec_of(arguments, context)
    host = context.host(spec.access)
    _accepted(spec, host.observe(spec), context)
    repository = Repository(context.target(spec.snapshots), spec)
    if context.check:
        return _preview(spec, host, repository)
    clock, began = datetime.now(UTC), time.monotonic()
    with host.lock(spec) as lock:
        observation = host.observe(spec)
        repository.sweep()
        taking = _Taking(spec, host, observation, repository, context, lock, audit_of(arguments))
        manifest = taking.take()
        deleted = _delete_expired(spec, host, repository, context)
    seconds = round(time.monotonic() - began, 1)
    return {
        "changed": True,
        "outcome": "done",
        "msg": f"{spec.title}: snapshot {summary(manifest)}, {seconds} s",
        "snapshot": as_data(manifest),
        "deleted": deleted,
        "steps": [Kind.SNAPSHOT.value],
        "checks": [asdict(CheckResult("snapshot", "pass", summary(manifest), seconds))],
        "live": live_as_data(observation),
        "began": clock.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "seconds": seconds,
    }


def _accepted(spec: Spec, observation: Observation, context: Context) -> None:
    findings = snapshot_findings(spec, observation)
    refusals = tuple(finding for finding in findings if finding.severity == "refuse")
    if refusals:
        raise Refused(refusals)
    for finding in findings:
        context.warn(f"{spec.host}: {finding}")


def _preview(spec: Spec, host: HostCluster, repository: Repository) -> Result:
    """What a run would do; the store is asked whether it could."""
    pods, reach = look(host.api, spec).pods, host.reach(spec)
    with source(spec, host.observe(spec), pods, reach) as found:
        msg = f"{spec.title}: would take a snapshot of {found.title} to the {repository.title}"
    return {"changed": True, "outcome": "planned", "msg": msg}


def _delete_expired(
    spec: Spec, host: HostCluster, repository: Repository, context: Context
) -> list[str]:
    found, errors = repository.manifests()
    for error in errors:
        context.warn(f"{spec.host}: {error}")
    gone = [manifest.id for manifest in expired(found, spec.snapshots, host.api.now)]
    for snapshot in gone:
        repository.delete(snapshot)
    return gone


@dataclass(frozen=True)
class _Taking:
    """One snapshot on its way."""

    spec: Spec
    host: HostCluster
    observation: Observation
    repository: Repository
    context: Context
    lock: Lock
    audit: Audit

    def take(self) -> Manifest:
        """Write the parts, read them back, write the manifest."""
        release = self._release
        now = self.host.api.now.astimezone(UTC)
        identifier = f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"
        pair = fresh_pair() if self.spec.snapshots.recipients else None
        pods, reach = look(self.host.api, self.spec).pods, self.host.reach(self.spec)
        try:
            with source(self.spec, self.observation, pods, reach) as found:
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
                    kubernetes_version=live_as_data(self.observation)["kubernetes"],
                    revision=found.revision,
                    contents=Contents(0, ""),
                    recipients=self.spec.snapshots.recipients,
                    parts={},
                    run=self.audit.run,
                    by=self.audit.by,
                    reason=self.audit.reason,
                    verified_at=now,
                )
                manifest = self._written(manifest, found, release, pair)
                manifest = self._read_back(manifest, found, pair)
            self.lock.check()
            self.repository.publish(manifest)
        except BaseException:
            with suppress(FleetError):  # the next run sweeps
                self.repository.delete(identifier)
            raise
        return manifest

    def _written(
        self, manifest: Manifest, found: Source, release: Release, pair: Pair | None
    ) -> Manifest:
        """The manifest with the parts that are in the target now."""
        self.context.say(f"{self.spec.host}: writing the snapshot of {found.title}")
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

    @property
    def _release(self) -> Release:
        """The release that runs."""
        good = self.observation.last_good
        if good is None:
            raise FleetError(
                f"{self.spec.title}: its release is gone.",
                "Somebody uninstalled it during this run; run again.",
            )
        return good

    def _private(self, release: Release) -> bytes:
        """What the store does not hold and a restore needs: user values and the PKI (G27)."""
        path = f"/api/v1/namespaces/{self.spec.namespace}/secrets/{self.spec.name}-certs"
        certificates = (self.host.api.get(path).get("data")) or {}
        return _json({"values": release.values or {}, "certificates": certificates})

    def _read_back(self, manifest: Manifest, found: Source, pair: Pair | None) -> Manifest:
        """The manifest with what was found in the target.

        Raises:
            FleetError: It is not what the store holds.
        """
        self.context.say(f"{self.spec.host}: reading it back")
        identities = (pair.identity,) if pair else ()

        def read(name: str, part: Part) -> AbstractContextManager[IO[bytes]]:
            return self.repository.read(
                manifest.id, name, part, identities, encrypted=pair is not None
            )

        with read(PRIVATE, manifest.parts[PRIVATE]) as content:
            json.loads(_whole(content))
        with read(DATA, manifest.parts[DATA]) as content, _spooled(content) as file:
            inspected = inspect(file)
        if inspected.revision < found.revision:
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


@contextmanager
def _spooled(content: IO[bytes]) -> Iterator[IO[bytes]]:
    """The content as a file without a name: a database is not read in the order in which it is written."""
    with tempfile.TemporaryFile() as file:
        try:
            shutil.copyfileobj(content, file, PIECE)
        except OSError as error:
            place = tempfile.gettempdir()
            raise FleetError(
                f"The snapshot cannot be unpacked in {place} for its check: {error.strerror or error}.",
                "Make room there, or set TMPDIR to a folder that has it.",
            ) from error
        yield file


def _whole(content: IO[bytes]) -> bytes:
    found = io.BytesIO()
    shutil.copyfileobj(content, found, PIECE)
    return found.getvalue()


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True).encode()
