# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The manifest of a snapshot: what it is of, what is in it, and how anyone can tell that it is whole."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from .contents import Contents
from .errors import FleetError
from .moments import moment_text
from .spec import Spec

FORMAT = 1
ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")
Way = Literal["etcd", "sqlite", "keys"]
_SHA256 = re.compile(r"[0-9a-f]{64}")


def fresh_id(now: datetime) -> str:
    """An id of this moment that no other has."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def taken_at(identifier: str) -> datetime:
    """The moment in an id. ValueError when it is none."""
    return datetime.strptime(identifier.partition("-")[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


@dataclass(frozen=True)
class Part:
    """A file of a snapshot, as it lies in the target.

    Attributes:
        size: Bytes.
        sha256: 64 hex digits.
    """

    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """A snapshot that was fetched again, opened, counted and hashed. It is written last: without it there is none.

    Nothing in it is secret; values and certificates are in the part `private`.

    Attributes:
        id: Time and a random end; sorts by time.
        cluster: The host cluster, by the name of its group.
        taken_at: By the host cluster's clock.
        way: `etcd`: a database as `etcdctl snapshot save` writes it. `sqlite`: kine's database as one SQLite file.
            `keys`: the vendor's portable archive.
        store: `vcluster_store.type`.
        store_version: Version of the store's server; empty where it tells none.
        kubernetes_version: Of the tenant.
        revision: Of the store.
        contents: Count and digest of the keys.
        recipients: Who can open it (age recipients); none: it is not encrypted.
        parts: `data`, and `private` with values and certificates.
        run: The run that took it.
        by: The person.
        reason: The ticket, or whatever was given.
        safety_of: Id of the snapshot before whose restore it was taken, or `survivor` for what was left of a store
            without a quorum; empty for one that was asked for.
        verified_at: When it was read back, by the controller's clock.
    """

    id: str
    name: str
    namespace: str
    cluster: str
    taken_at: datetime
    way: Way
    store: str
    store_version: str
    chart_version: str
    kubernetes_version: str
    revision: int
    contents: Contents
    recipients: tuple[str, ...]
    parts: Mapping[str, Part]
    run: str
    by: str
    reason: str
    safety_of: str
    verified_at: datetime

    def is_of(self, spec: Spec) -> bool:
        """Whether it was taken of this vCluster."""
        return (self.cluster, self.namespace, self.name) == (
            spec.cluster,
            spec.namespace,
            spec.name,
        )


def to_text(manifest: Manifest) -> str:
    """The manifest as JSON."""
    document = {"format": FORMAT, **asdict(manifest)}
    return json.dumps(document, indent=1, sort_keys=True, default=_written) + "\n"


def from_text(text: str, place: str) -> Manifest:
    """A manifest that was written once.

    Args:
        place: Where it lies, for messages.

    Raises:
        FleetError: It is damaged, or of a newer version of this collection.
    """
    try:
        document = json.loads(text)
        if isinstance(document, dict) and isinstance(found := document.get("format"), int):
            if found > FORMAT:
                raise FleetError(
                    f"The manifest {place} has the format {found}; this version reads up to {FORMAT}.",
                    "Use the version of this collection that took the snapshot, or a later one.",
                )
            return _read(document)
        raise ValueError("it has no format")
    except (KeyError, TypeError, ValueError) as error:
        why = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise FleetError(
            f"The manifest {place} is damaged: {why}.", "Use another snapshot."
        ) from error


def _read(document: Mapping[str, Any]) -> Manifest:
    if not ID.fullmatch(document["id"]):
        raise ValueError(f"{document['id']!r} is no id")
    if document["way"] not in get_args(Way):
        raise ValueError(f"{document['way']!r} is no way to take one")
    texts = (
        "id", "name", "namespace", "cluster", "way", "store", "store_version", "chart_version",
        "kubernetes_version", "run", "by", "reason", "safety_of",
    )  # fmt: skip
    contents = document["contents"]
    return Manifest(
        **{key: str(document[key]) for key in texts},  # type: ignore[arg-type]
        taken_at=_moment(document["taken_at"]),
        verified_at=_moment(document["verified_at"]),
        revision=int(document["revision"]),
        contents=Contents(int(contents["keys"]), _digest(contents["digest"])),
        recipients=tuple(map(str, document["recipients"])),
        parts={
            str(name): Part(int(part["size"]), _digest(part["sha256"]))
            for name, part in document["parts"].items()
        },
    )


def _digest(text: str) -> str:
    if not _SHA256.fullmatch(text):
        raise ValueError(f"{text!r} is no digest")
    return text


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return found


def _written(value: object) -> str:
    if not isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} is no JSON")
    return moment_text(value)
