# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trees of values: paths and pointers, reading, writing, merging."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paper import keys, said, trees

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import Refused
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.values import (
    ABSENT,
    build,
    differing,
    leaves,
    merge_layers,
    merged,
    path_of,
    pointer,
    read,
    remove,
    write,
)

REFERENCE = {"$secret": {"name": "db", "key": "dsn"}}


@given(st.lists(st.text("ab~/01", max_size=4), max_size=4))
def test_a_pointer_leads_back_to_its_path(path: list[str]) -> None:
    assert path_of(pointer(tuple(path))) == tuple(path)


@given(trees)
def test_every_leaf_is_read_where_it_stands(tree: dict[str, Any]) -> None:
    assert {path: read(tree, path) for path, _value in leaves(tree)} == dict(leaves(tree))


@given(trees, trees)
def test_the_upper_layer_wins_and_neither_layer_is_touched(
    lower: dict[str, Any], upper: dict[str, Any]
) -> None:
    before = copy.deepcopy((lower, upper))
    found = merged(lower, upper)
    assert dict(leaves(found)).items() >= {p: v for p, v in leaves(upper) if v != []}.items()
    write(found, ("a", "b"), "changed")
    assert (lower, upper) == before


@given(trees, keys)
def test_null_removes_and_removing_it_again_changes_nothing(tree: dict[str, Any], key: str) -> None:
    gone = merged(tree, {key: None})
    assert gone == {other: value for other, value in tree.items() if other != key}
    remove(gone, (key, "nowhere"))
    assert gone == merged(tree, {key: None})


@given(trees)
def test_a_tree_without_its_leaves_is_empty(tree: dict[str, Any]) -> None:
    left = said(tree)
    for path, _value in leaves(tree):
        remove(left, path)
    assert left == {}


def test_a_reference_is_a_leaf_that_no_path_leads_into() -> None:
    tree = {"a": {"b": REFERENCE}}
    assert list(leaves(tree)) == [(("a", "b"), REFERENCE)]
    assert read(tree, ("a", "b", "$secret")) is ABSENT
    assert merged(tree, {"a": {"b": {"c": 1}}}) == {"a": {"b": {"c": 1}}}
    assert merged({"a": {"b": {"c": 1}}}, tree) == tree


@pytest.mark.parametrize("standing", ["text", 1, None, [], REFERENCE])
def test_what_stands_in_the_way_of_a_path_is_replaced(standing: Any) -> None:
    tree = {"a": standing}
    write(tree, ("a", "b"), 1)
    assert tree == {"a": {"b": 1}}


def test_null_and_empty_lists_are_values_and_empty_mappings_say_nothing() -> None:
    tree = {"a": None, "b": [], "c": {}, "d": {"e": {}}}
    assert build(leaves(tree)) == {"a": None, "b": []}


def test_layers_merge_deeply_lists_replace_and_null_removes() -> None:
    layers = {
        "vcluster_values__10_all": {"a": {"b": 1, "c": [1, 2]}, "d": 1},
        "vcluster_values__90_host": {"a": {"c": [3]}, "d": None},
        "vcluster_values": {"a": {"e": {}}},
    }
    assert merge_layers(layers) == {"a": {"b": 1, "c": [3], "e": {}}}


def test_a_layer_that_is_no_mapping_is_named() -> None:
    with pytest.raises(Refused, match="vcluster_values__10_all is not a mapping"):
        merge_layers({"vcluster_values__10_all": [1]})


def test_values_that_are_not_the_same_in_both() -> None:
    one = {"a": {"b": 1, "c": [1]}, "d": "x", "same": True}
    other = {"a": {"b": 2, "c": [1]}, "e": None, "same": True}
    assert differing(one, other) == ["/a/b", "/d", "/e"]
    assert differing(one, one) == []
