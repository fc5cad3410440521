# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ports to the databases that keep kine's table: SQLite in a volume, PostgreSQL and MySQL on servers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Protocol


class Database(Protocol):
    """The SQLite database in the volume of a control plane, copied by a pod on its claim."""

    def snapshot(self) -> Iterator[bytes]:
        """All that was committed before this began, as one file in pieces.

        Raises:
            Unsettled: No copy could be proved consistent while the control plane writes.
        """

    def count(self, revision: int) -> int | None:
        """How many keys the latest copy held; it has one state only."""


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


class SqlDatabase(Database, Protocol):
    """A database on a server. Raises FleetError, with the server's words and never with the password."""

    @property
    def title(self) -> str:
        """What messages call it."""

    def state(self) -> SqlState:
        """See SqlState."""

    def refill(self, content: IO[bytes]) -> None:
        """Replace what the table holds with what kine's table in an SQLite file holds, all or nothing.

        No kine may run meanwhile: it remembers the revision.
        """
