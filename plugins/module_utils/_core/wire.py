# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Protocol Buffers' wire format, as far as one field of a message is read or changed and the rest stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types


class Malformed(ValueError):
    """The bytes are no such message."""


def get(message: bytes, number: int) -> bytes | None:
    """The content of a message, text or bytes field; the last one of several, None where there is none."""
    found = None
    for field, begin, body, end in _fields(message):
        if field == number and message[begin] & 7 == BYTES:
            found = message[body:end]
    return found


def without(message: bytes, number: int) -> bytes:
    """The message without a field."""
    return b"".join(
        message[begin:end] for field, begin, _body, end in _fields(message) if field != number
    )


def changed(message: bytes, number: int, change: Callable[[bytes], bytes]) -> bytes:
    """The message with the content of a message, text or bytes field changed, wherever it comes."""
    parts = []
    for field, begin, body, end in _fields(message):
        part = message[begin:end]
        if field == number and message[begin] & 7 == BYTES:
            content = change(message[body:end])
            part = _varint_text(number << 3 | BYTES) + _varint_text(len(content)) + content
        parts.append(part)
    return b"".join(parts)


def _fields(message: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Number, where the field begins, where its content begins, and where it ends."""
    at = 0
    while at < len(message):
        begin = at
        tag, at = varint(message, at)
        kind = tag & 7
        if kind == VARINT:
            body, (_value, end) = at, varint(message, at)
        elif kind == BYTES:
            size, body = varint(message, at)
            end = body + size
        elif kind in (FIXED32, FIXED64):
            body, end = at, at + (4 if kind == FIXED32 else 8)
        else:
            raise Malformed(f"wire type {kind}")
        if end > len(message):
            raise Malformed("it is cut off")
        yield tag >> 3, begin, body, end
        at = end


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A number, and where it ends; Malformed when it is cut off."""
    if at < len(data) and data[at] < 0x80:  # most of them
        return data[at], at + 1
    number = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        number |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return number, at
        shift += 7
    raise Malformed("a number is cut off")


def _varint_text(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)
