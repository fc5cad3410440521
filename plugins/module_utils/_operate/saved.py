# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What can be restored: a snapshot in a target, or an archive of the vendor's, on the controller or in a bucket."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

from .._cluster import key_archive
from .._cluster.repository import Repository
from .._cluster.streams import whole
from .._cluster.unpacked import unpacked
from .._core.contents import Snapshot
from .._core.errors import FleetError
from .._core.s3_url import parse
from .._core.snapshot import Manifest
from .._core.spec import Spec
from .._plan.guards.snapshots import origin_findings
from .context import Context
from .planning import accepted
from .taking import CERTIFICATES, DATA, PRIVATE, VALUES

LATEST = "latest"


@dataclass(frozen=True)
class Saved:
    """One of them.

    Attributes:
        manifest: What is known of it.
        opened: Opens its data.
        private: Reads the part that the store does not hold.
    """

    manifest: Manifest
    opened: Callable[[], AbstractContextManager[IO[bytes]]]
    private: Callable[[], Mapping[str, Any]]

    @cached_property
    def values(self) -> Mapping[str, Any]:
        """User values then."""
        found: Mapping[str, Any] = self._parts[VALUES]
        return found

    @cached_property
    def certificates(self) -> Mapping[str, str] | None:
        """The entries of Secret NAME-certs then; None where they were not saved."""
        found: Mapping[str, str] | None = self._parts[CERTIFICATES]
        return found

    @contextmanager
    def data(self) -> Iterator[tuple[IO[bytes], Snapshot]]:
        """The data, read to its end and compared with the manifest.

        Raises:
            FleetError: It was cut off or altered, no key opens it, or it is not what the manifest says.
        """
        wanted = self.manifest
        with self.opened() as content, unpacked(wanted.way, content) as (file, found):
            if (found.revision, found.contents) != (wanted.revision, wanted.contents):
                raise FleetError(
                    f"Snapshot {wanted.id} of vCluster {wanted.namespace}/{wanted.name} holds "
                    f"{found.contents.keys} keys at revision {found.revision}, which is not what its manifest says.",
                    "Use another snapshot.",
                )
            yield file, found

    @cached_property
    def _parts(self) -> Mapping[str, Any]:
        return self.private()


def saved_of(spec: Spec, context: Context, wanted: str) -> Saved:
    """What is asked for.

    Args:
        wanted: The id of a snapshot, or `latest`: the newest one that was asked for. What an earlier restore saved
            before it began is what that restore was to get rid of. An archive is the latest and only one.

    Raises:
        FleetError: There is no such snapshot, or the archive cannot be read.
    """
    archive = spec.snapshots.origin.archive
    if archive:
        found = of_archive(spec, context, archive)
        if wanted in (LATEST, found.manifest.id):
            return found
        raise FleetError(
            f"{spec.title}: vcluster_snapshots.from names the archive {archive}, and snapshot {wanted} is asked for.",
            "Ask for latest, or leave the archive out.",
        )
    repository = Repository(context.target(spec), spec.origin)
    return of_snapshot(spec, repository, _chosen(spec, repository, wanted))


def known(spec: Spec, context: Context) -> tuple[list[Manifest], list[str]]:
    """All that could be asked for, oldest first, and what is wrong with those that cannot be read."""
    archive = spec.snapshots.origin.archive
    if archive:
        return [of_archive(spec, context, archive).manifest], []
    return Repository(context.target(spec), spec.origin).manifests()


def of_snapshot(spec: Spec, repository: Repository, manifest: Manifest) -> Saved:
    """A snapshot in a target; it is opened with the key of the inventory."""
    identity = spec.snapshots.identity

    def part(name: str) -> AbstractContextManager[IO[bytes]]:
        return repository.read(
            manifest.id,
            name,
            manifest.parts[name],
            (identity,) if identity else (),
            encrypted=bool(manifest.recipients),
        )

    def private() -> Mapping[str, Any]:
        with part(PRIVATE) as content:
            found: Mapping[str, Any] = json.loads(whole(content))
        return found

    return Saved(manifest, partial(part, DATA), private)


