# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ports to the databases that keep kine's table: SQLite in a volume, PostgreSQL and MySQL on servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import IO, Protocol


class Copied(Protocol):
    """A database of kine, as one SQLite file."""

    def snapshot(self) -> Iterator[bytes]:
        """All that was committed before this began, as one file in pieces.

        Raises:
            Unsettled: No copy could be proved consistent while the control plane writes.
        """

    def count(self, revision: int) -> int | None:
        """How many keys the latest copy held; it has one state only."""


@dataclass(frozen=True)
class Whole:
    """A file that is complete.

    Attributes:
        opened: Opens it.
        size: Bytes.
        sha256: Its sum, 64 hex digits.
    """

    opened: Callable[[], AbstractContextManager[IO[bytes]]]
    size: int
    sha256: str


@dataclass(frozen=True)
class FileSizes:
    """Bytes of a database's file and of its volume.

    Attributes:
        free: Of the file, that hold nothing.
        left: Of the volume, that nothing has taken yet.
    """

    size: int
    free: int
    left: int


class Database(Copied, Protocol):
    """The SQLite database in the volume of a control plane, copied by a pod on its claim."""

    def sizes(self) -> FileSizes:
        """What its header and its volume say; it may be written to meanwhile.

        Raises:
            Unsettled: No second pod gets to the volume.
        """

    def rewritten(self) -> tuple[Whole, ...]:
        """What takes its place, one after the other: itself in one file where a log is beside it, and without what is
        free. Both are checked, and hold the same; they are there until the database is closed.

        Raises:
            FleetError: The control plane runs, or the database is damaged.
        """


@dataclass(frozen=True)
class SqlState:
    """What a database server says of itself and of kine's table.

    Attributes:
        server: Product and version, for example `PostgreSQL 15.18`.
        owner: The vCluster that the database was made for, as its mark says; empty without one.
        revision: The highest `id`.
        compacted: The revision up to which was compacted; 0 before the first time.
        rows: Of the table, as the server estimates them.
        size: Bytes of the table with its indexes.
        connections: Of this user now.
        limit: The most it may have; 0 without a limit.
        writable: Whether the server takes writes of this user.
    """

    server: str
    owner: str
    revision: int
    compacted: int
    rows: int
    size: int
    connections: int
    limit: int
    writable: bool


class SqlDatabase(Copied, Protocol):
    """A database on a server. Raises FleetError, with the server's words and never with the password."""

    @property
    def title(self) -> str:
        """What messages call it."""

    def state(self) -> SqlState:
        """See SqlState."""

    def used(self) -> bool:
        """Whether a control plane ever wrote to it, as far as it was not compacted."""

    def clear(self) -> None:
        """Remove what a control plane wrote to the table."""

    def refill(self, content: IO[bytes]) -> None:
        """Replace what the table holds with what kine's table in an SQLite file holds, all or nothing.

        No kine may run meanwhile: it remembers the revision.
        """
