# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pages of a bbolt file made by hand, and a whole etcd snapshot of them."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.bolt import (
    BRANCH,
    BUCKET,
    LEAF,
    MAGIC,
    META,
    VERSION,
    _fnv,
)

SIZE = 4096
Elements = list[tuple[int, bytes, bytes]]


def header(number: int, flags: int, count: int, overflow: int = 0) -> bytes:
    return struct.pack("<QHHI", number, flags, count, overflow)


def meta(number: int, root: int, pages: int, transaction: int) -> bytes:
    body = struct.pack("<IIIIQQQQQ", MAGIC, VERSION, SIZE, 0, root, 0, 9, pages, transaction)
    return header(number, META, 0) + body + struct.pack("<Q", _fnv(body))


def leaf(number: int, elements: Elements, overflow: int = 0) -> bytes:
    index, data = b"", b""
    for at, (flags, key, value) in enumerate(elements):
        position = (len(elements) - at) * 16 + len(data)
        index += struct.pack("<IIII", flags, position, len(key), len(value))
        data += key + value
    return header(number, LEAF, len(elements), overflow) + index + data


def branch(number: int, children: list[int]) -> bytes:
    index = b"".join(struct.pack("<IIQ", 0, 0, child) for child in children)
    return header(number, BRANCH, len(children)) + index


def bucket(root: int, inline: bytes = b"") -> bytes:
    return struct.pack("<QQ", root, 0) + inline


def padded(*pages: bytes) -> bytes:
    """The pages, each as long as it takes."""
    return b"".join(page.ljust(-(-len(page) // SIZE) * SIZE, b"\0") for page in pages)


def etcd_snapshot(pairs: Mapping[bytes, bytes], revision: int) -> bytes:
    """What a member streams: one change a key, the last one at this revision, and the sum."""
    first = revision - len(pairs) + 1
    changes: Elements = [
        (0, struct.pack(">QcQ", number, b"_", 0), _change(key, value))
        for number, (key, value) in enumerate(sorted(pairs.items()), first)
    ]
    content = leaf(3, changes)
    beyond = (len(content) - 1) // SIZE
    content = leaf(3, changes, overflow=beyond)
    root = leaf(2, [(BUCKET, b"key", bucket(3))])
    pages = 4 + beyond
    database = padded(meta(0, 2, pages, 1), meta(1, 2, pages, 2), root, content)
    return database + hashlib.sha256(database).digest()


def _change(key: bytes, value: bytes) -> bytes:
    """mvccpb.KeyValue with key (1) and value (5)."""
    return b"\x0a" + _sized(key) + b"\x2a" + _sized(value)


def _sized(data: bytes) -> bytes:
    assert len(data) < 128
    return bytes([len(data)]) + data
