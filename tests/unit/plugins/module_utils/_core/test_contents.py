# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two stores are equal exactly when their numbers are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.contents import (
    Contents,
    Tally,
    kind_of,
    snapshot_of,
)

STORES = st.dictionaries(st.binary(max_size=8), st.binary(max_size=8), max_size=6)


def contents(found: list[tuple[bytes, bytes]]) -> Contents:
    tally = Tally()
    for key, value in found:
        tally.add(key, value)
    return tally.contents


@given(STORES, st.randoms(use_true_random=False))
def test_the_order_does_not_matter(store: dict[bytes, bytes], random: object) -> None:
    found = list(store.items())
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert contents(shuffled) == contents(found)


@given(STORES, STORES)
def test_other_keys_or_values_give_another_digest(
    one: dict[bytes, bytes], other: dict[bytes, bytes]
) -> None:
    equal = contents(list(one.items())) == contents(list(other.items()))
    assert equal == (one == other)


def test_where_a_key_ends_matters() -> None:
    assert contents([(b"a", b"bc")]) != contents([(b"ab", b"c")])


def test_nothing_has_numbers_too() -> None:
    assert contents([]) == Contents(0, "0" * 64)


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        (b"/registry/configmaps/default/a", b"configmaps"),
        (b"/registry/namespaces/default", b"namespaces"),
        (b"/registry/apps.example.com/widgets/default/a", b"apps.example.com/widgets"),
        (b"/vcluster/mappings/a", b"mappings"),
        (b"compact_rev_key", b"compact_rev_key"),
    ],
)
def test_a_key_tells_its_kind(key: bytes, kind: bytes) -> None:
    assert kind_of(key) == kind


def test_kinds_are_counted_of_what_no_lease_ends() -> None:
    held = [
        (b"/registry/configmaps/a/a", b"", 0),
        (b"/registry/configmaps/a/b", b"", 0),
        (b"/registry/events/a/c", b"", 7),
    ]
    assert snapshot_of(3, held).kinds == {"configmaps": 2}
