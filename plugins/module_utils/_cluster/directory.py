# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A directory of the controller, or a share mounted there, that keeps snapshots."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from .._core.errors import FleetError
from .._core.ports import Stored
from .targets import proper

PIECE = 1 << 20
UNFINISHED = ".unfinished-"


class Directory:
    """See the port `Target`. Folders are made with mode 0700, files with 0600.

    Args:
        folder: Made when it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.expanduser().absolute()

    @property
    def title(self) -> str:
        """See Target."""
        return f"directory {self._folder}"

    def write(self, name: str, content: IO[bytes]) -> None:
        """See Target. It is on the disk, not in a cache, when this returns."""
        path = self._path(name)
        with self._explained(name, "written"):
            _make(path.parent)
            handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=UNFINISHED)
            try:
                with os.fdopen(handle, "wb") as file:
                    shutil.copyfileobj(content, file, PIECE)
                    file.flush()
                    os.fsync(file.fileno())
                Path(unfinished).replace(path)
            except BaseException:
                Path(unfinished).unlink(missing_ok=True)
                raise
            _settle(path.parent)

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """See Target."""
        with self._explained(name, "read"), self._path(name).open("rb") as file:
            yield file

    def written(self, name: str) -> datetime:
        """See Target."""
        with self._explained(name, "read"):
            return datetime.fromtimestamp(self._path(name).stat().st_mtime, UTC)

    def files(self, prefix: str) -> Iterator[Stored]:
        """See Target."""
        with self._explained(prefix, "listed"):
            found = [path for path in self._below(prefix) if not _unfinished(path)]
            for path in sorted(found, key=str):
                with suppress(FileNotFoundError):  # somebody deleted it in the meantime
                    yield Stored(str(path.relative_to(self._folder)), path.stat().st_size)

    def delete(self, name: str) -> None:
        """See Target. Folders that are empty then go too."""
        path = self._path(name)
        with self._explained(name, "deleted"):
            path.unlink(missing_ok=True)
            for folder in path.parents:
                if folder == self._folder:
                    break
                try:
                    folder.rmdir()
                except OSError:  # not empty, or gone
                    break

    def sweep(self, prefix: str) -> None:
        """See Target."""
        with self._explained(prefix, "cleaned"):
            for path in self._below(prefix):
                if _unfinished(path):
                    path.unlink(missing_ok=True)

    def _below(self, prefix: str) -> Iterator[Path]:
        start = self._path(prefix) if prefix else self._folder
        return (path for path in start.rglob("*") if path.is_file())

    def _path(self, name: str) -> Path:
        return self._folder / proper(name, self.title)

    @contextmanager
    def _explained(self, name: str, done: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise FleetError(
                f"{name or 'All of it'} cannot be {done} in the {self.title}: {error.strerror or error}.",
                "Check that it is mounted, has room, and that the user who runs Ansible may write there.",
            ) from error


def _unfinished(path: Path) -> bool:
    return path.name.startswith(UNFINISHED)


def _make(folder: Path) -> None:
    """Make a folder and those above it, all for their owner alone."""
    if not folder.is_dir():
        _make(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _settle(folder: Path) -> None:
    """The new name is on the disk too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
