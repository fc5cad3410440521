# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables in their types: what is taken as what, and how a mistake is told."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.argument_types import checked

SPEC: dict[str, dict[str, Any]] = {
    "text": {"type": "str"},
    "count": {"type": "int"},
    "switch": {"type": "bool"},
    "names": {"type": "list", "elements": "str"},
    "free": {"type": "dict"},
    "any": {"type": "raw"},
    "word": {"type": "str", "choices": ["one", "two"]},
    "token": {"type": "str", "no_log": True},
    "store": {
        "type": "dict",
        "options": {"type": {"type": "str", "required": True}, "members": {"type": "int"}},
    },
}


@pytest.mark.parametrize(
    ("name", "given", "typed"),
    [
        ("text", "1.36", "1.36"),
        ("count", "3", 3),
        ("count", "-1", -1),
        ("switch", "Yes ", True),
        ("switch", 0, False),
        ("switch", "off", False),
        ("names", ("a", "b"), ["a", "b"]),
        ("free", {"a": [1]}, {"a": [1]}),
        ("any", [1, "x"], [1, "x"]),
        ("word", "two", "two"),
        ("store", {"type": "x", "members": "3"}, {"type": "x", "members": 3}),
        ("store", {"type": "x", "members": None}, {"type": "x"}),
    ],
)
def test_a_value_is_taken_in_its_type(name: str, given: Any, typed: Any) -> None:
    values, findings = checked(SPEC, {name: given})
    assert findings == []
    assert values == {name: typed}
    assert type(values[name]) is type(typed)


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("text", 1.36, "v_text is 1.36, not text (quote it)."),
        ("text", True, "not text (quote it)"),
        ("text", ["a"], "v_text is ['a'], not text."),
        ("count", True, "not a whole number"),
        ("count", 3.0, "not a whole number"),
        ("count", "three", "not a whole number"),
        ("switch", 2, "not true or false"),
        ("switch", 1.0, "not true or false"),
        ("switch", [], "not true or false"),
        ("names", "a,b", "not a list"),
        ("names", ["a", 1], "v_names holds 1, not text."),
        ("free", "a", "not a mapping"),
        ("word", "three", "Known: one, two."),
        ("store", {"members": 3}, "v_store.type is missing."),
        ("store", {"type": None}, "v_store.type is missing."),
        ("store", {"type": "x", "size": 1}, "v_store.size is unknown."),
        ("store", {"type": 1}, "v_store.type is 1, not text"),
        ("nonsense", None, "v_nonsense is unknown."),
    ],
)
def test_a_mistake_is_told_once_with_its_place(name: str, given: Any, words: str) -> None:
    _values, findings = checked(SPEC, {name: given}, "v_")
    assert [finding.severity for finding in findings] == ["refuse"]
    assert words in str(findings[0])


def test_g38_a_mistyped_secret_is_not_shown() -> None:
    _values, (finding,) = checked(SPEC, {"token": {"in": "s3cr3t"}})
    assert "s3cr3t" not in str(finding)
    assert "a hidden value" in finding.what


def test_all_mistakes_are_told_and_the_rest_is_read() -> None:
    values, findings = checked(SPEC, {"count": "x", "switch": "y", "text": "fine", "any": None})
    assert values == {"text": "fine"}
    assert len(findings) == 2
