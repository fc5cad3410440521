# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One field of a message is read or changed; every other byte stays as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.wire import (
    Malformed,
    changed,
    get,
    without,
)


def varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + varint(rest) if rest else bytes([low])


def text(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


NUMBERS = st.integers(1, 1 << 20)
FIELDS = st.one_of(
    st.builds(text, NUMBERS, st.binary(max_size=300)),
    st.builds(lambda n, v: varint(n << 3) + varint(v), NUMBERS, st.integers(0, (1 << 64) - 1)),
    st.builds(lambda n, v: varint(n << 3 | 1) + v, NUMBERS, st.binary(min_size=8, max_size=8)),
    st.builds(lambda n, v: varint(n << 3 | 5) + v, NUMBERS, st.binary(min_size=4, max_size=4)),
)
OTHERS = st.lists(FIELDS).map(b"".join)
NUMBER = (1 << 20) + 1  # none of the others


@given(before=OTHERS, after=OTHERS, content=st.binary(max_size=300))
def test_a_field_among_others(before: bytes, after: bytes, content: bytes) -> None:
    message = before + text(NUMBER, content) + after
    assert get(message, NUMBER) == content
    assert without(message, NUMBER) == before + after
    assert (
        changed(message, NUMBER, lambda old: old + b"!")
        == before + text(NUMBER, content + b"!") + after
    )


@given(message=OTHERS)
def test_a_field_that_is_not_there(message: bytes) -> None:
    assert get(message, NUMBER) is None
    assert without(message, NUMBER) == message
    assert changed(message, NUMBER, lambda _old: b"new") == message


@pytest.mark.parametrize(
    "message",
    [b"\x0a\x05abc", b"\x0a", b"\x80", b"\x0b", b"\x0d\x01", b"\x80" * 11],
    ids=["content", "length", "tag", "group", "fixed", "endless"],
)
def test_what_is_cut_off_or_no_message(message: bytes) -> None:
    with pytest.raises(Malformed):
        without(message, 1)
