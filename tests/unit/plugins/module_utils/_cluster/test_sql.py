# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""kine's table on a server that is SQLite here: read in one transaction, replaced in one. The lab has the real ones."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import (
    sql,
    sql_servers,
    sqlite_file,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.sql import KineTable
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.sql_servers import (
    SERVERS,
    Credentials,
    credentials_of,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.streams import (
    Pieces,
    buffered,
    spooled,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    FleetError,
    Unreachable,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.etcd import KeyValue

SECRET = {
    "type": "postgresql",
    "host": "db.example.net",
    "port": "5432",
    "database": "vc_a",
    "username": "vc_a_b",
    "password": "s3cret-pass",
    "ca.crt": "PEM",
    "data_source": "postgres://...",
}
HELD = {b"/registry/a": b"1", b"/registry/b": b"2"}


class Cursor:
    """One of SQLite that takes the parameters of the others."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._cursor = connection.cursor()
        self.fetchone = self._cursor.fetchone

    def __enter__(self) -> Cursor:
        return self

    def __exit__(self, *_error: object) -> None:
        self._cursor.close()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cursor)

    def execute(self, statement: str) -> Cursor:
        self._cursor.execute(statement)
        return self

    def executemany(self, statement: str, rows: Any) -> None:
        self._cursor.executemany(statement.replace("%s", "?"), rows)


class Connection:
    """See Cursor."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def cursor(self) -> Cursor:
        return Cursor(self._connection)


@contextmanager
def streamed(session: Any, statement: str) -> Iterator[Iterator[Any]]:
    with Cursor(session.connection) as cursor:
        yield iter(cursor.execute(statement))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with two keys at revision 9."""
    path = tmp_path / "server.db"
    with sqlite_file.built(HELD.items(), 9, iter(())) as file:
        path.write_bytes(file.read())
    return path


@pytest.fixture
def table(path: Path, monkeypatch: pytest.MonkeyPatch) -> KineTable:
    @contextmanager
    def connected(_credentials: Credentials) -> Iterator[Any]:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            yield Connection(connection)

    server = replace(
        SERVERS["postgresql"],
        version="SELECT 'SQLite'",
        marked="SELECT COUNT(*) FROM sqlite_master WHERE name = 'fleetops_owner'",
        rows="SELECT COUNT(*) FROM kine",
        size="SELECT 4096",
        connections="SELECT 1",
        limit="SELECT -1",
        writable="SELECT 1",
        begin_read=("BEGIN",),
        begin_write=("BEGIN EXCLUSIVE",),
        filled=(),
        connected=connected,
        streamed=streamed,
        errors=lambda: sqlite3.Error,
        answered=lambda error: "locked" not in str(error),
    )
    monkeypatch.setattr(sql, "server_of", lambda _credentials: server)
    return KineTable(credentials_of(SECRET, "ns/a-database"))


def held(pieces: Iterator[bytes]) -> tuple[int, dict[bytes, bytes]]:
    with spooled(buffered(Pieces(pieces)), named=True) as file:
        revision = sqlite_file.inspect(file).revision
        return revision, {key: value for key, value, _lease in sqlite_file.live(file)}


def statement(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        for text in statements:
            connection.execute(text)


def test_a_copy_holds_the_newest_row_of_each_name_and_is_counted_by_the_server(
    table: KineTable, path: Path
) -> None:
    columns = "id, name, created, deleted, create_revision, prev_revision, lease, value"
    statement(
        path,
        f"INSERT INTO kine ({columns}) VALUES (10, '/registry/a', 0, 0, 1, 1, 0, x'33')",
        f"INSERT INTO kine ({columns}) VALUES (11, '/registry/b', 0, 1, 2, 2, 0, x'')",
        f"INSERT INTO kine ({columns}) VALUES (12, '/registry/l', 1, 0, 0, 0, 7, x'34')",
    )
    revision, found = held(table.snapshot())
    assert (revision, found) == (12, {b"/registry/a": b"3", b"/registry/l": b"4"})
    assert table.count(revision) == 2


def test_a_table_is_used_by_what_a_control_plane_writes_and_not_by_what_kine_does(
    table: KineTable, path: Path
) -> None:
    assert table.used()
    table.clear()
    assert not table.used()
    columns = "id, name, created, deleted, create_revision, prev_revision, lease, value"
    statement(
        path,
        f"INSERT INTO kine ({columns}) VALUES (20, '/registry/health', 1, 0, 0, 0, 0, x'33')",
    )
    assert not table.used()
    statement(
        path, f"INSERT INTO kine ({columns}) VALUES (21, '/vcluster/a', 1, 0, 0, 0, 0, x'33')"
    )
    assert table.used()
    table.clear()
    assert not table.used()
    _revision, found = held(table.snapshot())
    assert list(found) == [b"/registry/health"], "what kine itself needs stays"


def test_what_the_server_says_of_itself(table: KineTable, path: Path) -> None:
    assert table.state().owner == ""
    statement(
        path,
        "CREATE TABLE fleetops_owner (owner TEXT)",
        "INSERT INTO fleetops_owner VALUES ('ns/a 0a1b')",
    )
    found = table.state()
    assert (found.owner, found.revision, found.compacted, found.limit) == ("ns/a 0a1b", 9, 8, 0)
    assert found.writable


def refilled(table: KineTable, items: list[KeyValue], revision: int) -> None:
    with sqlite_file.built(items, revision, iter(())) as file:
        table.refill(file)


def test_g61_it_holds_the_other_data_and_nothing_else_at_the_revision_of_that(
    table: KineTable,
) -> None:
    many = [(b"/registry/%d" % number, b"x") for number in range(1_200)]
    refilled(table, many, 5_000)
    assert held(table.snapshot()) == (5_000, dict(many))


def test_g48_a_fill_that_fails_half_way_leaves_the_old(
    table: KineTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = sqlite_file.rows

    def cut(file: Any) -> Iterator[Any]:
        yield from islice(whole(file), 700)
        raise FleetError("cut off")

    with monkeypatch.context() as patched, pytest.raises(FleetError, match="cut off"):
        patched.setattr(sqlite_file, "rows", cut)
        refilled(table, [(b"/registry/%d" % number, b"x") for number in range(1_200)], 5_000)
    assert held(table.snapshot()) == (9, HELD)


def test_words_of_the_server_and_a_way_that_is_shut_are_told_apart(
    table: KineTable, path: Path
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(Unreachable, match=r"vc_a at db\.example\.net:5432.*locked"):
            table.state()
    statement(path, "DROP TABLE kine")
    with pytest.raises(FleetError, match="no such table") as error:
        table.state()
    assert not isinstance(error.value, Unreachable)
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"password": None}, "lacks 'password'"),
        ({"port": "x"}, "makes no sense"),
        ({"type": "oracle"}, "postgresql or mysql"),
    ],
)
def test_a_secret_that_is_no_good_is_named(changed: dict[str, str | None], words: str) -> None:
    content = {key: value for key, value in {**SECRET, **changed}.items() if value is not None}
    with pytest.raises(FleetError, match=words) as error:
        credentials_of(content, "ns/a-database")
    assert "ns/a-database" in str(error.value)


def test_g38_credentials_hide_the_password() -> None:
    found = credentials_of(SECRET, "ns/a-database")
    assert "s3cret" not in repr(found) + found.title
    assert found.title == "PostgreSQL database vc_a at db.example.net:5432"


def test_a_library_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_servers, "MISSING", "No module named 'psycopg'")
    with pytest.raises(FleetError, match="psycopg"):
        credentials_of(SECRET, "ns/a-database")
