# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Streams that data of any size passes through in small pieces: made of pieces, measured, checked, or worked on."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, cast

from .._core.errors import FleetError
from .._core.snapshot import Part

PIECE = 1 << 18
SECONDS = 60.0  # until a stage ends once nobody reads from it any more


class Pieces(io.RawIOBase):
    """A stream of the pieces of an iterator."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = memoryview(b"")

    def readable(self) -> bool:
        """See RawIOBase."""
        return True

    def readinto(self, buffer: Any) -> int:
        """See RawIOBase."""
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = memoryview(piece)
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


class Measured(io.RawIOBase):
    """Passes a stream on; `part` is its size and sum so far."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._size = 0
        self._sum = hashlib.sha256()

    @property
    def part(self) -> Part:
        """What came through."""
        return Part(self._size, self._sum.hexdigest())

    def readable(self) -> bool:
        """See RawIOBase."""
        return True

    def readinto(self, buffer: Any) -> int:
        """See RawIOBase."""
        data = self._source.read(len(buffer))
        buffer[: len(data)] = data
        self._size += len(data)
        self._sum.update(data)
        if not data:
            self._ended()
        return len(data)

    def _ended(self) -> None:
        """The source has no more."""


class Checked(Measured):
    """Passes a stream on and raises at its end, unless it was the one that was written.

    Args:
        title: What messages call it.
    """

    def __init__(self, source: IO[bytes], expected: Part, title: str) -> None:
        super().__init__(source)
        self._expected = expected
        self._title = title

    def _ended(self) -> None:
        if self.part.size < self._expected.size:
            what = f"was cut off: {self.part.size} of {self._expected.size} bytes are left"
        elif self.part != self._expected:
            what = "was altered: its sum is not that of the manifest"
        else:
            return
        raise FleetError(f"{self._title} {what}.", "Use another snapshot.")


def buffered(raw: io.RawIOBase) -> IO[bytes]:
    """The stream with reads of any size."""
    return cast("IO[bytes]", io.BufferedReader(raw, PIECE))


class FromBeginning(io.RawIOBase):
    """A file read from its beginning, whatever others read from it meanwhile."""

    def __init__(self, file: IO[bytes]) -> None:
        self._descriptor = file.fileno()
        self._at = 0

    def readable(self) -> bool:
        """See RawIOBase."""
        return True

    def readinto(self, buffer: Any) -> int:
        """See RawIOBase."""
        data = os.pread(self._descriptor, len(buffer), self._at)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


@contextmanager
def spooled(content: IO[bytes], *, named: bool = False) -> Iterator[IO[bytes]]:
    """The content as a file: a database is not read in the order in which it is written.

    Args:
        named: It has a name (`file.name`), for those who open no other. Without one nothing of it outlives the process.
    """
    opened = tempfile.NamedTemporaryFile if named else tempfile.TemporaryFile
    with opened(prefix="fleetops-") as file:
        found = cast("IO[bytes]", file)
        _fill(found, content)
        yield found


def write(path: Path, content: IO[bytes]) -> None:
    """Write a file that was not there, for its owner alone."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        _fill(file, content)


def _fill(file: IO[bytes], content: IO[bytes]) -> None:
    try:
        shutil.copyfileobj(content, file, PIECE)
        file.flush()
    except OSError as error:
        raise no_room(error.strerror or error) from error


def no_room(why: object) -> FleetError:
    """The error of a temporary folder that takes no more."""
    return FleetError(
        f"The data cannot be unpacked in {tempfile.gettempdir()}: {why}.",
        "Make room there, or set TMPDIR to a folder that has it.",
    )


def whole(content: IO[bytes]) -> bytes:
    """All of a small stream: read to its very end, where errors come out."""
    found = io.BytesIO()
    shutil.copyfileobj(content, found, PIECE)
    return found.getvalue()


@contextmanager
def stage(work: Callable[[IO[bytes], IO[bytes]], None], source: IO[bytes]) -> Iterator[IO[bytes]]:
    """What a function makes of a stream, as a stream: it runs beside its reader, a few pieces ahead.

    An error of the function, or of its source, is raised where the stream ends: what was read until then is not whole.
    """
    tap = _Tap(source)
    reading, writing = os.pipe()
    errors: list[BaseException] = []

    def run() -> None:
        try:
            with os.fdopen(writing, "wb", PIECE) as sink:
                work(cast("IO[bytes]", tap), sink)
        except BaseException as error:
            errors.append(tap.error or error)

    thread = threading.Thread(target=run, daemon=True, name="stage")
    with os.fdopen(reading, "rb", 0) as pipe:
        thread.start()
        try:
            yield buffered(_Joined(cast("IO[bytes]", pipe), thread, errors))
        finally:
            # Whoever stops reading early ends the work too: its next write fails.
            with suppress(OSError):
                pipe.close()
            thread.join(SECONDS)


class _Tap:
    """A source that remembers its own error: libraries wrap it in one of theirs."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self.error: BaseException | None = None

    def read(self, size: int = -1) -> bytes:
        try:
            return self._source.read(size)
        except BaseException as error:
            self.error = error
            raise


class _Joined(io.RawIOBase):
    """The end of the pipe that raises the error of its other end."""

    def __init__(
        self, pipe: IO[bytes], thread: threading.Thread, errors: list[BaseException]
    ) -> None:
        self._pipe, self._thread, self._errors = pipe, thread, errors

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._pipe.read(len(buffer))
        if not data:
            self._thread.join(SECONDS)
            if self._errors:
                raise self._errors[0]
        buffer[: len(data)] = data
        return len(data)
