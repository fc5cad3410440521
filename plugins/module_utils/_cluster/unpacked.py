# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The data of a snapshot as a file that was read and found whole: the one place that tells the ways apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from .._core.contents import Contents, Held, Snapshot
from .._core.etcd import KeyChange, KeyValue
from .._core.snapshot import Way
from . import etcd_file, key_archive, sqlite_file
from .streams import spooled


@dataclass(frozen=True)
class _Form:
    """How the data of one way is read.

    Attributes:
        inspect: Reads all of it and says what is in it.
        live: What it holds.
        named: What reads it needs a file with a name.
    """

    inspect: Callable[[IO[bytes]], Snapshot]
    live: Callable[[IO[bytes]], Iterator[Held]]
    named: bool = False


_FORMS: Mapping[Way, _Form] = {
    "etcd": _Form(etcd_file.inspect, etcd_file.live),
    "sqlite": _Form(sqlite_file.inspect, sqlite_file.live, named=True),
    "keys": _Form(key_archive.inspect, key_archive.live),
}


@contextmanager
def unpacked(way: Way, content: IO[bytes]) -> Iterator[tuple[IO[bytes], Snapshot]]:
    """The data and what is in it.

    Raises:
        FleetError: It was cut off or altered.
    """
    form = _FORMS[way]
    with spooled(content, named=form.named) as file:
        yield file, form.inspect(file)


def live(way: Way, file: IO[bytes]) -> Iterator[KeyValue]:
    """The live keys and values of unpacked data."""
    return ((key, value) for key, value, _lease in _FORMS[way].live(file))


def lasting(way: Way, file: IO[bytes]) -> Iterator[KeyValue]:
    """Those of them that no lease ends."""
    return ((key, value) for key, value, lease in _FORMS[way].live(file) if not lease)


@dataclass(frozen=True)
class Ready:
    """Data as it goes into a store.

    Attributes:
        way: Its form.
        lasting: What the store has to hold then, less what leases end.
        revision: What the store has to reach (G61).
        raise_by: What the store has still to raise its revision by.
        changes: What has still to be changed in the store.
    """

    way: Way
    file: IO[bytes]
    lasting: Contents
    revision: int
    raise_by: int
    changes: Callable[[], Iterator[KeyChange]]


@contextmanager
def prepared(
    way: Way,
    into: Way,
    file: IO[bytes],
    found: Snapshot,
    raise_by: int,
    changes: Callable[[], Iterator[KeyChange]],
) -> Iterator[Ready]:
    """Unpacked data, made ready for a store.

    Args:
        into: The form that the store takes; `keys`: it takes each for itself, and has had its own revisions.
        found: What is in the data.
        raise_by: What its revision is raised by (G61).
        changes: What has to be different in the store.
    """
    raised = found.revision + raise_by
    if into == "keys":
        yield Ready(way, file, found.lasting, found.revision, 0, changes)
    elif into == "etcd":
        yield Ready(way, file, found.lasting, raised, raise_by, changes)
    else:
        database = (
            sqlite_file.prepared(file, raise_by, changes())
            if way == into
            else sqlite_file.built(lasting(way, file), raised, changes())
        )
        with database as ready:
            held = sqlite_file.inspect(ready).lasting
            yield Ready(into, ready, held, raised, 0, lambda: iter(()))
