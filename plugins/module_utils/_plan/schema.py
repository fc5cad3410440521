# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checking values against a chart's own JSON schema, in words that name path and key but no value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from .._core.errors import FleetError
from .._core.finding import Finding, refuse
from .._core.lines.registry import removed_until
from .values import ABSENT, is_reference, merged, pointer, read


def schema_findings(
    values: Mapping[str, Any], schema: Mapping[str, Any], defaults: Mapping[str, Any], version: str
) -> list[Finding]:
    """What keeps the chart from taking the values (G17).

    Args:
        values: User values.
        schema: values.schema.json of the chart.
        defaults: values.yaml of the chart; Helm checks the merged values.
        version: Chart version, for the keys that went.

    Raises:
        FleetError: When the Python package jsonschema is missing.
    """
    gone = list(_removed(values, version))
    named = {path for path, _finding in gone}
    findings = [finding for _path, finding in gone]
    for error in _errors(merged(defaults, _plain(values)), schema):
        findings += [finding for path, finding in _worded(error, version) if path not in named]
    return list(dict.fromkeys(findings))


def _removed(values: Mapping[str, Any], version: str) -> Iterator[tuple[str, Finding]]:
    for line, key in removed_until(version):
        path = tuple(key.key.split("."))
        if read(values, path) is not ABSENT:
            yield (
                pointer(path),
                refuse(
                    "G17",
                    f"The value {pointer(path)} went with line {line}; chart {version} does not take it.",
                    "",
                    f"Instead: {key.replacement}.",
                ),
            )


def _errors(values: Any, schema: Mapping[str, Any]) -> Iterator[Any]:
    from .validator import Draft202012Validator

    if Draft202012Validator is None:
        raise FleetError(
            "The Python package jsonschema is missing: values cannot be checked against the chart.",
            "Install it where the collection runs (pip install jsonschema).",
        )
    return Draft202012Validator(schema).iter_errors(values)


def _worded(error: Any, version: str) -> Iterator[tuple[str, Finding]]:
    """An error of the validator as findings, each with the JSON pointer it is about."""
    place = tuple(str(part) for part in error.absolute_path)
    if error.validator == "additionalProperties" and isinstance(error.instance, Mapping):
        known = sorted(error.schema.get("properties", {}))
        forms = [re.compile(form) for form in error.schema.get("patternProperties", {})]
        unknown = sorted(set(error.instance) - set(known))
        for key in (key for key in unknown if not any(form.search(key) for form in forms)):
            path = pointer((*place, key))
            close = get_close_matches(key, known, n=1)
            hint = f"Did you mean {close[0]}?" if close else "Remove it."
            yield path, refuse("G17", f"Chart {version} knows no value {path}.", "", hint)
        return
    wanted = error.validator_value
    if error.validator == "type":
        want = " or ".join(wanted) if isinstance(wanted, list) else wanted
        what = f"is {_kind(error.instance)}, not {want}"
    elif error.validator == "enum":
        what = f"is none of {', '.join(map(str, wanted))}"
    else:
        what = f"breaks the rule {error.validator} of the chart's schema"
    yield (
        pointer(place),
        refuse("G17", f"The value {pointer(place) or '/'} {what} (chart {version})."),
    )


def _kind(value: Any) -> str:
    """The JSON type of a value."""
    if value is None:
        return "null"
    kinds: tuple[tuple[type, str], ...] = (
        (bool, "boolean"),
        (int, "integer"),
        (float, "number"),
        (str, "string"),
        (list, "array"),
    )
    return next((word for kind, word in kinds if isinstance(value, kind)), "object")


def _plain(value: Any) -> Any:
    """References as the text that they will be."""
    if is_reference(value):
        return "reference"
    if isinstance(value, Mapping):
        return {key: _plain(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_plain(below) for below in value]
    return value
