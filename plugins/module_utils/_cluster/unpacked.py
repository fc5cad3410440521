# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The data of a snapshot as a file that was read and found whole: the one place that tells the ways apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from .._core.contents import Snapshot
from .._core.errors import FleetError
from .._core.snapshot import Way
from . import etcd_file, sqlite_file
from .streams import spooled


@dataclass(frozen=True)
class _Form:
    """How the data of one way is read.

    Attributes:
        inspect: Reads all of it and says what is in it.
        named: What reads it needs a file with a name.
        raises: It can be made another with a higher revision here; otherwise the store's own tool does that.
    """

    inspect: Callable[[IO[bytes]], Snapshot]
    named: bool = False
    raises: bool = False


_FORMS: Mapping[Way, _Form] = {
    "etcd": _Form(etcd_file.inspect),
    "sqlite": _Form(sqlite_file.inspect, named=True, raises=True),
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


@contextmanager
def raised(way: Way, file: IO[bytes], by: int) -> Iterator[tuple[IO[bytes], int]]:
    """The data as it goes into a store, and what the store has still to raise its revision by (G61)."""
    if not _form(way).raises:
        yield file, by
        return
    with sqlite_file.raised(file, by) as ready:
        yield ready, 0


def _form(way: Way) -> _Form:
    if way not in _FORMS:
        raise FleetError(
            f"Data of the form {way} is not read yet.", f"{', '.join(_FORMS)} can be read."
        )
    return _FORMS[way]
