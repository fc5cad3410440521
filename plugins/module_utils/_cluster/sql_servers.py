# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What PostgreSQL and MySQL (MariaDB) do each in its own way: connections, and what they say of themselves."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .._core.errors import FleetError

SECONDS = 10  # until a server has answered a connection
LONGEST = 300  # seconds for one statement, or one piece of a long answer
MISSING = ""

try:
    import psycopg  # type: ignore[import-not-found,import-untyped,unused-ignore]
    import pymysql  # type: ignore[import-not-found,import-untyped,unused-ignore]
    import pymysql.cursors  # type: ignore[import-not-found,import-untyped,unused-ignore]
except ImportError as missing:
    MISSING = str(missing)
    psycopg = pymysql = None


@dataclass(frozen=True)
class Credentials:
    """How kine's user reaches its database, from the Secret that roles/backend_database makes.

    Attributes:
        kind: `postgresql` or `mysql`.
        authority: PEM certificates that the server's is verified by; the system's own where empty.
    """

    kind: str
    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)
    authority: str = ""

    @property
    def title(self) -> str:
        """What messages call the database."""
        product = {"postgresql": "PostgreSQL", "mysql": "MySQL"}[self.kind]
        return f"{product} database {self.database} at {self.host}:{self.port}"


def credentials_of(content: Mapping[str, str], where: str) -> Credentials:
    """Credentials from the keys of a Secret.

    Args:
        content: Decoded.
        where: What messages call the Secret.

    Raises:
        FleetError: A key is missing or makes no sense.
    """
    try:
        found = Credentials(
            kind=content["type"],
            host=content["host"],
            port=int(content["port"]),
            database=content["database"],
            user=content["username"],
            password=content["password"],
            authority=content.get("ca.crt", ""),
        )
        server_of(found)
    except (KeyError, ValueError) as error:
        words = f"lacks {error}" if isinstance(error, KeyError) else f"makes no sense: {error}"
        raise FleetError(
            f"Secret {where} {words}.", "Run fleetops.vcluster.backends, which makes it."
        ) from error
    return found


@dataclass(frozen=True)
class Server:
    """One product: its statements, each answered with one row of one column, and its library.

    Attributes:
        version: Product and version.
        marked: Whether the mark of whose the database is is there.
        rows: Of kine's table, by the statistics.
        size: Bytes of it with its indexes.
        connections: Of the user now.
        limit: The most it may have.
        writable: Whether it takes writes.
        begin_read: Begins a transaction that sees one moment.
        begin_write: Begins one that has the table for itself.
        filled: What goes after rows with ids of their own.
        connected: Opens a connection, every statement for itself until one begins a transaction.
        streamed: The rows of a long answer, a piece at a time, within the transaction of a cursor.
        errors: What its library raises.
        answered: Whether an error is the word of the server, and not of the way there.
    """

    version: str
    marked: str
    rows: str
    size: str
    connections: str
    limit: str
    writable: str
    begin_read: tuple[str, ...]
    begin_write: tuple[str, ...]
    filled: tuple[str, ...]
    connected: Callable[[Credentials], AbstractContextManager[Any]]
    streamed: Callable[[Any, str], AbstractContextManager[Iterator[Any]]]
    errors: Callable[[], type[Exception]]
    answered: Callable[[Any], bool]


def server_of(credentials: Credentials) -> Server:
    """The product that the credentials are for.

    Raises:
        ValueError: There is no such product.
        FleetError: Its library is missing.
    """
    if MISSING:
        raise FleetError(
            f"A Python library for databases cannot be imported: {MISSING}.",
            "Install `psycopg[binary]` and `PyMySQL` for the Python that runs Ansible.",
        )
    if credentials.kind not in SERVERS:
        raise ValueError(f"type {credentials.kind!r}; it is {' or '.join(SERVERS)}")
    return SERVERS[credentials.kind]


