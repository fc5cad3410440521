# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The vendor's portable archive of a store: a gzipped tar with one member a key (0.23 to 0.36, pkg/snapshot/client.go).

Names are keys (`/registry/...`), contents are values. The first members describe the snapshot and are no keys. Read and
written as a stream: an archive of gigabytes takes no memory.
"""

from __future__ import annotations

import base64
import gzip
import json
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO

from .._core.contents import Contents, Held, Snapshot, Tally, snapshot_of
from .._core.errors import FleetError
from .._core.etcd import KeyValue
from .._core.ports import Json
from .libraries import parse, yaml

KEYS = b"/"  # what the vendor's tool saves and restores; other keys are bookkeeping of the store
ABOUT = b"/vcluster/snapshot/"  # members below it are no keys of the store
RELEASE = f"{ABOUT.decode()}release"
DATABASE = ABOUT + b"db"  # an embedded etcd as a whole, instead of its keys (since 0.35)
BLOCK = 512
LEVEL = 3  # what the vendor's own tool uses: more costs much and saves little
LARGEST = 512 * 1024 * 1024  # of one value; etcd takes 1.5 MiB by default
# Kubernetes writes these with a lease (registry/core/event, controlplane/reconcilers); an archive does not tell it.
LEASED = (b"/registry/events/", b"/registry/masterleases/")
_END = bytes(BLOCK)
_SIZE, _CHECKSUM, _TYPE = slice(124, 136), slice(148, 156), slice(156, 157)
_FILE, _PAX, _LONG_NAME = (b"0", b"\0"), b"x", b"L"


@dataclass(frozen=True)
class Release:
    """The vCluster that an archive was taken of (0.36.1, pkg/snapshot/client.go).

    Attributes:
        values: User values.
    """

    name: str
    namespace: str
    chart: str
    chart_version: str
    values: Json


def inspect(file: IO[bytes]) -> Snapshot:
    """Read all of an archive. It tells no revision.

    Raises:
        FleetError: It was cut off or altered, or is no such archive.
    """
    return snapshot_of(0, live(file))


def live(file: IO[bytes]) -> Iterator[Held]:
    """What it holds, in the archive's order; raises as `inspect` does, at the end at the latest.

    A key that comes twice in a row counts as it came last: before 0.30.5 each page of 1,000 keys began with the last
    one of the page before (pkg/etcd/client.go).
    """
    file.seek(0)
    last: Held | None = None
    for name, value in _members(file):
        if name.startswith(ABOUT):
            continue
        if last is not None and last[0] != name:
            yield last
        last = name, value, int(name.startswith(LEASED))
    if last is not None:
        yield last


def release(file: IO[bytes]) -> Release | None:
    """What it says of the vCluster that it was taken of, which comes first; raises as `inspect` does."""
    file.seek(0)
    name, content = next(_members(file), (b"", b""))
    if name != RELEASE.encode():
        return None
    try:
        found = json.loads(content)
        values = parse(base64.b64decode(found.get("values") or "")) or {}
        return Release(
            found["releaseName"],
            found["releaseNamespace"],
            found.get("chartName", ""),
            found.get("chartVersion", ""),
            values,
        )
    except (ValueError, KeyError, AttributeError, yaml.YAMLError) as error:
        raise damaged(f"{RELEASE} cannot be read") from error


def write(file: IO[bytes], found: Iterable[KeyValue], release: Release) -> Contents:
    """Write an archive that the vendor's tool restores.

    Args:
        found: Keys and values.
    """
    tally = Tally()
    with gzip.GzipFile(
        filename="", mode="wb", compresslevel=LEVEL, fileobj=file, mtime=0
    ) as packed:
        _write_member(packed, RELEASE.encode(), json.dumps(said(release)).encode())
        for key, value in found:
            tally.add(key, value)
            _write_member(packed, key, value)
        packed.write(_END * 2)
    return tally.contents


def said(release: Release) -> Json:
    """A release as the vendor's tool says it; its values are YAML, of which JSON is a part."""
    return {
        "releaseName": release.name,
        "releaseNamespace": release.namespace,
        "chartName": release.chart,
        "chartVersion": release.chart_version,
        "values": base64.b64encode(json.dumps(release.values).encode()).decode(),
    }


def _write_member(packed: gzip.GzipFile, name: bytes, value: bytes) -> None:
    header = tarfile.TarInfo(name.decode(errors="surrogateescape"))
    header.size, header.mode = len(value), 0o666
    packed.write(header.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))
    packed.write(value)
    packed.write(bytes(-len(value) % BLOCK))


def _members(file: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Names and contents. Not by `tarfile`: it took 3.5 times as long for 20,000 values of 1 KB."""
    name = b""
    try:
        with gzip.GzipFile(fileobj=file, mode="rb") as packed:
            while (header := _exactly(packed, BLOCK)) != _END:
                if _name(header) == DATABASE:
                    raise FleetError(
                        "The archive holds the database of an embedded etcd, and not its keys.",
                        "The vendor's own tool restores it: vcluster restore.",
                    )
                size = _checked_size(header)
                value = _exactly(packed, size)
                _exactly(packed, -size % BLOCK)
                kind = header[_TYPE]
                if kind == _PAX:
                    name = _pax_path(value) or name
                elif kind == _LONG_NAME:
                    name = value.rstrip(b"\0")
                elif kind in _FILE:
                    yield name or _name(header), value
                    name = b""
                else:
                    raise damaged(f"it has a member of the kind {kind.decode(errors='replace')!r}")
            if _exactly(packed, BLOCK) != _END:
                raise damaged("it has no end")
            while packed.read(1 << 16):  # to the sum at the end of the compressed stream
                pass
    except (OSError, EOFError, zlib.error) as error:
        raise damaged(str(error).rstrip(".")) from error


def _exactly(packed: gzip.GzipFile, size: int) -> bytes:
    data = packed.read(size) if size else b""
    if len(data) < size:
        raise damaged("it was cut off")
    return data


def _checked_size(header: bytes) -> int:
    """The size of a member, of a header whose sum is right."""
    try:
        said = int(header[_CHECKSUM].rstrip(b"\0 "), 8)
        size = int(header[_SIZE].rstrip(b"\0 ") or b"0", 8)
    except ValueError as error:
        raise damaged("a header has no sum or size") from error
    if said != sum(header) - sum(header[_CHECKSUM]) + 8 * ord(" "):
        raise damaged("the sum of a header is wrong")
    if size > LARGEST:
        raise damaged(f"a value has {size} bytes")
    return size


def _name(header: bytes) -> bytes:
    name, prefix = header[:100].rstrip(b"\0"), header[345:500].rstrip(b"\0")
    return prefix + b"/" + name if prefix else name


def _pax_path(records: bytes) -> bytes:
    """The path among the records `LENGTH KEY=VALUE`, empty where there is none."""
    while records:
        length, _space, _rest = records.partition(b" ")
        try:
            size = int(length)
        except ValueError:
            size = 0
        if not len(length) < size <= len(records):
            raise damaged("a long name is cut off")
        key, _equals, value = records[len(length) + 1 : size - 1].partition(b"=")
        if key == b"path":
            return value
        records = records[size:]
    return b""


def damaged(what: str) -> FleetError:
    """The error of an archive that cannot be read."""
    return FleetError(f"The archive is damaged: {what}.", "Use another snapshot.")
