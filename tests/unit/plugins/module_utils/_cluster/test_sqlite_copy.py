# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A database copied while it is written: the pod's own commands over a real file, and the proof that they fit."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from copying import CLAIM, COPY, NAMESPACE, STATEFULSET, FakeApi, Writer, stateful_set
from kine_rows import Kine

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import (
    sqlite_copy,
    sqlite_file,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.sqlite_copy import (
    FILE,
    HEADER,
    Parts,
    SqliteCopy,
    whole,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.contents import (
    Snapshot,
    Tally,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    ApiError,
    FleetError,
    TimedOut,
    Unsettled,
)


@pytest.fixture
def api(tmp_path: Path) -> FakeApi:
    return FakeApi(tmp_path)


@pytest.fixture
def kine(api: FakeApi) -> Kine:
    return Kine(api.data / FILE)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_copy, "SECONDS", 0)
    monkeypatch.setattr(sqlite_copy, "PAUSE", 0.0)


@pytest.fixture
def copy(api: Any, tmp_path: Path) -> SqliteCopy:
    folder = tmp_path / "folder"
    folder.mkdir(mode=0o700)
    return SqliteCopy(api, NAMESPACE, "a", folder, 5)


def taken(copy: SqliteCopy, tmp_path: Path) -> Snapshot:
    path = tmp_path / "taken.db"
    path.write_bytes(b"".join(copy.snapshot()))
    with path.open("rb") as file:
        found = sqlite_file.inspect(file)
    assert copy.count(found.revision) == found.contents.keys
    return found


def test_while_it_is_written_all_that_was_acknowledged_before_is_in_the_copy(
    api: FakeApi, copy: SqliteCopy, tmp_path: Path
) -> None:
    kine = Kine(api.data / FILE, pages=0)
    with Writer(kine) as writer:
        before = writer.acknowledged[-1][0]
        found = taken(copy, tmp_path)
    assert found.revision >= before
    assert found.contents == writer.contents_at(found.revision)
    assert api.log == ["create a-0-copy", "delete a-0-copy"]


def test_g26_a_log_that_is_begun_anew_all_the_time_gives_no_copy_or_a_right_one(
    api: FakeApi, copy: SqliteCopy, tmp_path: Path
) -> None:
    """What is begun anew faster than the file is read: whatever comes out is whole, and most of it is refused."""
    kine = Kine(api.data / FILE, pages=4)
    for number in range(2000):
        kine.put(f"/registry/large-{number}", os.urandom(4000))
    kine.database.execute("DELETE FROM kine WHERE name LIKE '/registry/large-%'")
    kine.held.clear()
    refused = 0
    with Writer(kine) as writer:
        for _attempt in range(4):
            before = writer.acknowledged[-1][0]
            try:
                found = taken(copy, tmp_path)
            except Unsettled as error:
                refused += 1
                assert "begun anew during each of 5 tries" in str(error)
                assert "vcluster_snapshots.allow_outage" in error.way_out
            else:
                assert found.revision >= before
                assert found.contents == writer.contents_at(found.revision)
    assert refused
    assert COPY not in api.objects


def copied_around(kine: Kine, folder: Path, change: Callable[[], None]) -> Parts:
    """A copy by hand, with a change when half of the database is read."""
    database, log = kine.path, Path(f"{kine.path}-wal")
    before = log.read_bytes()[:HEADER]
    with database.open("rb") as file:
        first = file.read(database.stat().st_size // 8192 * 4096)
        change()
        folder.joinpath(FILE).write_bytes(first + file.read())
    copied = log.read_bytes()
    folder.joinpath(f"{FILE}-wal").write_bytes(copied)
    return Parts(before, log.read_bytes()[:HEADER], copied[:HEADER])


def grown(kine: Kine) -> None:
    for number in range(60):
        kine.put(f"/registry/{number}", b"a" * 1000)
    kine.database.execute("PRAGMA wal_checkpoint(PASSIVE)")


def test_a_checkpoint_while_it_is_read_does_no_harm(tmp_path: Path, kine: Kine) -> None:
    grown(kine)
    reader = Kine(kine.path)
    kine.put("/registry/0", b"acknowledged")
    reader.database.execute("BEGIN")
    assert reader.revision == kine.revision

    def change() -> None:
        # The reader keeps the log from being begun anew; pages go to the database up to where it reads.
        for number in range(1, 60):
            kine.put(f"/registry/{number}", b"b" * 1000)
        reader.database.execute("COMMIT")
        reader.database.execute("BEGIN")
        assert reader.revision == kine.revision
        kine.database.execute("PRAGMA wal_checkpoint(PASSIVE)")

    parts = copied_around(kine, tmp_path, change)
    assert parts.consistent
    sqlite_file.merge(tmp_path / FILE)
    with (tmp_path / FILE).open("rb") as file:
        found = sqlite_file.inspect(file)
    assert found.revision == kine.revision
    tally = Tally()
    for key, (value, _lease) in kine.held.items():
        tally.add(key.encode(), value)
    assert found.contents == tally.contents


def test_g26_a_log_that_was_begun_anew_while_it_was_read_is_seen(
    tmp_path: Path, kine: Kine
) -> None:
    """And it had to be: the copy lacks what was acknowledged before, or is no database."""
    grown(kine)
    written: list[str] = []

    def change() -> None:
        for _round in range(3):
            for number in range(200):
                kine.put(f"/registry/more-{number}", os.urandom(1000))
            written.extend(f"/registry/more-{number}" for number in range(200))
            kine.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        kine.put("/registry/0", b"after")

    kine.put("/registry/59", b"acknowledged")
    parts = copied_around(kine, tmp_path, change)
    assert not parts.consistent
    sqlite_file.merge(tmp_path / FILE)
    try:
        with (tmp_path / FILE).open("rb") as file:
            found = sqlite_file.inspect(file)
    except FleetError as error:
        assert "damaged" in str(error)
    else:
        tally = Tally()
        for key, (value, _lease) in kine.held.items():
            tally.add(key.encode(), value)
        assert found.contents != tally.contents


@pytest.mark.parametrize("kept", [0, 31, 32, 33])
def test_only_a_whole_header_proves_anything(kine: Kine, kept: int) -> None:
    kine.put("/registry/a", b"1")
    header = Path(f"{kine.path}-wal").read_bytes()[:kept]
    assert whole(header) == (kept == HEADER)
    for at in range(len(header)):
        assert not whole(header[:at] + bytes([header[at] ^ 1]) + header[at + 1 :])
    assert Parts(header, header, header).consistent == whole(header)


def test_without_a_log_nothing_is_proved(kine: Kine, copy: SqliteCopy, tmp_path: Path) -> None:
    kine.put("/registry/a", b"1")
    kine.database.execute("PRAGMA journal_mode = DELETE")
    with pytest.raises(Unsettled, match="no write-ahead log that would prove"):
        taken(copy, tmp_path)


@pytest.mark.parametrize("log", [True, False])
def test_of_a_stopped_one_a_copy_is_right_with_a_log_and_without(tmp_path: Path, log: bool) -> None:
    """A killed control plane leaves its log behind, one that ended itself does not."""
    stopped: Any = FakeApi(tmp_path, replicas=0)
    kine = Kine(stopped.data / FILE)
    stopped.planes = [{"spec": {"nodeName": "n2"}, "status": {"phase": "Succeeded"}}]
    revision = kine.put("/registry/a", b"1")
    if not log:
        kine.close()
    assert Path(f"{kine.path}-wal").exists() == log
    folder = tmp_path / "folder"
    folder.mkdir()
    copy = SqliteCopy(stopped, NAMESPACE, "a", folder, 5)
    assert taken(copy, tmp_path).revision == revision


def test_one_that_was_started_meanwhile_is_no_longer_stopped(tmp_path: Path) -> None:
    api: Any = FakeApi(tmp_path, replicas=0)
    kine = Kine(api.data / FILE)
    kine.put("/registry/a", b"1")
    kine.close()

    def started() -> None:
        api.objects[STATEFULSET] = stateful_set()

    api.meanwhile = started
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(Unsettled):
        taken(SqliteCopy(api, NAMESPACE, "a", folder, 5), tmp_path)


def grown_and_emptied(kine: Kine) -> None:
    for number in range(100):
        kine.put(f"/registry/{number}", b"x" * 3000)
    for number in range(80):
        kine.delete(f"/registry/{number}")
    kine.compact(kine.revision)


def test_g44_the_header_of_one_that_runs_tells_what_is_free(
    api: FakeApi, kine: Kine, copy: SqliteCopy
) -> None:
    grown_and_emptied(kine)
    kine.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    ((page,),) = kine.database.execute("PRAGMA page_size")
    ((free,),) = kine.database.execute("PRAGMA freelist_count")
    found = copy.sizes()
    assert (found.size, found.free) == (kine.path.stat().st_size, free * page)
    assert free * page > found.size / 2
    left = os.statvfs(kine.path).f_bavail * os.statvfs(kine.path).f_frsize
    assert found.left == pytest.approx(left, rel=0.05)
    assert api.log == ["create a-0-copy", "delete a-0-copy"]


@pytest.mark.parametrize("log", [True, False])
def test_g44_a_stopped_one_is_rewritten_after_its_log_where_it_has_one(
    tmp_path: Path, log: bool
) -> None:
    api: Any = FakeApi(tmp_path, replicas=0)
    kine = Kine(api.data / FILE)
    grown_and_emptied(kine)
    held = dict(kine.held)
    if not log:
        kine.close()
    folder = tmp_path / "folder"
    folder.mkdir()
    files = SqliteCopy(api, NAMESPACE, "a", folder, 5).rewritten()
    assert len(files) == 1 + log
    tally = Tally()
    for key, (value, _lease) in held.items():
        tally.add(key.encode(), value)
    for whole_file in files:
        with whole_file.opened() as file:
            content = file.read()
            assert sqlite_file.inspect(file).contents == tally.contents
        assert len(content) == whole_file.size
        assert hashlib.sha256(content).hexdigest() == whole_file.sha256
    assert files[-1].size <= files[0].size


def test_g44_one_that_runs_is_not_rewritten(api: FakeApi, kine: Kine, copy: SqliteCopy) -> None:
    kine.put("/registry/a", b"1")
    with pytest.raises(FleetError, match="its control plane runs"):
        copy.rewritten()


def test_a_volume_for_one_pod_alone_is_not_waited_for(
    api: FakeApi, copy: SqliteCopy, tmp_path: Path
) -> None:
    (template,) = api.objects[STATEFULSET]["spec"]["volumeClaimTemplates"]
    template["spec"]["accessModes"] = ["ReadWriteOncePod"]
    with pytest.raises(Unsettled, match="ReadWriteOncePod, for one pod alone"):
        taken(copy, tmp_path)
    assert api.log == []


def test_a_claim_that_is_gone_is_not_waited_for(
    api: FakeApi, copy: SqliteCopy, tmp_path: Path
) -> None:
    del api.objects[CLAIM]
    with pytest.raises(FleetError, match="claim data-a-0 does not exist"):
        taken(copy, tmp_path)
    assert api.log == []


def test_a_pod_that_does_not_listen_yet_is_asked_again(
    api: FakeApi, kine: Kine, copy: SqliteCopy, tmp_path: Path
) -> None:
    kine.put("/registry/a", b"1")
    api.deaf = 2
    assert taken(copy, tmp_path).contents.keys == 1


def test_the_latest_copy_replaces_the_one_before(
    kine: Kine, copy: SqliteCopy, tmp_path: Path
) -> None:
    kine.put("/registry/a", b"1")
    assert taken(copy, tmp_path).contents.keys == 1
    kine.put("/registry/b", b"1")
    assert taken(copy, tmp_path).contents.keys == 2


@pytest.mark.parametrize("cut", [3, 40, 5000])
def test_what_was_cut_off_is_no_copy(
    api: FakeApi, kine: Kine, copy: SqliteCopy, tmp_path: Path, cut: int
) -> None:
    kine.put("/registry/a", b"1")
    api.cut = cut
    with pytest.raises(FleetError, match="the pod that copies the database broke"):
        taken(copy, tmp_path)
    assert COPY not in api.objects


def test_a_volume_without_a_database_is_said(
    api: FakeApi, copy: SqliteCopy, tmp_path: Path
) -> None:
    with pytest.raises(FleetError, match=r"Pod a-0-copy failed: copy: .*state\.db"):
        taken(copy, tmp_path)
    assert COPY not in api.objects


def test_a_damaged_database_is_said_and_not_sent(
    api: FakeApi, kine: Kine, copy: SqliteCopy, tmp_path: Path
) -> None:
    grown(kine)
    kine.database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    kine.put("/registry/a", b"1")
    content = kine.path.read_bytes()
    kine.path.write_bytes(content[:8192] + b"\xff" * 40960 + content[49152:])
    with pytest.raises(FleetError, match=r"the copy is not fit to be kept.*damaged"):
        taken(copy, tmp_path)


def test_a_pod_that_never_runs_is_waited_for_no_longer_than_allowed(
    api: Any, kine: Kine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_copy.ClaimPod, "met", lambda *_arguments: False)
    folder = tmp_path / "folder"
    folder.mkdir()
    copy = SqliteCopy(api, NAMESPACE, "a", folder, 0)
    with pytest.raises(TimedOut, match="waited 0 s for pod a-0-copy to read the volume"):
        taken(copy, tmp_path)
    assert COPY not in api.objects


def test_a_missing_right_is_named(api: FakeApi, copy: SqliteCopy, tmp_path: Path) -> None:
    api.forbidden = True
    with pytest.raises(ApiError, match="`create` and `delete` on pods"):
        taken(copy, tmp_path)


def test_an_old_nc_serves_too(api: FakeApi, kine: Kine, copy: SqliteCopy, tmp_path: Path) -> None:
    kine.put("/registry/a", b"1")
    api.old = True
    assert taken(copy, tmp_path).contents.keys == 1
