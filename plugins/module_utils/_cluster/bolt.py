# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read a bbolt file, the database of etcd: pages of a B+ tree (go.etcd.io/bbolt 1.3 and 1.4, file version 2).

Pages are read one by one and not mapped: a file of gigabytes takes no memory.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from .._core.errors import FleetError

MAGIC, VERSION = 0xED0CDAED, 2
BRANCH, LEAF, META = 0x01, 0x02, 0x04
BUCKET = 0x01  # flag of a leaf element whose value is a bucket
DEEPEST = 64  # more levels than any file has: a circle of damaged pages ends here
_PAGE = struct.Struct("<QHHI")  # id, flags, count, overflow
_LEAF = struct.Struct("<IIII")  # flags, position, key size, value size
_BRANCH = struct.Struct("<IIQ")  # position, key size, page
# magic, version, page size, flags, root, sequence, freelist, pages, txid, checksum
_META = struct.Struct("<IIIIQQQQQQ")
_ROOT = struct.Struct("<QQ")  # root page, sequence
_FNV_OFFSET, _FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3


@dataclass(frozen=True)
class _Meta:
    page_size: int
    root: int
    pages: int
    transaction: int


class Bolt:
    """A bbolt file that nobody writes to.

    Args:
        descriptor: The open file; reading moves no position of it.

    Raises:
        FleetError: It is no such file, or damaged; so do all methods.
    """

    def __init__(self, descriptor: int) -> None:
        self._file = descriptor
        self._meta = self._newest_meta()

    def bucket(self, name: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The keys and values of a bucket of the root, in the order of the keys."""
        for leaf in self._leaves(self._meta.root):
            for kind, key, value in _elements(leaf):
                if kind & BUCKET and key == name:
                    for below in self._bucket_leaves(value):
                        for _kind, below_key, below_value in _elements(below):
                            yield below_key, below_value
                    return
        raise damaged(f"it has no bucket {name.decode()}")

    def _bucket_leaves(self, header: bytes) -> Iterator[bytes]:
        root, _sequence = _unpack(_ROOT, header, 0)
        if root:
            yield from self._leaves(root)
        else:  # a small one lies where its header does
            yield header[_ROOT.size :]

    def _newest_meta(self) -> _Meta:
        """The newer of the two meta pages that is whole: the other one may have been cut in its writing."""
        first = self._meta_at(0)
        # Where the first one is damaged the page size is not known: the usual ones are tried.
        sizes = [first.page_size] if first else [4096, 8192, 16384, 65536]
        found = [first, *(self._meta_at(size) for size in sizes)]
        whole = [meta for meta in found if meta]
        if not whole:
            raise damaged("it has no whole meta page")
        return max(whole, key=lambda meta: meta.transaction)

    def _meta_at(self, offset: int) -> _Meta | None:
        raw = os.pread(self._file, _PAGE.size + _META.size, offset)
        if len(raw) < _PAGE.size + _META.size:
            return None
        body = raw[_PAGE.size :]
        magic, version, size, _flags, root, _seq, _free, pages, txid, checksum = _META.unpack(body)
        if (magic, version) != (MAGIC, VERSION) or checksum != _fnv(body[:-8]):
            return None
        return _Meta(size, root, pages, txid)

    def _leaves(self, page: int) -> Iterator[bytes]:
        """All leaf pages below a page, in the order of their keys."""
        left = [(page, 0)]
        while left:
            page, depth = left.pop()
            if depth > DEEPEST:
                raise damaged("its pages form a circle")
            data = self._page(page)
            _id, flags, count, _overflow = _PAGE.unpack_from(data)
            if flags & LEAF:
                yield data
            elif flags & BRANCH:
                below = _several(_BRANCH, data, count)
                left += [(child, depth + 1) for _position, _size, child in reversed(below)]
            else:
                raise damaged(f"page {page} is neither branch nor leaf")

    def _page(self, number: int) -> bytes:
        size, pages = self._meta.page_size, self._meta.pages
        if not 0 < number < pages:
            raise damaged(f"it points to page {number} of {pages}")
        data = os.pread(self._file, size, number * size)
        if len(data) < size:
            raise damaged(f"it ends before page {number}")
        found, _flags, _count, overflow = _PAGE.unpack_from(data)
        if found != number:
            raise damaged(f"page {number} says it is page {found}")
        if overflow:
            if number + overflow >= pages:
                raise damaged(f"page {number} reaches beyond the last one")
            data += os.pread(self._file, overflow * size, (number + 1) * size)
            if len(data) < (1 + overflow) * size:
                raise damaged(f"it ends within page {number}")
        return data


def _elements(leaf: bytes) -> list[tuple[int, bytes, bytes]]:
    """Flags, key and value of all elements of a leaf page."""
    _id, flags, count, _overflow = _unpack(_PAGE, leaf, 0)
    if not flags & LEAF:
        raise damaged("a bucket holds no leaf")
    found = []
    offset = _PAGE.size
    for kind, position, key_size, value_size in _several(_LEAF, leaf, count):
        start = offset + position
        middle = start + key_size
        end = middle + value_size
        if end > len(leaf):
            raise damaged("a value reaches beyond its page")
        found.append((kind, leaf[start:middle], leaf[middle:end]))
        offset += _LEAF.size
    return found


def _several(shape: struct.Struct, page: bytes, count: int) -> list[tuple[int, ...]]:
    """What a page begins with: so many of the same shape."""
    end = _PAGE.size + count * shape.size
    if end > len(page):
        raise damaged("a page is too short for what it counts")
    return list(shape.iter_unpack(page[_PAGE.size : end]))


def _unpack(shape: struct.Struct, data: bytes, offset: int) -> tuple[int, ...]:
    if offset + shape.size > len(data):
        raise damaged("a page is too short for what it counts")
    return shape.unpack_from(data, offset)


def damaged(what: str) -> FleetError:
    """The error of a file that cannot be read."""
    return FleetError(f"The etcd database is damaged: {what}.", "Use another snapshot.")


def _fnv(data: bytes) -> int:
    """FNV-1a, 64 bits: bbolt's checksum of a meta page."""
    found = _FNV_OFFSET
    for byte in data:
        found = ((found ^ byte) * _FNV_PRIME) & 0xFFFFFFFFFFFFFFFF
    return found
