# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Streams pass on exactly what they were given, or raise."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Iterator
from typing import IO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.streams import (
    PIECE,
    Checked,
    Measured,
    Pieces,
    buffered,
    stage,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.snapshot import Part

CONTENT = bytes(range(256)) * 5000


def part_of(content: bytes) -> Part:
    return Part(len(content), hashlib.sha256(content).hexdigest())


def copy(source: IO[bytes], sink: IO[bytes]) -> None:
    while piece := source.read(PIECE):
        sink.write(piece)


@given(st.lists(st.binary(max_size=50)), st.integers(1, 40))
def test_pieces_of_any_size_are_read_in_any_size(pieces: list[bytes], size: int) -> None:
    stream = buffered(Pieces(iter(pieces)))
    found = []
    while data := stream.read(size):
        found.append(data)
    assert b"".join(found) == b"".join(pieces)


def test_what_comes_through_is_measured() -> None:
    measured = Measured(io.BytesIO(CONTENT))
    assert buffered(measured).read() == CONTENT
    assert measured.part == part_of(CONTENT)


def test_what_was_written_passes_the_check() -> None:
    checked = Checked(io.BytesIO(CONTENT), part_of(CONTENT), "a/data")
    assert buffered(checked).read() == CONTENT


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (CONTENT[:-1], "a/data was cut off: 1279999 of 1280000 bytes"),
        (b"", "was cut off: 0 of"),
        (CONTENT + b"x", "was altered"),
        (b"x" + CONTENT[1:], "was altered"),
    ],
)
def test_anything_else_raises_at_its_end(content: bytes, words: str) -> None:
    with pytest.raises(FleetError, match=words):
        buffered(Checked(io.BytesIO(content), part_of(CONTENT), "a/data")).read()


def test_a_stage_is_a_stream_of_what_the_work_makes() -> None:
    def twice(source: IO[bytes], sink: IO[bytes]) -> None:
        while piece := source.read(PIECE):
            sink.write(piece)
            sink.write(piece)

    with stage(twice, io.BytesIO(CONTENT[:100])) as found:
        assert found.read() == CONTENT[:100] * 2


@pytest.mark.parametrize("wrapped", [False, True])
def test_an_error_of_the_source_is_raised_as_it_was(wrapped: bool) -> None:
    def breaks() -> Iterator[bytes]:
        yield CONTENT
        raise FleetError("the member is gone")

    def work(source: IO[bytes], sink: IO[bytes]) -> None:
        try:
            copy(source, sink)
        except FleetError as error:
            raise RuntimeError("in a library") from (error if wrapped else None)

    with (
        stage(work, buffered(Pieces(breaks()))) as found,
        pytest.raises(FleetError, match="the member is gone"),
    ):
        found.read()


def test_an_error_of_the_work_is_raised_at_the_end_of_what_it_made() -> None:
    def work(source: IO[bytes], sink: IO[bytes]) -> None:
        sink.write(source.read(10))
        raise FleetError("no more")

    with stage(work, io.BytesIO(CONTENT)) as found:
        assert found.read(10) == CONTENT[:10]
        with pytest.raises(FleetError, match="no more"):
            found.read(1)


def test_a_reader_that_stops_early_ends_the_work() -> None:
    before = threading.active_count()
    endless = buffered(Pieces(iter(lambda: b"x" * PIECE, None)))
    with stage(copy, endless) as found:
        assert found.read(3) == b"xxx"
    assert threading.active_count() == before