def of_archive(spec: Spec, context: Context, named: str) -> Saved:
    """An archive of the vendor's. It holds no certificates: those of the vCluster stay.

    Args:
        named: Its path on the controller, or its URL.

    Raises:
        Refused: It is in another bucket than that of the inventory.
        FleetError: It cannot be read, is damaged, holds nothing, or is of another vCluster than the inventory says.
    """
    archive = _archive(spec, context, named)
    with archive.opened() as content, unpacked("keys", content) as (file, found):
        release = key_archive.release(file)
    origin = spec.origin
    of = f"{release.namespace}/{release.name}" if release else "unknown"
    # An archive that does not say it is believed to be what the inventory says, where that says anything.
    if of != f"{origin.namespace}/{origin.name}" and (release or not spec.snapshots.origin.name):
        raise FleetError(
            f"{spec.title}: the archive {archive.title} is of vCluster {of}, and not of "
            f"{origin.namespace}/{origin.name}.",
            "Set name and namespace of vcluster_snapshots.from to those of the vCluster that was saved.",
        )
    if not found.contents.keys:
        raise FleetError(
            f"{spec.title}: the archive {archive.title} holds no keys.",
            "A vCluster that is restored from it would be empty. Use another one.",
        )
    written = archive.written()
    manifest = Manifest(
        id=archive.name,
        name=origin.name,
        namespace=origin.namespace,
        cluster=origin.cluster,
        taken_at=written,
        way="keys",
        store="",
        store_version="",
        chart_version=release.chart_version if release else "",
        kubernetes_version="",
        revision=found.revision,
        contents=found.contents,
        recipients=(),
        parts={},
        run="",
        by="",
        reason="",
        safety_of="",
        verified_at=written,
    )
    values = release.values if release else {}
    return Saved(manifest, archive.opened, lambda: {VALUES: values, CERTIFICATES: None})


@dataclass(frozen=True)
class _Archive:
    """A file that another tool wrote.

    Attributes:
        title: What messages call it.
        name: Its last name.
        opened: Opens it.
        written: When it was written.
    """

    title: str
    name: str
    opened: Callable[[], AbstractContextManager[IO[bytes]]]
    written: Callable[[], datetime]


def _archive(spec: Spec, context: Context, named: str) -> _Archive:
    accepted(spec, origin_findings(spec), context)
    url, s3 = parse(named), spec.snapshots.s3
    if url is None or s3 is None:
        path = Path(named)
        return _Archive(named, path.name, partial(_read, path), partial(_written, path))
    # It may lie anywhere in the bucket.
    everywhere = replace(spec.snapshots, s3=replace(s3, prefix=""))
    target = context.target(replace(spec, snapshots=everywhere))
    name = PurePosixPath(url.key).name
    return _Archive(named, name, partial(target.open, url.key), partial(target.written, url.key))


@contextmanager
def _read(path: Path) -> Iterator[IO[bytes]]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise FleetError(
            f"The archive {path} cannot be read: {error.strerror}.",
            "Check vcluster_snapshots.from.archive; it is a path on the controller, or an s3:// URL.",
        ) from error


def _written(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _chosen(spec: Spec, repository: Repository, wanted: str) -> Manifest:
    found, errors = repository.manifests()
    fitting = [
        manifest
        for manifest in found
        if manifest.id == wanted or (wanted == LATEST and not manifest.safety_of)
    ]
    if fitting:
        return fitting[-1]
    what = "no snapshot" if wanted == LATEST else f"no snapshot {wanted}"
    others = f" There are: {', '.join(manifest.id for manifest in found[-5:])}." if found else ""
    raise FleetError(
        f"{spec.title}: {what} is in the {repository.title}.{others}",
        " ".join(errors) or "fleetops.vcluster.snapshot_info lists them.",
    )
