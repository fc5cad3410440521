# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pages of a bbolt file, made by hand; files of a real etcd are in test_etcd_file."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from bolt_pages import BUCKET, LEAF, Elements, branch, bucket, header, leaf, meta, padded

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.bolt import Bolt
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError

FILES: list[int] = []


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    while FILES:
        os.close(FILES.pop())


def opened(folder: Path, *pages: bytes) -> Bolt:
    path = folder / "db"
    path.write_bytes(padded(*pages))
    FILES.append(os.open(path, os.O_RDONLY))
    return Bolt(FILES[-1])


PAIRS: Elements = [(0, b"a", b"1"), (0, b"b", b"")]


def test_a_small_bucket_lies_where_its_header_does(tmp_path: Path) -> None:
    root = leaf(2, [(BUCKET, b"key", bucket(0, leaf(0, PAIRS)))])
    file = opened(tmp_path, meta(0, 2, 3, 1), meta(1, 2, 3, 2), root)
    assert list(file.bucket(b"key")) == [(b"a", b"1"), (b"b", b"")]


def test_a_large_bucket_is_a_tree_of_its_own_with_pages_that_overflow(tmp_path: Path) -> None:
    large = leaf(4, [(0, b"c", b"x" * 5000)], overflow=1)
    root = leaf(2, [(0, b"a", b"no bucket"), (BUCKET, b"key", bucket(3))])
    file = opened(
        tmp_path, meta(0, 2, 7, 1), meta(1, 2, 7, 2), root, branch(3, [6, 4]), large, leaf(6, PAIRS)
    )
    assert list(file.bucket(b"key")) == [(b"a", b"1"), (b"b", b""), (b"c", b"x" * 5000)]


@pytest.mark.parametrize("newest", [0, 1])
def test_the_newest_whole_meta_page_counts(tmp_path: Path, newest: int) -> None:
    roots = [2, 3] if newest else [3, 2]
    metas = [meta(number, roots[number], 4, 5 + (number == newest)) for number in (0, 1)]
    old, new = (
        leaf(2, [(BUCKET, b"key", bucket(0, leaf(0, [])))]),
        leaf(3, [(BUCKET, b"key", bucket(0, leaf(0, PAIRS)))]),
    )
    assert len(list(opened(tmp_path, *metas, old, new).bucket(b"key"))) == 2
    cut = metas[newest][:60] + b"\xff" + metas[newest][61:]
    broken = [cut if number == newest else page for number, page in enumerate(metas)]
    assert list(opened(tmp_path, *broken, old, new).bucket(b"key")) == []


@pytest.mark.parametrize(
    ("pages", "words"),
    [
        ([branch(2, [2])], "circle"),
        ([branch(2, [7])], "points to page 7"),
        ([branch(2, [3]), leaf(9, [])], "says it is page 9"),
        ([header(2, 0, 0)], "neither branch nor leaf"),
        ([header(2, LEAF, 60000)], "too short for what it counts"),
        (
            [leaf(2, [(0, b"a", b"1")])[:16] + struct.pack("<IIII", 0, 16, 9, 9000)],
            "beyond its page",
        ),
        ([leaf(2, PAIRS, overflow=9)], "beyond the last"),
        ([leaf(2, PAIRS)], "no bucket key"),
    ],
)
def test_damage_is_said(tmp_path: Path, pages: list[bytes], words: str) -> None:
    file = opened(tmp_path, meta(0, 2, 4, 1), meta(1, 2, 4, 2), *pages)
    with pytest.raises(FleetError, match=words):
        list(file.bucket(b"key"))


def test_a_file_that_ends_too_early_is_damaged(tmp_path: Path) -> None:
    file = opened(tmp_path, meta(0, 2, 4, 1), meta(1, 2, 4, 2))
    with pytest.raises(FleetError, match="ends before page 2"):
        list(file.bucket(b"key"))


def test_without_a_whole_meta_page_it_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(FleetError, match="no whole meta page"):
        opened(tmp_path, b"x", b"y")
