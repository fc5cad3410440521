# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How values are read and made for all stores."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.base import (
    at,
    claim_values,
    number,
    tree,
    truthy,
)


@pytest.mark.parametrize(
    ("value", "on"),
    [
        (True, True),
        ("true", True),
        ("True", True),
        (False, False),
        ("auto", False),
        (None, False),
        (1, False),
        ("yes", False),
    ],
)
def test_a_switch_is_read_as_the_chart_reads_it(value: Any, on: bool) -> None:
    assert truthy(value) is on


@pytest.mark.parametrize(
    ("value", "count"), [(3, 3), (0, 0), ("3", 1), (True, 1), (None, 1), (2.0, 1)]
)
def test_only_a_whole_number_is_a_count(value: Any, count: int) -> None:
    assert number(value) == count


def test_a_path_that_leads_nowhere_reads_as_none() -> None:
    values = {"a": {"b": "text", "c": None}}
    assert at(values, "a", "b") == "text"
    assert [at(values, *path) for path in (("x",), ("a", "b", "c"), ("a", "c", "d"))] == [None] * 3


@pytest.mark.parametrize(
    ("options", "claim"),
    [
        ({}, {}),
        ({"persistence": True}, {}),
        ({"persistence": False}, {"enabled": False}),
        ({"size": "8Gi", "storage_class": "fast"}, {"size": "8Gi", "storageClass": "fast"}),
    ],
)
def test_a_claim_says_only_what_was_asked_for(
    options: dict[str, Any], claim: dict[str, Any]
) -> None:
    assert tree(*claim_values(("claim",), options)) == ({"claim": claim} if claim else {})
