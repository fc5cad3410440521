# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read an etcd snapshot, as `etcdctl snapshot save` writes it, without etcd (3.5 and 3.6: storage schema of mvcc).

The database keeps every change since the last compaction, ordered by revision, and no list of what is live. So the file
is walked twice: once to find the last change of each key, once for the values. What is remembered in between is a bit
for each change; the keys themselves go through small files.
"""

from __future__ import annotations

import hashlib
import os
import struct
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO

from .._core.contents import Held, Snapshot, snapshot_of
from .._core.wire import Malformed, varint
from .bolt import Bolt, damaged

CHANGES = b"key"  # the bucket of all changes (etcd 3.5 and 3.6, server/storage/schema/bucket.go)
_REVISION = struct.Struct(">QcQ")  # main revision, an underscore, sub revision
_TOMBSTONE = b"t"  # ends the revision of a deletion
_RECORD = struct.Struct("=16sQ")  # hash of the key, number of the change * 2 + whether it deletes
PARTS = 64  # each is in memory by itself: 4 MB of a million keys
SUM = 32  # bytes of the SHA-256 at the end of a snapshot
SECTOR = 512  # a database is a multiple of it: what is over is the sum
PIECE = 1 << 20
KEY_FIELD, VALUE_FIELD = 0x0A, 0x2A  # mvccpb.KeyValue: key 1, value 5, both length-delimited
LEASE_FIELD = 0x30  # lease 6
_OTHER_NUMBERS = frozenset({0x10, 0x18, 0x20})  # create_revision, mod_revision, version
_KEY_FIRST = bytes([KEY_FIELD])


def inspect(file: IO[bytes]) -> Snapshot:
    """Read all of a snapshot and check its sum.

    Raises:
        FleetError: It was cut off or altered.
    """
    database = _checked(file)
    index = _index(database)
    return snapshot_of(index.revision, _live(database, index))


def live(file: IO[bytes]) -> Iterator[Held]:
    """What a snapshot holds, ordered by the revision of the last change."""
    database = _checked(file)
    return _live(database, _index(database))


def _checked(file: IO[bytes]) -> Bolt:
    """The database of a snapshot whose sum is right."""
    _check_sum(file)
    return Bolt(file.fileno())


@dataclass(frozen=True)
class _Index:
    revision: int
    live: bytearray  # a bit for each change

    def has(self, number: int) -> bool:
        return bool(self.live[number >> 3] >> (number & 7) & 1)


def _index(database: Bolt) -> _Index:
    """Find the last change of every key."""
    revision, number = 0, -1
    with ExitStack() as stack:
        parts = [stack.enter_context(tempfile.TemporaryFile()) for _part in range(PARTS)]
        for number, (at, change) in enumerate(database.bucket(CHANGES)):
            revision, deletes = _revision(at)
            name = hashlib.blake2b(_key(change), digest_size=16).digest()
            parts[name[0] % PARTS].write(_RECORD.pack(name, number * 2 + deletes))
        found = bytearray(number // 8 + 1)
        for part in parts:
            for last in _last_changes(part):
                if not last & 1:
                    found[last >> 4] |= 1 << (last >> 1 & 7)
    return _Index(revision, found)


def _last_changes(part: IO[bytes]) -> Iterator[int]:
    part.seek(0)
    changes: dict[bytes, int] = {}
    while records := part.read(_RECORD.size * 4096):
        changes.update(_RECORD.iter_unpack(records))
    yield from changes.values()


def _live(database: Bolt, index: _Index) -> Iterator[Held]:
    for number, (_at, change) in enumerate(database.bucket(CHANGES)):
        # A change without a key is what `etcdutl snapshot restore --bump-revision` leaves: no key of the store.
        if index.has(number) and (record := _record(change))[0]:
            yield record


def _revision(at: bytes) -> tuple[int, bool]:
    """The main revision of a change, and whether it is a deletion."""
    size = _REVISION.size
    if len(at) < size or at[size:] not in (b"", _TOMBSTONE):
        raise damaged(f"{at!r} is no revision")
    return _REVISION.unpack_from(at)[0], len(at) > size


def _key(change: bytes) -> bytes:
    """The key of a change, which comes first in it."""
    if change[:1] != _KEY_FIRST:
        return b""
    size, at = _number(change, 1)
    return change[at : at + size]


def _record(change: bytes) -> Held:
    """What a change says; what it has not is empty or 0."""
    key = value = b""
    lease = at = 0
    end = len(change)
    while at < end:
        field = change[at]
        number, at = _number(change, at + 1)
        if field in (KEY_FIELD, VALUE_FIELD):
            content = change[at : at + number]
            at += number
            if at > end:
                raise damaged("a change is cut off")
            if field == KEY_FIELD:
                key = content
            else:
                value = content
        elif field == LEASE_FIELD:
            lease = number
        elif field not in _OTHER_NUMBERS:
            raise damaged(f"a change has the unknown field {field:#x}")
    return key, value, lease


def _number(change: bytes, at: int) -> tuple[int, int]:
    try:
        return varint(change, at)
    except Malformed as error:
        raise damaged("a change is cut off") from error


def _check_sum(file: IO[bytes]) -> None:
    """The SHA-256 that etcd appends to what it streams; a file copied from a data directory has none."""
    size = os.fstat(file.fileno()).st_size
    file.seek(0)
    if size % SECTOR != SUM:
        raise damaged("it has no sum at its end: it was cut off, or is no snapshot")
    found, left = hashlib.sha256(), size - SUM
    while left:
        piece = file.read(min(PIECE, left))
        found.update(piece)
        left -= len(piece)
    if file.read(SUM) != found.digest():
        raise damaged("its sum is not that of its content")