@contextmanager
def _postgresql(found: Credentials) -> Iterator[Any]:
    """libpq reads an authority from a file only."""
    with tempfile.TemporaryDirectory(prefix="fleetops-") as folder:
        authority = "system"
        if found.authority:
            authority = str(Path(folder) / "ca.crt")
            Path(authority).write_text(found.authority, encoding="utf-8")
        connection = psycopg.connect(
            host=found.host,
            port=found.port,
            dbname=found.database,
            user=found.user,
            password=found.password,
            sslmode="verify-full",
            sslrootcert=authority,
            connect_timeout=SECONDS,
            options=f"-c statement_timeout={LONGEST}s",
            application_name="fleetops.vcluster",
            autocommit=True,
        )
        with closing(connection):
            yield connection


@contextmanager
def _postgresql_rows(session: Any, statement: str) -> Iterator[Iterator[Any]]:
    with session.connection.cursor(name="fleetops") as cursor:
        cursor.execute(statement)
        yield iter(cursor)


def _postgresql_answered(error: Any) -> bool:
    # Of a connection that was refused libpq tells the server's words alone, and no code.
    return error.sqlstate is not None or "FATAL" in str(error)


@contextmanager
def _mysql(found: Credentials) -> Iterator[Any]:
    connection = pymysql.connect(
        host=found.host,
        port=found.port,
        database=found.database,
        user=found.user,
        password=found.password,
        ssl=ssl.create_default_context(cadata=found.authority or None),
        connect_timeout=SECONDS,
        read_timeout=LONGEST,
        write_timeout=LONGEST,
        charset="utf8mb4",
        autocommit=True,
    )
    with closing(connection):
        yield connection


@contextmanager
def _mysql_rows(session: Any, statement: str) -> Iterator[Iterator[Any]]:
    with session.connection.cursor(pymysql.cursors.SSCursor) as cursor:
        cursor.execute(statement)
        yield iter(cursor)


def _mysql_answered(error: Any) -> bool:
    # From 2000 on the codes are the client's own.
    code = error.args[0] if error.args else 0
    return isinstance(code, int) and 1000 <= code < 2000


SERVERS: Mapping[str, Server] = {
    "postgresql": Server(
        version="SELECT 'PostgreSQL ' || current_setting('server_version')",
        marked="SELECT to_regclass('fleetops_owner') IS NOT NULL",
        rows="SELECT reltuples::bigint FROM pg_class WHERE oid = 'kine'::regclass",
        size="SELECT pg_total_relation_size('kine')",
        # The login; the owner of the tables is a role that it takes on.
        connections="SELECT COUNT(*) FROM pg_stat_activity WHERE usename = session_user",
        limit="SELECT rolconnlimit FROM pg_roles WHERE rolname = session_user",
        writable=(
            "SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off'"
        ),
        begin_read=("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",),
        begin_write=("BEGIN", "LOCK TABLE kine IN ACCESS EXCLUSIVE MODE"),
        # A sequence knows nothing of ids that were given.
        filled=("SELECT setval(pg_get_serial_sequence('kine', 'id'), (SELECT MAX(id) FROM kine))",),
        connected=_postgresql,
        streamed=_postgresql_rows,
        errors=lambda: psycopg.Error,
        answered=_postgresql_answered,
    ),
    # MariaDB answers the same.
    "mysql": Server(
        version="SELECT CONCAT('MySQL ', VERSION())",
        marked=(
            "SELECT COUNT(*) FROM information_schema.TABLES "
            "WHERE table_schema = DATABASE() AND table_name = 'fleetops_owner'"
        ),
        rows=(
            "SELECT table_rows FROM information_schema.TABLES "
            "WHERE table_schema = DATABASE() AND table_name = 'kine'"
        ),
        size=(
            "SELECT data_length + index_length FROM information_schema.TABLES "
            "WHERE table_schema = DATABASE() AND table_name = 'kine'"
        ),
        # Without the right PROCESS a user sees its own.
        connections="SELECT COUNT(*) FROM information_schema.PROCESSLIST",
        limit="SELECT @@max_user_connections",
        writable="SELECT @@global.read_only = 0",
        begin_read=(
            "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
            "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
        ),
        # AUTO_INCREMENT follows ids that were given.
        begin_write=("START TRANSACTION",),
        filled=(),
        connected=_mysql,
        streamed=_mysql_rows,
        errors=lambda: pymysql.MySQLError,
        answered=_mysql_answered,
    ),
}
