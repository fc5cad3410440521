# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What holds for every target: whole files or none, by name, below a folder."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from places import Place

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import Stored, Target

PLUGINS = "ansible_collections.fleetops.vcluster.plugins.module_utils"
PART = 5 << 20
CONTENT = os.urandom(2 * PART + 1)

pytestmark = pytest.mark.usefixtures("hasty_s3")


def write(target: Target, name: str, content: bytes = CONTENT) -> None:
    target.write(name, io.BytesIO(content))


def read(target: Target, name: str) -> bytes:
    with target.open(name) as file:
        return file.read()


class Trickles(io.RawIOBase):
    """Gives few bytes at a time, as pipes do."""

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._content.read(min(size, 1 << 16) if size >= 0 else 1 << 16)


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 2 * PART, 2 * PART + 1])
def test_what_was_written_is_read(place: Place, size: int) -> None:
    target = place.target()
    target.write("west/a/data", Trickles(CONTENT[:size]))  # type: ignore[arg-type]
    assert read(target, "west/a/data") == CONTENT[:size]
    assert list(target.files("")) == [Stored("west/a/data", size)]


def test_it_is_read_as_a_stream(place: Place) -> None:
    target = place.target()
    write(target, "west/a/data")
    with target.open("west/a/data") as file:
        assert file.read(7) == CONTENT[:7]
        assert file.read(PART) == CONTENT[7 : 7 + PART]


def test_files_are_listed_below_a_folder_in_order(place: Place) -> None:
    target = place.target()
    names = ["west/a-b/data", "west/a/data", "west/a/z/data", "west/ab/data"]
    for name in reversed(names):
        write(target, name, name.encode())
    assert [file.name for file in target.files("")] == names
    assert list(target.files("west/a")) == [Stored("west/a/data", 11), Stored("west/a/z/data", 13)]
    assert list(target.files("nowhere")) == []


def test_any_name_of_a_folder_is_kept_as_it_is(place: Place) -> None:
    target = place.target()
    name = "%2E.%2Fadmin%40west%3A6443/a~b/_of@2026-03-17T09:30:00+01:00=x,y.tar.gz"
    write(target, name, b"x")
    assert read(target, name) == b"x"
    assert [file.name for file in target.files(name.partition("/")[0])] == [name]
    target.delete(name)
    assert place.everything() == []


def test_when_it_was_written_is_told(place: Place) -> None:
    target = place.target()
    write(target, "a/data", b"x")
    assert abs(datetime.now(UTC) - target.written("a/data")) < timedelta(minutes=5)
    with pytest.raises(FleetError, match="a/b cannot be read"):
        target.written("a/b")


@pytest.mark.parametrize("after", [0, 10, PART + 10])
@pytest.mark.parametrize("error", [FleetError("The source broke off."), KeyboardInterrupt()])
def test_a_file_is_replaced_only_by_a_whole_one(
    place: Place, after: int, error: BaseException
) -> None:
    class Breaks(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            left = after - self.tell()
            if left <= 0:
                raise error
            return super().read(min(left, size or 0))

    target = place.target()
    write(target, "a/data", b"old")
    with pytest.raises(type(error)) as raised:
        target.write("a/data", Breaks(CONTENT))
    assert raised.value is error
    assert read(target, "a/data") == b"old"
    assert place.everything() == ["a/data"]
    write(target, "a/data", b"new")
    assert read(target, "a/data") == b"new"


def test_g48_what_a_killed_run_left_is_no_file_and_is_swept(place: Place) -> None:
    code = f"""
import io, os, sys
sys.path[:0] = {sys.path!r}
from {PLUGINS}._cluster import bucket
from {PLUGINS}._core.spec import S3, Snapshots
from {PLUGINS}._operate.targets import open_target
bucket.PART = {PART}
class Kills(io.BytesIO):
    def read(self, size=-1):
        if self.tell() > {PART}:
            os.kill(os.getpid(), 9)
        return super().read(size)
{place.code}
target.write("a/data", Kills(bytes({3 * PART})))
"""
    done = subprocess.run([sys.executable, "-c", code], timeout=60, check=False)
    assert done.returncode == -9
    left = place.everything()
    assert len(left) == 1
    target = place.target()
    write(target, "a/whole", b"x")
    assert [file.name for file in target.files("")] == ["a/whole"]
    target.sweep("b")
    assert place.everything() == sorted([*left, "a/whole"])
    target.sweep("a")
    assert place.everything() == ["a/whole"]


def test_what_is_deleted_is_gone_and_may_be_gone_before(place: Place) -> None:
    target = place.target()
    write(target, "west/a/data", b"")
    write(target, "west/b/data", b"")
    target.delete("west/a/data")
    target.delete("west/a/data")
    assert place.everything() == ["west/b/data"]


def test_what_is_not_there_is_said_with_its_name_and_place(place: Place) -> None:
    target = place.target()
    with pytest.raises(FleetError, match=r"(?i)a/data cannot be read in the .*: no such file") as e:
        read(target, "a/data")
    assert target.title in str(e.value)


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a//b", "a/../b", ".hidden", "", "a\n"])
def test_no_name_leads_out_of_it(place: Place, name: str) -> None:
    target = place.target()
    for use in (lambda: write(target, name, b"x"), lambda: target.delete(name)):
        with pytest.raises(FleetError, match="no name of a file"):
            use()
    assert place.everything() == []
