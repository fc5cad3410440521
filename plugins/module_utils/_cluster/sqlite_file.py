# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read kine's database, one SQLite file, without kine (0.17: pkg/drivers/generic, pkg/drivers/sqlite).

The table `kine` keeps every change since the last compaction: `id` is the revision, the newest row of a name is what
the name holds, `deleted` says that it holds nothing any more. Two kinds of rows are kine's own: `compact_rev_key`,
whose `prev_revision` is the revision up to which was compacted, and `gap-ID`, a deleted row that fills an id nothing
has.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, TypeAlias
from urllib.parse import quote

from .._core.contents import Held, Snapshot, snapshot_of
from .._core.errors import FleetError
from .._core.etcd import KeyChange, KeyValue
from .streams import no_room, write

# Id, name, created, deleted, create_revision, prev_revision, lease, value.
Row: TypeAlias = "tuple[int, str, int, int, int, int, int, bytes | None]"
HIGHEST = (
    1 << 62
)  # revisions are int64 everywhere; what is left above is more than any store writes
READ_ONLY = "mode=ro&immutable=1"
COMPACTED = b"compact_rev_key"  # of kine, and of the API server in etcd: each writes its own
_ROOM = frozenset({"SQLITE_FULL", "SQLITE_IOERR_WRITE"})

_ROWS = (
    "SELECT COUNT(*), MAX(id), SUM(deleted), SUM(LENGTH(value)), SUM(LENGTH(old_value)) FROM kine"
)
_REVISION = "SELECT MAX(id) FROM kine"
# The index on (name, id) gives the newest row of each name in turn; nothing is held but the row at hand.
_LIVE = """
    SELECT CAST(name AS BLOB), CAST(value AS BLOB), lease
    FROM (SELECT MAX(id) AS newest FROM kine GROUP BY name) JOIN kine ON id = newest
    WHERE deleted = 0 AND name <> 'compact_rev_key'
"""
_COLUMNS = frozenset(
    {"id", "name", "created", "deleted", "create_revision", "prev_revision", "lease", "value", "old_value"}
)  # fmt: skip
# kine adds its indexes when it starts.
_TABLE = """
    CREATE TABLE kine (
        id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, created INTEGER, deleted INTEGER, create_revision INTEGER,
        prev_revision INTEGER, lease INTEGER, value BLOB, old_value BLOB)
"""
# All that a row says, but the value before: that is for watches from before a compaction.
_COPY = """
    INSERT INTO kine (id, name, created, deleted, create_revision, prev_revision, lease, value)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_ROWS = """
    SELECT id, name, created, deleted, create_revision, prev_revision, lease, value
    FROM kine ORDER BY id
"""


def inspect(file: IO[bytes]) -> Snapshot:
    """Read all of a database and check its pages.

    Args:
        file: It has a name: SQLite opens no other.

    Raises:
        FleetError: It is damaged, or no database of kine.
    """
    with _opened(Path(file.name), READ_ONLY) as database:
        return snapshot_of(_checked(database), _held(database))


def live(file: IO[bytes]) -> Iterator[Held]:
    """What a database that has a name holds, in no order."""
    with _opened(Path(file.name), READ_ONLY) as database:
        yield from _held(database)


def _held(database: sqlite3.Connection) -> Iterator[Held]:
    for key, value, lease in database.execute(_LIVE):
        yield key, value or b"", lease


def merge(path: Path) -> None:
    """Make one file of a database and the write-ahead log beside it.

    Raises:
        FleetError: SQLite does not take them.
    """
    with _opened(path, "mode=rw") as database:
        # Nobody else opens it: the index of the log is in memory, and the folder need not be able to share any.
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        (mode,) = database.execute("PRAGMA journal_mode = DELETE").fetchone()
    if mode != "delete":
        raise _damaged(f"its log cannot be merged, its journal mode stays {mode}")


def vacuumed(path: Path, fresh: Path) -> None:
    """Write a database anew without what is free.

    Args:
        path: The database; it stays as it is.
        fresh: The new one, which is not there yet.

    Raises:
        FleetError: It is damaged, or the new one does not hold the same.
    """
    with path.open("rb") as file:
        before = inspect(file)
    with _opened(path, READ_ONLY) as database:
        rows = database.execute(_ROWS).fetchone()
        fresh.touch(mode=0o600)
        database.execute("VACUUM INTO ?", (str(fresh),))
    with _opened(fresh, READ_ONLY) as database:
        found = [row[0] for row in database.execute("PRAGMA integrity_check")]
        same = database.execute(_ROWS).fetchone() == rows
    with fresh.open("rb") as file:
        after = inspect(file)
    if found != ["ok"] or not same or after != before:
        raise FleetError(
            f"The SQLite database was rewritten to {after.contents.keys} keys at revision {after.revision}, and it "
            f"holds {before.contents.keys} at {before.revision}, or others ({found[0]}).",
            "The old one stays. Restore a snapshot beside it and look at that (fleetops.vcluster.drill).",
        )


@contextmanager
def prepared(file: IO[bytes], by: int, changes: Iterable[KeyChange]) -> Iterator[IO[bytes]]:
    """A copy whose revision is higher and whose history is gone (G61), with some keys and values changed.

    kine's revision is the highest id, and a gap below it is filled row by row once it runs. So the id is there before
    kine starts, as a row like those that fill gaps, and the compaction is recorded just below it: a watch from before
    gets 410, and kine's compactor, which goes up from there in steps of 1,000, has nothing to do. What that compaction
    passes over it never looks at again: rows that are not the newest of their name go now, else they would come back
    to life when the newer ones are compacted.

    Raises:
        FleetError: The revision would be higher than clients can read.
    """
    with tempfile.TemporaryDirectory(prefix="fleetops-") as folder:
        path = Path(folder) / "raised.db"
        file.seek(0)
        write(path, file)

        def work(database: sqlite3.Connection) -> None:
            revision = _checked(database) + by
            database.execute(
                "DELETE FROM kine WHERE deleted <> 0 OR name = 'compact_rev_key' "
                "OR id NOT IN (SELECT MAX(id) FROM kine GROUP BY name)"
            )
            _finish(database, revision, changes)

        _at_once(path, work)
        with path.open("rb") as ready:
            yield ready


@contextmanager
def built(
    items: Iterable[KeyValue], revision: int, changes: Iterable[KeyChange]
) -> Iterator[IO[bytes]]:
    """A new database at a revision, as `prepared` makes it of another, from keys and values of any store.

    Raises:
        FleetError: The revision would be higher than clients can read.
    """
    with tempfile.TemporaryDirectory(prefix="fleetops-") as folder:
        path = Path(folder) / "built.db"
        path.touch(mode=0o600)

        def work(database: sqlite3.Connection) -> None:
            database.execute(_TABLE)
            own = ((key, value) for key, value in items if key != COMPACTED)
            for number, (key, value) in enumerate(own, 1):
                database.execute(_COPY, _row(number, key.decode(), value=value))
            _finish(database, revision, changes)

        _at_once(path, work)
        with path.open("rb") as ready:
            yield ready


@contextmanager
def copied(rows: Iterable[Row]) -> Iterator[IO[bytes]]:
    """A database with the rows of another one's table, as they are."""
    with tempfile.TemporaryDirectory(prefix="fleetops-") as folder:
        path = Path(folder) / "copied.db"
        path.touch(mode=0o600)

        def work(database: sqlite3.Connection) -> None:
            database.execute(_TABLE)
            database.executemany(_COPY, rows)

        _at_once(path, work)
        with path.open("rb") as ready:
            yield ready


