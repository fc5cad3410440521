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

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.unpacked import (
    live,
    prepared,
    unpacked,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError

PAIRS = {b"/registry/a": b"1", b"/registry/b": b"2"}
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
            with prepared(way, file, found[way], 1000, lambda: iter(CHANGES)) as ready:
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


def test_a_form_that_nobody_reads_yet_is_said() -> None:
    with (
        pytest.raises(FleetError, match="form keys is not read yet"),
        unpacked("keys", io.BytesIO()),
    ):
        pass
