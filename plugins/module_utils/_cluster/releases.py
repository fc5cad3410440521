# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Helm's releases as they lie in the cluster: Secrets `sh.helm.release.v1.NAME.vREVISION`, one a revision.

A Secret is large (the chart is inside), so everything that its labels tell is taken from its metadata alone.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from .._core.care import Point
from .._core.errors import FleetError
from .._core.migration import Migration, migration_of
from .._core.observation import SCALED_LABEL, Applied, Proved, Release, Scaled
from .._core.ports import Api, Json
from .workloads import workloads_in

_SCALED = re.compile(r"(?P<replicas>\d{1,4})-at-(?P<at>\d{1,12})")
APPLIED_LABEL = "fleetops.vcluster/applied"
PROVED_ANNOTATION = "fleetops.vcluster/proved-at"
CERTIFICATES_ANNOTATION = "fleetops.vcluster/certificates-end"
CARE_ANNOTATION = "fleetops.vcluster/store-care"
_APPLIED = re.compile(r"(?P<digest>[0-9a-f]{20})-r(?P<revision>[1-9][0-9]*)")
_GOOD = frozenset({"deployed", "superseded"})


@dataclass(frozen=True)
class History:
    """The revisions of one release that matter.

    Attributes:
        release: The newest one that Helm has not superseded.
        base: The newest one that was proved.
        last_good: The newest one that Helm calls deployed or superseded.
    """

    release: Release | None = None
    base: Release | None = None
    last_good: Release | None = None


def release_of(metadata: Mapping[str, Any]) -> Release:
    """A revision from the metadata of its Secret.

    The label `applied` counts only on the revision it names: Helm copies labels into the next revision.
    """
    labels = metadata.get("labels") or {}
    revision = int(labels.get("version") or 0)
    match = _APPLIED.fullmatch(labels.get(APPLIED_LABEL, ""))
    applied = None
    if match and int(match["revision"]) == revision:
        applied = Applied(match["digest"], revision)
    modified = labels.get("modifiedAt") or labels.get("createdAt") or "0"
    proved = _proved(metadata.get("annotations") or {})
    scaled = None
    if found := _SCALED.fullmatch(labels.get(SCALED_LABEL, "")):
        scaled = Scaled(int(found["replicas"]), int(found["at"]))
    status = labels.get("status", "")
    return Release(revision, status, applied, proved, modified=int(modified), scaled=scaled)


def _proved(annotations: Mapping[str, str]) -> Proved | None:
    """The last proof; annotations stay with their revision, Helm carries none over."""
    at = _moment(annotations.get(PROVED_ANNOTATION, ""))
    if at is None:
        return None
    ends, care = annotations.get(CERTIFICATES_ANNOTATION, ""), annotations.get(CARE_ANNOTATION, "")
    return Proved(at, _moment(ends), care)


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def newest(releases: Iterable[Release]) -> Release | None:
    """The newest of the revisions that Helm has not superseded."""
    live = [release for release in releases if release.status != "superseded"]
    return max(live, key=lambda release: release.revision, default=None)


def history(api: Api, namespace: str, name: str) -> History:
    """Read the revisions of a release that matter, in full."""
    path = f"/api/v1/namespaces/{namespace}/secrets"
    query = {"labelSelector": f"owner=helm,name={name}"}
    found = [release_of(item["metadata"]) for item in api.list(path, query, metadata_only=True)]
    found.sort(key=lambda release: release.revision)
    wanted = (
        newest(found),
        next((release for release in reversed(found) if release.applied), None),
        next((release for release in reversed(found) if release.status in _GOOD), None),
    )
    full = {
        release.revision: _read(api, namespace, name, release)
        for release in {release.revision: release for release in wanted if release}.values()
    }
    return History(*(full[release.revision] if release else None for release in wanted))


def decode(text: str, what: str) -> Json:
    """The release inside a Secret: base64 of Kubernetes around base64 of Helm around gzipped JSON.

    Raises:
        FleetError: It is damaged.
    """
    try:
        packed = base64.b64decode(base64.b64decode(text))
        if packed.startswith(b"\x1f\x8b"):
            packed = gzip.decompress(packed)
        document = json.loads(packed)
    except (ValueError, OSError, EOFError) as error:
        raise FleetError(
            f"{what} cannot be decoded: {error}.",
            "Helm cannot read it either; roll back to an earlier revision or delete this one.",
        ) from error
    if not isinstance(document, dict):
        raise FleetError(f"{what} holds no release.")
    return document


