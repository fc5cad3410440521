# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The data of each way: read as what it is, raised where that is done here, and nothing of it left behind."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

import pytest
from bolt_pages import etcd_snapshot
from kine_rows import Kine

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import key_archive
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.unpacked import (
    lasting,
    live,
    prepared,
    unpacked,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError

PAIRS = {b"/registry/a": b"1", b"/registry/b": b"2"}
RELEASE = key_archive.Release("tenant-a", "vcluster-tenant-a", "vcluster", "0.36.1", {})
CHANGES = [(b"/registry/a", b"other")]


@pytest.fixture
def sqlite(tmp_path: Path) -> bytes:
    kine = Kine(tmp_path / "state.db")
    for key, value in PAIRS.items():
        kine.put(key.decode(), value)
    kine.fill_gap(40)
    kine.database.execute("PRAGMA journal_mode = DELETE")
    kine.close()
    return kine.path.read_bytes()


def test_each_way_is_read_raised_and_left_nowhere(
    sqlite: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    found = {}
    ways: Any = {"etcd": etcd_snapshot(PAIRS, 40), "sqlite": sqlite}
    for way, data in ways.items():
        with unpacked(way, io.BytesIO(data)) as (file, found[way]):
            assert {path.stat().st_mode & 0o077 for path in folder.iterdir()} <= {0}
            with prepared(way, way, file, found[way], 1000, lambda: iter(CHANGES)) as ready:
                ready.file.seek(0)
                with unpacked(way, ready.file) as (again, then):
                    held, left = dict(live(way, again)), list(ready.changes())
                assert then.revision + ready.raise_by == 1040
                assert then.lasting == ready.lasting
                # What the data does not have yet the store has to change.
                assert {**held, **dict(left)}[b"/registry/a"] == b"other"
    assert found["etcd"] == found["sqlite"]
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("way", ["etcd", "sqlite"])
def test_the_data_of_another_way_is_no_data(way: Any, sqlite: bytes) -> None:
    other = sqlite if way == "etcd" else etcd_snapshot(PAIRS, 40)
    with pytest.raises(FleetError, match="is damaged"), unpacked(way, io.BytesIO(other)):
        pass


@pytest.fixture
def archive() -> bytes:
    file = io.BytesIO()
    key_archive.write(file, PAIRS.items(), RELEASE)
    return file.getvalue()


@pytest.mark.parametrize("way", ["etcd", "sqlite", "keys"])
def test_a_store_that_takes_keys_gets_them_and_keeps_its_revision(
    way: Any, sqlite: bytes, archive: bytes
) -> None:
    data = {"etcd": etcd_snapshot(PAIRS, 40), "sqlite": sqlite, "keys": archive}[way]
    with (
        unpacked(way, io.BytesIO(data)) as (file, found),
        prepared(way, "keys", file, found, 1000, lambda: iter(CHANGES)) as ready,
    ):
        assert dict(lasting(ready.way, ready.file)) == PAIRS
        assert (ready.lasting, ready.revision, ready.raise_by) == (found.lasting, found.revision, 0)
        assert list(ready.changes()) == CHANGES


@pytest.mark.parametrize("way", ["etcd", "keys"])
def test_a_database_is_built_of_the_keys_of_another_store(way: Any, archive: bytes) -> None:
    data = {"etcd": etcd_snapshot({**PAIRS, b"compact_rev_key": b"7"}, 40), "keys": archive}[way]
    with (
        unpacked(way, io.BytesIO(data)) as (file, found),
        prepared(way, "sqlite", file, found, 1000, lambda: iter(CHANGES)) as ready,
        unpacked("sqlite", ready.file) as (again, then),
    ):
        assert dict(live("sqlite", again)) == {**PAIRS, **dict(CHANGES)}
        assert (then.lasting, then.revision) == (ready.lasting, ready.revision)
        assert (ready.revision, ready.raise_by) == (found.revision + 1000, 0)
        assert list(ready.changes()) == []
