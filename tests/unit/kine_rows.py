# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A database as kine keeps it, written as kine writes it (0.17.5: schema, Append, Fill, Compact)."""

from __future__ import annotations

import sqlite3
from pathlib import Path

SCHEMA = """
CREATE TABLE kine (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, created INTEGER, deleted INTEGER, create_revision INTEGER,
    prev_revision INTEGER, lease INTEGER, value BLOB, old_value BLOB);
CREATE INDEX kine_name_index ON kine (name);
CREATE INDEX kine_name_id_index ON kine (name, id);
CREATE INDEX kine_id_deleted_index ON kine (id, deleted);
CREATE INDEX kine_prev_revision_index ON kine (prev_revision);
CREATE UNIQUE INDEX kine_name_prev_revision_uindex ON kine (name, prev_revision);
"""
INSERT = """
INSERT INTO kine (name, created, deleted, create_revision, prev_revision, lease, value, old_value)
VALUES (:name, :created, :deleted, :create, :prev, :lease, :value, :old)
"""
FILL = "INSERT INTO kine VALUES (?, ?, 0, 1, 0, 0, 0, NULL, NULL)"
COMPACT = """
DELETE FROM kine AS kv WHERE kv.id IN (
    SELECT kp.prev_revision FROM kine AS kp
    WHERE kp.name <> 'compact_rev_key' AND kp.prev_revision <> 0 AND kp.id > :since AND kp.id <= :until
    UNION ALL SELECT kd.id FROM kine AS kd WHERE kd.deleted <> 0 AND kd.id > :since AND kd.id <= :until)
"""


class Kine:
    """kine over a database; makes it when it is new.

    Args:
        pages: Of the log, after which it is checkpointed; the next change begins it anew then. 0 for never.

    Attributes:
        held: What it holds: value and lease by key.
    """

    def __init__(self, path: Path, pages: int = 1000) -> None:
        new = not path.exists()
        self.path = path
        self.database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.database.execute("PRAGMA journal_mode = WAL")
        self.database.execute("PRAGMA synchronous = NORMAL")
        self.database.execute(f"PRAGMA wal_autocheckpoint = {pages}")
        self.held: dict[str, tuple[bytes, int]] = {}
        if new:
            self.database.executescript(SCHEMA)
            self._append("compact_rev_key", b"", created=True)

    @property
    def revision(self) -> int:
        found: int = self.database.execute("SELECT MAX(id) FROM kine").fetchone()[0]
        return found

    def put(self, key: str, value: bytes, lease: int = 0) -> int:
        """Create or update; returns the revision."""
        created = key not in self.held
        self.held[key] = (value, lease)
        return self._append(key, value, lease, created=created)

    def delete(self, key: str) -> None:
        if self.held.pop(key, None):
            self._append(key, b"", deleted=True)

    def fill_gap(self, revision: int = 0) -> None:
        """A transaction that was rolled back left an id that nothing has; the poll loop fills it."""
        number = revision or self.revision + 1
        self.database.execute(FILL, (number, f"gap-{number}"))

    def compact(self, until: int) -> None:
        """One step of the compactor, up to a revision."""
        (since,) = self.database.execute(
            "SELECT MAX(prev_revision) FROM kine WHERE name = 'compact_rev_key'"
        ).fetchone()
        if until > since:
            self.database.execute(COMPACT, {"since": since, "until": until})
            self.database.execute(
                "UPDATE kine SET prev_revision = ? WHERE name = 'compact_rev_key'", (until,)
            )

    def close(self) -> None:
        """What is left in the log is in the database after it."""
        self.database.close()

    def _append(
        self,
        name: str,
        value: bytes,
        lease: int = 0,
        *,
        created: bool = False,
        deleted: bool = False,
    ) -> int:
        last = self.database.execute(
            "SELECT id, COALESCE(NULLIF(create_revision, 0), id), value FROM kine WHERE name = ? "
            "ORDER BY id DESC LIMIT 1",
            (name,),
        ).fetchone()
        before, create, old = last or (0, None, None)
        done = self.database.execute(
            INSERT,
            {
                "name": name,
                "created": int(created),
                "deleted": int(deleted),
                "create": 0 if created else create,
                "prev": before,
                "lease": lease,
                "value": value,
                "old": old,
            },
        )
        assert done.lastrowid is not None
        return done.lastrowid