def secret_path(namespace: str, name: str, revision: int) -> str:
    """API path of a revision's Secret."""
    return f"/api/v1/namespaces/{namespace}/secrets/sh.helm.release.v1.{name}.v{revision}"


def forget(api: Api, namespace: str, name: str, revision: int) -> None:
    """Delete the Secret of a revision, so that Helm goes on from the one before; objects stay as they are."""
    api.delete(secret_path(namespace, name, revision))


def mark(
    api: Api,
    namespace: str,
    name: str,
    revision: int,
    digest: str,
    foreign: Sequence[str],
    proved: Proved,
) -> None:
    """Write down that a revision was proved, and what is foreign in its values.

    Foreign first: a run that is killed in between leaves no label, and the next one proves again.
    """
    known = noted(api, namespace, name)
    saved = {number: found for number, found in known.snapshots.items() if number != revision}
    _write(api, namespace, name, Notes({**known.foreign, revision: tuple(foreign)}, saved))
    label = {APPLIED_LABEL: f"{digest}-r{revision}"}
    metadata = {"labels": label, "annotations": _annotations(proved)}
    api.merge(secret_path(namespace, name, revision), {"metadata": metadata})


def note_proof(api: Api, namespace: str, name: str, revision: int, proved: Proved) -> None:
    """Write down that a revision was proved again."""
    metadata = {"annotations": _annotations(proved)}
    api.merge(secret_path(namespace, name, revision), {"metadata": metadata})


def _annotations(proved: Proved) -> dict[str, str | None]:
    end = proved.certificates_end
    return {
        PROVED_ANNOTATION: proved.at.isoformat(timespec="seconds"),
        CERTIFICATES_ANNOTATION: end.isoformat(timespec="seconds") if end else None,
        CARE_ANNOTATION: proved.care or None,
    }


def note_snapshot(api: Api, namespace: str, name: str, revision: int, snapshot: str) -> None:
    """Write down the snapshot with which a hop from a revision goes back to it."""
    known = noted(api, namespace, name)
    _write(api, namespace, name, replace(known, snapshots={**known.snapshots, revision: snapshot}))


# Helm replaces a revision's Secret when it supersedes it: labels survive that, annotations do not.
# So what later runs need of a revision stands on the vCluster's Lease.
FOREIGN_ANNOTATION = "fleetops.vcluster/foreign"
SNAPSHOTS_ANNOTATION = "fleetops.vcluster/way-back"
POINTS_ANNOTATION = "fleetops.vcluster/store-size"
MIGRATION_ANNOTATION = "fleetops.vcluster/migration"
KEPT_REVISIONS = 10


@dataclass(frozen=True)
class Notes:
    """What the Lease of a vCluster tells of its revisions.

    Attributes:
        foreign: The JSON pointers of foreign values, by revision.
        snapshots: The id of the snapshot with which a hop goes back, by the revision it goes back to.
        points: How much the store held at earlier looks, oldest first.
        migration: The latest store migration; None without one.
    """

    foreign: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    snapshots: Mapping[int, str] = field(default_factory=dict)
    points: tuple[Point, ...] = ()
    migration: Migration | None = None


def lease_name(name: str) -> str:
    """Name of the Lease that this collection keeps for a vCluster."""
    return f"vcluster-{name}-fleetops"


def noted(api: Api, namespace: str, name: str) -> Notes:
    """What was written down of the revisions.

    Raises:
        FleetError: Somebody damaged it.
    """
    lease = api.find(f"{_leases(namespace)}/{lease_name(name)}") or {}
    found = lease.get("metadata", {}).get("annotations") or {}
    without = {
        FOREIGN_ANNOTATION: "values that nobody asked for are then shown as removed",
        SNAPSHOTS_ANNOTATION: "a hop that is not proved yet then has no way back",
    }
    foreign, saved = (
        _by_revision(
            found.get(key, "{}"),
            f"Annotation {key} of Lease {namespace}/{lease_name(name)}",
            f"Remove it; {loss}.",
        )
        for key, loss in without.items()
    )
    return Notes(
        {revision: tuple(map(str, paths)) for revision, paths in foreign.items()},
        {revision: str(snapshot) for revision, snapshot in saved.items()},
        _points(found.get(POINTS_ANNOTATION, "[]")),
        migration_in(lease),
    )


