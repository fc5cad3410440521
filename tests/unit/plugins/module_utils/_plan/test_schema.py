# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The chart's own schema, asked before Helm is."""

from __future__ import annotations

from typing import Any

import pytest
from paper import NOTHING, chart, refusing, spec

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan import validator
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.schema import schema_findings


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        ({"nosuch": {}}, ""),
        ({"nosuch": 1}, "/nosuch"),
        ({"telemetry": {"enable": True}}, "/telemetry/enable"),
        ({"telemetry": {"enabled": "yes"}}, "/telemetry/enabled"),
    ],
)
def test_g17_the_charts_schema_is_asked_first(raw: dict[str, Any], place: str) -> None:
    found = plan(spec(values=raw), NOTHING, chart())
    assert refusing(found) == ({"G17"} if place else set())
    assert place in "".join(finding.what for finding in found.refusals)


def test_g17_a_key_that_went_names_what_to_do() -> None:
    raw = {"sleepMode": {"enabled": True}}
    found = plan(spec(values=raw), NOTHING, chart())
    assert refusing(found) == {"G17"}
    assert "sleep" in found.refusals[0].way_out


SECRET = "s3cr3t-in-a-value"
STRICT = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "word": {"enum": ["one", "two", None]},
        "size": {"type": ["string", "null"], "pattern": "^[0-9]+$"},
        "list": {"type": "array", "items": {"type": "string"}},
        "one": {"oneOf": [{"type": "boolean"}, {"type": "integer"}]},
    },
}


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"word": SECRET}, "/word is none of one, two, None"),
        ({"size": SECRET}, "/size breaks the rule pattern"),
        ({"size": [SECRET]}, "/size is array, not string or null"),
        ({"list": [{"a": SECRET}]}, "/list/0 is object, not string"),
        ({"list": [True]}, "/list/0 is boolean, not string"),
        ({"one": SECRET}, "/one breaks the rule oneOf"),
        ({"sizes": SECRET}, "knows no value /sizes. Did you mean size?"),
        ({"a/b": SECRET}, "knows no value /a~1b. Remove it."),
    ],
)
def test_g17_a_finding_names_place_and_rule_and_shows_no_value(
    raw: dict[str, Any], words: str
) -> None:
    (finding,) = schema_findings(raw, STRICT, {}, "0.36.1")
    assert finding.guard == "G17"
    assert words in str(finding)
    assert SECRET not in str(finding)


def test_g17_defaults_and_values_are_checked_together_as_helm_does() -> None:
    needs = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}
    assert schema_findings({}, needs, {"a": 1}, "0.36.1") == []
    assert schema_findings({"a": None}, needs, {"a": 1}, "0.36.1") != []


def test_g17_a_reference_counts_as_the_text_that_it_will_be() -> None:
    reference = {"$secret": {"name": "db", "key": "k"}}
    assert schema_findings({"list": [reference]}, STRICT, {}, "0.36.1") == []
    assert schema_findings({"one": reference}, STRICT, {}, "0.36.1") != []


def test_g17_a_key_that_went_is_told_once() -> None:
    found = schema_findings({"sleepMode": {"enabled": True}}, STRICT, {}, "0.36.1")
    assert len(found) == 1


def test_without_jsonschema_nothing_passes_unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validator, "Draft202012Validator", None)
    with pytest.raises(FleetError, match="jsonschema is missing"):
        schema_findings({}, STRICT, {}, "0.36.1")


def test_g17_keys_that_match_a_pattern_are_known() -> None:
    section = {"type": "object", "properties": {"a": {}}, "patternProperties": {"^x-": {}}}
    strict = {"properties": {"section": {**section, "additionalProperties": False}}}
    raw = {"section": {"a": 1, "x-mine": 2, "other": 3}}
    (finding,) = schema_findings(raw, strict, {}, "0.36.1")
    assert "/section/other" in finding.what
