# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A directory keeps whole files or none."""

from __future__ import annotations

import io
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.directory import (
    UNFINISHED,
    Directory,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError

CONTENT = os.urandom(3 << 20)


def write(target: Directory, name: str, content: bytes = CONTENT) -> None:
    target.write(name, io.BytesIO(content))


def read(target: Directory, name: str) -> bytes:
    with target.open(name) as file:
        return file.read()


def test_what_was_written_is_read_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    target = Directory(tmp_path / "new")
    write(target, "west/a/data")
    assert read(target, "west/a/data") == CONTENT
    assert (tmp_path / "new/west/a/data").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "new/west").stat().st_mode & 0o777 == 0o700


def test_a_file_is_replaced_only_by_a_whole_one(tmp_path: Path) -> None:
    class Breaks(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                raise ConnectionResetError("gone")
            return super().read(10)

    target = Directory(tmp_path)
    write(target, "a/data", b"old")
    with pytest.raises(FleetError, match="a/data cannot be written in the directory"):
        target.write("a/data", Breaks(CONTENT))
    assert read(target, "a/data") == b"old"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["data"]


def test_deleting_takes_empty_folders_along_and_the_directory_stays(tmp_path: Path) -> None:
    target = Directory(tmp_path / "kept")
    write(target, "west/a/data", b"")
    write(target, "west/b/data", b"")
    target.delete("west/a/data")
    target.delete("west/a/data")
    assert not (tmp_path / "kept/west/a").exists()
    target.delete("west/b/data")
    assert list((tmp_path / "kept").iterdir()) == []


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    folder = tmp_path / "full"
    folder.mkdir()
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "full", folder], check=True, timeout=10
    )
    yield folder
    subprocess.run(["umount", folder], check=True, timeout=10)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a file system")
def test_a_full_target_is_said_and_holds_nothing_of_it(full: Path) -> None:
    target = Directory(full)
    write(target, "a/old", b"old")
    with pytest.raises(FleetError, match="No space left on device"):
        write(target, "a/data")
    assert [file.name for file in target.files("")] == ["a/old"]
    assert not list(full.rglob(f"{UNFINISHED}*"))
