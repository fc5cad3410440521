# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Databases of kine, read and raised without it."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from bolt_pages import etcd_snapshot
from hypothesis import given
from hypothesis import strategies as st
from kine_rows import Kine

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import (
    etcd_file,
    sqlite_file,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.contents import (
    Contents,
    Snapshot,
    Tally,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError

KEYS = st.sampled_from([f"/registry/{name}" for name in ("a", "b", "c", "d")])
CHANGES = st.lists(
    st.one_of(
        st.tuples(st.just("put"), KEYS, st.binary(max_size=40), st.sampled_from([0, 0, 60])),
        st.tuples(st.just("delete"), KEYS),
        st.tuples(st.just("fill_gap")),
        st.tuples(st.just("compact_all")),
    ),
    max_size=40,
)
BY = 1_000_000_000


def inspected(path: Path) -> Snapshot:
    with path.open("rb") as file:
        return sqlite_file.inspect(file)


def do(kine: Kine, changes: list[tuple[object, ...]]) -> None:
    for name, *arguments in changes:
        if name == "compact_all":
            kine.compact(kine.revision - 1)  # it leaves the newest revisions alone
        else:
            getattr(kine, str(name))(*arguments)


def contents(held: Mapping[str, tuple[bytes, int]], *, lasting: bool) -> Contents:
    tally = Tally()
    for key, (value, lease) in held.items():
        if not (lasting and lease):
            tally.add(key.encode(), value)
    return tally.contents


def settled(kine: Kine) -> Path:
    """Its database as one file; it is closed then."""
    kine.database.execute("PRAGMA journal_mode = DELETE")
    kine.close()
    return kine.path


@given(CHANGES)
def test_what_is_live_is_what_kine_holds(changes: list[tuple[object, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        kine = Kine(Path(folder) / "state.db")
        do(kine, changes)
        revision = kine.revision
        found = inspected(settled(kine))
        assert found.revision == revision
        assert found.contents == contents(kine.held, lasting=False)
        assert found.lasting == contents(kine.held, lasting=True)


@given(CHANGES, CHANGES)
def test_g61_a_raised_one_holds_the_same_and_nothing_deleted_ever_comes_back(
    before: list[tuple[object, ...]], after: list[tuple[object, ...]]
) -> None:
    """kine goes on with it: changes and its own compaction, whatever there was before."""
    with tempfile.TemporaryDirectory() as folder:
        kine = Kine(Path(folder) / "state.db")
        do(kine, before)
        was = inspected(settled(kine))
        with kine.path.open("rb") as file, sqlite_file.prepared(file, BY, ()) as ready:
            found = sqlite_file.inspect(ready)
            path = Path(folder) / "raised.db"
            path.write_bytes(ready.read())
        assert (found.contents, found.lasting) == (was.contents, was.lasting)
        assert found.revision == was.revision + BY
        again = Kine(path)
        again.held = dict(kine.held)
        do(again, after)
        again.put("/registry/last", b"x")
        again.compact(again.revision)
        assert inspected(settled(again)).contents == contents(again.held, lasting=False)


def test_g61_kine_has_nothing_to_fill_and_nothing_to_compact_after_it(tmp_path: Path) -> None:
    """Its next id follows the highest, and what it compacts next begins just below (it takes steps of 1,000)."""
    kine = Kine(tmp_path / "state.db")
    for number in range(50):
        kine.put(f"/registry/{number % 7}", b"x")
    revision = kine.revision
    with settled(kine).open("rb") as file, sqlite_file.prepared(file, BY, ()) as ready:
        path = tmp_path / "raised.db"
        path.write_bytes(ready.read())
    with closing(sqlite3.connect(path)) as database:
        found = database.execute(
            "SELECT id, created, deleted, prev_revision FROM kine WHERE name = 'compact_rev_key'"
        ).fetchall()
        assert found == [(revision + BY - 1, 1, 0, revision + BY - 1)]
        newest = database.execute("SELECT name, deleted FROM kine ORDER BY id DESC LIMIT 1")
        assert newest.fetchall() == [(f"gap-{revision + BY}", 1)]
        assert database.execute("SELECT COUNT(*) FROM kine").fetchone() == (7 + 2,)
    assert Kine(path).put("/registry/new", b"x") == revision + BY + 1


def test_keys_that_have_to_change_are_changed_in_the_copy_alone(tmp_path: Path) -> None:
    kine = Kine(tmp_path / "state.db")
    kine.put("/registry/pods/default/a", b"ran")
    kine.put("/registry/pods/default/b", b"ran")
    kine.put("/vcluster/mappings/a", b"{}")
    path = settled(kine)
    before = path.read_bytes()
    changes = [(b"/registry/pods/default/a", b"waits"), (b"/vcluster/mappings/a", None)]
    with path.open("rb") as file, sqlite_file.prepared(file, BY, changes) as ready:
        found = {key: value for key, value, _lease in sqlite_file.live(ready)}
    assert found[b"/registry/pods/default/a"] == b"waits"
    assert found[b"/registry/pods/default/b"] == b"ran"
    assert b"/vcluster/mappings/a" not in found
    assert path.read_bytes() == before


def test_a_row_that_says_nothing_of_its_creation_says_zero_afterwards(tmp_path: Path) -> None:
    """kine 0.17.5 writes no create_revision for a new key, and 0.17.2 ends every list with an error there."""
    kine = Kine(tmp_path / "state.db")
    kine.put("/registry/configmaps/default/a", b"new")
    kine.database.execute("UPDATE kine SET create_revision = NULL")
    with settled(kine).open("rb") as file, sqlite_file.prepared(file, BY, ()) as ready:
        assert {row[4] for row in sqlite_file.rows(ready)} == {0}


def test_g61_one_built_of_keys_is_one_that_kine_goes_on_with(tmp_path: Path) -> None:
    """kine adds its indexes; the next id follows the highest, and nothing old is compacted."""
    pairs = {f"/registry/{number}".encode(): b"x" for number in range(30)}
    items = [*pairs.items(), (b"compact_rev_key", b"of an API server over etcd")]
    changes = [(b"/registry/1", b"other"), (b"/registry/2", None)]
    with sqlite_file.built(items, BY, changes) as ready:
        path = tmp_path / "built.db"
        path.write_bytes(ready.read())
    found = inspected(path)
    assert found.revision == BY
    wanted = {**pairs, b"/registry/1": b"other"}
    del wanted[b"/registry/2"]
    assert found.contents == found.lasting == tallied(wanted)
    again = Kine(path)
    assert again.put("/registry/new", b"x") == BY + 1
    again.compact(again.revision)
    assert inspected(settled(again)).contents == tallied({**wanted, b"/registry/new": b"x"})


def tallied(pairs: Mapping[bytes, bytes]) -> Contents:
    tally = Tally()
    for key, value in pairs.items():
        tally.add(key, value)
    return tally.contents


def test_a_revision_beyond_what_clients_read_is_refused(tmp_path: Path) -> None:
    kine = Kine(tmp_path / "state.db")
    kine.put("/registry/a", b"1")
    with (
        settled(kine).open("rb") as file,
        pytest.raises(FleetError, match="cannot be raised"),
        sqlite_file.prepared(file, sqlite_file.HIGHEST, ()),
    ):
        pass


def test_the_same_keys_and_values_have_the_digest_that_they_have_in_etcd(tmp_path: Path) -> None:
    pairs = {b"/registry/a": b"1", b"/registry/b": b"", "/registry/\u00e4".encode(): b"\0\xff"}
    kine = Kine(tmp_path / "state.db")
    for key, value in pairs.items():
        kine.put(key.decode(), value)
    etcd = tmp_path / "etcd.db"
    etcd.write_bytes(etcd_snapshot(pairs, 40))
    with etcd.open("rb") as file:
        assert inspected(settled(kine)).contents == etcd_file.inspect(file).contents


def test_database_and_log_become_one_file(tmp_path: Path) -> None:
    """As a copy of both has them: nobody closed the database."""
    kine = Kine(tmp_path / "live.db", pages=0)
    for number in range(20):
        kine.put(f"/registry/{number}", b"x" * 3000)
    copy = tmp_path / "state.db"
    for end in ("", "-wal"):
        copy.with_name(f"state.db{end}").write_bytes(Path(f"{kine.path}{end}").read_bytes())
    sqlite_file.merge(copy)
    assert {path.name for path in tmp_path.glob("state.db*")} == {"state.db"}
    assert inspected(copy).contents == contents(kine.held, lasting=False)


def spoiled(content: bytes, at: int) -> bytes:
    return content[:at] + b"\xff" * 64 + content[at + 64 :]


@pytest.mark.parametrize(
    "change",
    [
        lambda content: b"",
        lambda content: b"x" * len(content),
        lambda content: content[:-4096],
        lambda content: content[: len(content) // 2 + 7],
        lambda content: spoiled(content, 100),
        lambda content: spoiled(content, 4096),
        lambda content: spoiled(content, 3 * 4096),
    ],
)
def test_a_damaged_one_is_never_taken(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    kine = Kine(tmp_path / "state.db")
    for number in range(200):
        kine.put(f"/registry/{number}", b"x" * 500)
    path = settled(kine)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(FleetError, match="SQLite database is damaged"):
        inspected(path)


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("CREATE TABLE other (id)", "no table of kine"),
        ("CREATE TABLE kine (id INTEGER, name TEXT)", "no table of kine"),
        (
            "CREATE TABLE kine (id, name, created, deleted, create_revision, prev_revision, lease, value, old_value)",
            "table of kine is empty",
        ),
    ],
)
def test_a_file_of_somebody_else_is_refused(tmp_path: Path, sql: str, words: str) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute(sql)
    with pytest.raises(FleetError, match=words):
        inspected(path)


def roomy(path: Path) -> Kine:
    """A database half of which is free, with a log that was not written back."""
    kine = Kine(path)
    for number in range(300):
        kine.put(f"/registry/{number}", b"x" * 3000)
    for number in range(250):
        kine.delete(f"/registry/{number}")
    kine.compact(kine.revision)
    kine.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    kine.put("/registry/299", b"acknowledged, and in the log alone")
    return kine


def stopped(kine: Kine, folder: Path) -> Path:
    """Its files as a process that was killed leaves them."""
    folder.mkdir()
    for end in ("", "-wal"):
        folder.joinpath(f"state.db{end}").write_bytes(Path(f"{kine.path}{end}").read_bytes())
    return folder / "state.db"


def test_g44_a_rewritten_database_holds_the_same_and_is_smaller(tmp_path: Path) -> None:
    kine = roomy(tmp_path / "live.db")
    merged, fresh = stopped(kine, tmp_path / "copy"), tmp_path / "fresh.db"
    sqlite_file.merge(merged)
    sqlite_file.vacuumed(merged, fresh)
    assert inspected(fresh) == inspected(merged)
    assert inspected(fresh).contents == contents(kine.held, lasting=False)
    assert fresh.stat().st_size < merged.stat().st_size / 2
    assert fresh.stat().st_mode & 0o777 == 0o600


def test_g48_whatever_of_its_places_was_taken_the_database_holds_all(tmp_path: Path) -> None:
    """The merged one with the old log, the merged one alone, the rewritten one: a machine may end between any two."""
    kine = roomy(tmp_path / "live.db")
    wanted = contents(kine.held, lasting=False)
    merged, fresh = stopped(kine, tmp_path / "copy"), tmp_path / "fresh.db"
    sqlite_file.merge(merged)
    sqlite_file.vacuumed(merged, fresh)
    for name, database, log in (
        ("before", kine.path, True),
        ("merged", merged, True),
        ("alone", merged, False),
        ("rewritten", fresh, False),
    ):
        place = tmp_path / name
        place.mkdir()
        place.joinpath("state.db").write_bytes(database.read_bytes())
        if log:
            place.joinpath("state.db-wal").write_bytes(Path(f"{kine.path}-wal").read_bytes())
        sqlite_file.merge(place / "state.db")
        assert inspected(place / "state.db").contents == wanted, name
    # And this is why the rewritten one does not come first.
    spoilt = tmp_path / "spoilt"
    spoilt.mkdir()
    spoilt.joinpath("state.db").write_bytes(fresh.read_bytes())
    spoilt.joinpath("state.db-wal").write_bytes(Path(f"{kine.path}-wal").read_bytes())
    with pytest.raises(FleetError):
        sqlite_file.merge(spoilt / "state.db")
        assert inspected(spoilt / "state.db").contents != wanted
        raise FleetError("It holds something else.")


def test_g44_a_damaged_database_is_not_rewritten(tmp_path: Path) -> None:
    kine = roomy(tmp_path / "live.db")
    path = settled(kine)
    data = bytearray(path.read_bytes())
    data[8192:12288] = b"\xff" * 4096
    path.write_bytes(data)
    with pytest.raises(FleetError, match="damaged"):
        sqlite_file.vacuumed(path, tmp_path / "fresh.db")


def test_g44_one_that_would_hold_something_else_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = settled(roomy(tmp_path / "live.db"))
    found = iter(
        (
            Snapshot(7, Contents(2, "a"), Contents(2, "a")),
            Snapshot(7, Contents(1, "b"), Contents(1, "b")),
        )
    )
    monkeypatch.setattr(sqlite_file, "inspect", lambda _file: next(found))
    with pytest.raises(FleetError, match="rewritten to 1 keys at revision 7, and it holds 2 at 7"):
        sqlite_file.vacuumed(path, tmp_path / "fresh.db")
