# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The data of a snapshot as a file that was read and found whole: the one place that tells the ways apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from .._core.contents import Contents, Snapshot
from .._core.errors import FleetError
from .._core.ports import KeyChange
from .._core.snapshot import Way
from . import etcd_file, sqlite_file
from .streams import spooled


@dataclass(frozen=True)
class _Form:
    """How the data of one way is read.

    Attributes:
        inspect: Reads all of it and says what is in it.
        live: Its live keys and values.
        named: What reads it needs a file with a name.
        made_here: It is made ready for a store here, raised and changed; otherwise the store's own tools do that.
    """

    inspect: Callable[[IO[bytes]], Snapshot]
    live: Callable[[IO[bytes]], Iterator[tuple[bytes, bytes]]]
    named: bool = False
    made_here: bool = False


_FORMS: Mapping[Way, _Form] = {
    "etcd": _Form(etcd_file.inspect, etcd_file.live),
    "sqlite": _Form(sqlite_file.inspect, sqlite_file.live, named=True, made_here=True),
}


@contextmanager
def unpacked(way: Way, content: IO[bytes]) -> Iterator[tuple[IO[bytes], Snapshot]]:
    """The data and what is in it.

    Raises:
        FleetError: It was cut off or altered.
    """
    form = _form(way)
    with spooled(content, named=form.named) as file:
        yield file, form.inspect(file)


def live(way: Way, file: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """The live keys and values of unpacked data."""
    return _form(way).live(file)


@dataclass(frozen=True)
class Ready:
    """Data as it goes into a store.

    Attributes:
        lasting: What the store has to hold then, less what leases end.
        raise_by: What the store has still to raise its revision by (G61).
        changes: What has still to be changed in the store.
    """

    file: IO[bytes]
    lasting: Contents
    raise_by: int
    changes: Callable[[], Iterator[KeyChange]]


@contextmanager
def prepared(
    way: Way,
    file: IO[bytes],
    found: Snapshot,
    raise_by: int,
    changes: Callable[[], Iterator[KeyChange]],
) -> Iterator[Ready]:
    """Unpacked data, made ready for a store.

    Args:
        found: What is in it.
        raise_by: What its revision is raised by (G61).
        changes: What has to be different in the store.
    """
    if not _form(way).made_here:
        yield Ready(file, found.lasting, raise_by, changes)
        return
    with sqlite_file.prepared(file, raise_by, changes()) as ready:
        yield Ready(ready, sqlite_file.inspect(ready).lasting, 0, lambda: iter(()))


def _form(way: Way) -> _Form:
    if way not in _FORMS:
        raise FleetError(
            f"Data of the form {way} is not read yet.", f"{', '.join(_FORMS)} can be read."
        )
    return _FORMS[way]