def rows(file: IO[bytes]) -> Iterator[Row]:
    """The rows of the table of a database that has a name."""
    with _opened(Path(file.name), READ_ONLY) as database:
        yield from database.execute(_ROWS)


def _at_once(path: Path, work: Callable[[sqlite3.Connection], None]) -> None:
    """One transaction in a database that nobody else has; what is lost when the machine goes is made again."""
    with _opened(path, "mode=rw") as database:
        database.execute("PRAGMA synchronous = OFF")
        database.execute("BEGIN")
        work(database)
        database.execute("COMMIT")


def _finish(database: sqlite3.Connection, revision: int, changes: Iterable[KeyChange]) -> None:
    """Change keys, and write the rows that make the revision what it is to be."""
    if revision > HIGHEST:
        raise FleetError(
            f"The revision of the snapshot cannot be raised to {revision}: it has 63 bits.",
            "Restore it into a new vCluster.",
        )
    for key, value in changes:
        if value is None:
            database.execute("DELETE FROM kine WHERE name = ?", (key.decode(),))
        else:
            database.execute("UPDATE kine SET value = ? WHERE name = ?", (value, key.decode()))
    # kine 0.17.5 writes none where a key is created, and 0.17.2 cannot read that; both take 0 for the row's own id.
    database.execute("UPDATE kine SET create_revision = 0 WHERE create_revision IS NULL")
    compacted = revision - 1
    database.execute(_COPY, _row(compacted, COMPACTED.decode(), before=compacted))
    database.execute(_COPY, _row(revision, f"gap-{revision}", deleted=1))


def _row(
    number: int, name: str, *, deleted: int = 0, before: int = 0, value: bytes | None = None
) -> Row:
    return number, name, 1 - deleted, deleted, 0, before, 0, value


def _checked(database: sqlite3.Connection) -> int:
    """The revision of a database of kine whose pages are whole."""
    columns = {row[1] for row in database.execute("PRAGMA table_info(kine)")}
    if not columns.issuperset(_COLUMNS):
        raise _damaged("it has no table of kine")
    (found,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise _damaged(found)
    (revision,) = database.execute(_REVISION).fetchone()
    if revision is None:
        raise _damaged("the table of kine is empty")
    return int(revision)


@contextmanager
def _opened(path: Path, options: str) -> Iterator[sqlite3.Connection]:
    """Autocommit; SQLite's errors come out in words."""
    try:
        uri = f"file:{quote(str(path))}?{options}"
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as database:
            yield database
    except sqlite3.Error as error:
        if error.sqlite_errorname in _ROOM:
            raise no_room(error) from error
        raise _damaged(str(error)) from error


def _damaged(why: str) -> FleetError:
    return FleetError(f"The SQLite database is damaged: {why}.", "Use another snapshot.")