def migration_in(lease: Json) -> Migration | None:
    """What the Lease of a vCluster tells of its latest store migration; an empty one tells of none.

    Raises:
        FleetError: Somebody damaged it. It decides which of two stores has the tenant's data, so it is not passed over.
    """
    metadata = lease.get("metadata") or {}
    text = (metadata.get("annotations") or {}).get(MIGRATION_ANNOTATION)
    if text is None:
        return None
    try:
        return migration_of(json.loads(text))
    except (ValueError, TypeError, KeyError) as error:
        raise FleetError(
            f"Annotation {MIGRATION_ANNOTATION} of Lease {metadata['namespace']}/{metadata['name']} was damaged.",
            "It says which store has the tenant's data. See which one the release's values name, and whether its "
            "control plane was let in there; then remove the annotation.",
        ) from error


def _points(text: str) -> tuple[Point, ...]:
    """They only tell how fast it grows: where somebody damaged them, that begins anew."""
    try:
        return tuple(Point(int(at), int(used)) for at, used in json.loads(text))
    except (ValueError, TypeError):
        return ()


def _by_revision(text: str, what: str, way_out: str) -> dict[int, Any]:
    try:
        return {int(revision): kept for revision, kept in json.loads(text).items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise FleetError(f"{what} was damaged.", way_out) from error


def with_notes(found: History, notes: Notes) -> History:
    """The history with what was written down of each revision."""

    def fill(release: Release | None) -> Release | None:
        return release and replace(
            release,
            foreign=notes.foreign.get(release.revision, ()),
            snapshot=notes.snapshots.get(release.revision, ""),
        )

    return History(fill(found.release), fill(found.base), fill(found.last_good))


def _write(api: Api, namespace: str, name: str, notes: Notes) -> None:
    kept = {
        FOREIGN_ANNOTATION: notes.foreign,
        SNAPSHOTS_ANNOTATION: notes.snapshots,
    }
    annotations = {
        key: json.dumps(dict(sorted(found.items())[-KEPT_REVISIONS:]), separators=(",", ":"))
        for key, found in kept.items()
    }
    _annotate(api, namespace, name, annotations)


def note_migration(api: Api, namespace: str, name: str, migration: Migration | None) -> None:
    """Write down how far a store migration came; None forgets it."""
    text = json.dumps(migration.as_data, separators=(",", ":")) if migration else None
    _annotate(api, namespace, name, {MIGRATION_ANNOTATION: text})


def note_points(api: Api, namespace: str, name: str, points: Sequence[Point]) -> None:
    """Write down how much the store held at these moments."""
    text = json.dumps([[point.at, point.used] for point in points], separators=(",", ":"))
    _annotate(api, namespace, name, {POINTS_ANNOTATION: text})


def _annotate(api: Api, namespace: str, name: str, annotations: Mapping[str, str | None]) -> None:
    metadata = {"annotations": dict(annotations)}
    path = _leases(namespace)
    if api.find(f"{path}/{lease_name(name)}"):
        api.merge(f"{path}/{lease_name(name)}", {"metadata": metadata})
        return
    lease = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": lease_name(name), **metadata},
        "spec": {},
    }
    api.create(path, lease)


def _leases(namespace: str) -> str:
    return f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"


def _read(api: Api, namespace: str, name: str, release: Release) -> Release:
    path = secret_path(namespace, name, release.revision)
    what = f"Helm release Secret {namespace}/{path.rsplit('/', 1)[-1]}"
    document = decode(str((api.get(path).get("data") or {}).get("release", "")), what)
    manifest = str(document.get("manifest", ""))
    return replace(
        release,
        chart_version=str(document.get("chart", {}).get("metadata", {}).get("version", "")),
        values=document.get("config") or {},
        manifest=manifest,
        workloads=tuple(workloads_in(manifest)),
        description=str(document.get("info", {}).get("description", "")),
    )
