# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""kine's table on a database server, asked with the credentials of kine's own user (see the port `SqlDatabase`).

The table is that of SQLite (0.17: pkg/drivers/generic), so a copy of it is such a file: it is read, raised and compared
as one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from .._core.databases import SqlState
from .._core.errors import FleetError, Unreachable
from . import sqlite_file
from .sql_servers import Credentials, server_of
from .streams import PIECE, spooled

LOT = 500  # rows of one INSERT
REVISION = "SELECT COALESCE(MAX(id), 0) FROM kine"
COMPACTED = "SELECT COALESCE(MAX(prev_revision), 0) FROM kine WHERE name = 'compact_rev_key'"
# What is acknowledged is committed, so all of it is seen; an id that is missing below the highest one was not.
NEWEST = """
    SELECT id, name, created, deleted, create_revision, prev_revision, lease, value
    FROM kine WHERE id IN (SELECT MAX(id) FROM kine GROUP BY name)
"""
HELD = """
    SELECT COUNT(*) FROM kine
    WHERE id IN (SELECT MAX(id) FROM kine GROUP BY name) AND deleted = 0 AND name <> 'compact_rev_key'
"""
# kine's own: compact_rev_key, and the key that it tries the table with (0.17, pkg/drivers/generic, healthcheck).
USED = """
    SELECT COUNT(*) FROM kine
    WHERE (name LIKE '/registry/%' OR name LIKE '/vcluster/%') AND name <> '/registry/health'
"""
CLEAR = """
    DELETE FROM kine
    WHERE (name LIKE '/registry/%' OR name LIKE '/vcluster/%') AND name <> '/registry/health'
"""
INSERT = """
    INSERT INTO kine (id, name, created, deleted, create_revision, prev_revision, lease, value)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""
OWNER = "SELECT owner FROM fleetops_owner"  # the mark; roles/backend_database makes it


class KineTable:
    """See SqlDatabase.

    Args:
        credentials: Of kine's user.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._server = server_of(credentials)
        self._held: int | None = None

    @property
    def title(self) -> str:
        """See SqlDatabase."""
        return self._credentials.title

    def state(self) -> SqlState:
        """See SqlDatabase."""
        server = self._server
        with self._session() as session:
            marked = self._one(session, server.marked)
            return SqlState(
                server=str(self._one(session, server.version)),
                owner=str(self._one(session, OWNER) or "") if marked else "",
                revision=int(self._one(session, REVISION)),
                compacted=int(self._one(session, COMPACTED)),
                rows=int(self._one(session, server.rows) or 0),
                size=int(self._one(session, server.size) or 0),
                connections=int(self._one(session, server.connections)),
                limit=max(0, int(self._one(session, server.limit) or 0)),
                writable=bool(self._one(session, server.writable)),
            )

    def used(self) -> bool:
        """See SqlDatabase."""
        with self._session() as session:
            return bool(self._one(session, USED))

    def snapshot(self) -> Iterator[bytes]:
        """See Database: one transaction that sees one moment."""
        with self._session() as session:
            for statement in self._server.begin_read:
                session.execute(statement)
            self._held = int(self._one(session, HELD))
            with (
                self._server.streamed(session, NEWEST) as rows,
                sqlite_file.copied(rows) as file,
            ):
                while piece := file.read(PIECE):
                    yield piece

    def count(self, revision: int) -> int | None:
        """See Database: counted by the server, in the transaction of the copy."""
        return self._held

    def clear(self) -> None:
        """See SqlDatabase."""
        with self._session() as session:
            session.execute(CLEAR)

    def refill(self, content: IO[bytes]) -> None:
        """See SqlDatabase."""
        with spooled(content, named=True) as file, self._session() as session:
            for statement in self._server.begin_write:
                session.execute(statement)
            session.execute("DELETE FROM kine")
            lot: list[sqlite_file.Row] = []
            for row in sqlite_file.rows(file):
                lot.append(row)
                if len(lot) == LOT:
                    session.executemany(INSERT, lot)
                    lot.clear()
            if lot:
                session.executemany(INSERT, lot)
            for statement in self._server.filled:
                session.execute(statement)
            session.execute("COMMIT")

    @contextmanager
    def _session(self) -> Iterator[Any]:
        """A cursor; what was begun and not committed is rolled back by the server."""
        server = self._server
        try:
            with server.connected(self._credentials) as connection, connection.cursor() as cursor:
                yield cursor
        except server.errors() as error:
            words = f"{self.title}: {' '.join(str(error).split())}"
            if server.answered(error):
                raise FleetError(
                    words, "fleetops.vcluster.backends sets user, password and rights anew."
                ) from error
            raise Unreachable(words, "The controller has to reach it as the pods do.") from error

    def _one(self, session: Any, statement: str) -> Any:
        session.execute(statement)
        found = session.fetchone()
        return found[0] if found else None
