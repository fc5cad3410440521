# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checking variables against an argument spec, all mistakes at once.

Ansible checks a module's arguments; variables that the plan reads from the inventory are checked here by the same spec.
Numbers and booleans are also taken as text, because templates and `-e` give text. Text is not taken as a number's
spelling: an unquoted `1.36` has lost its zero before anyone can look at it (G58).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .._core.finding import Finding, refuse

Option = Mapping[str, Any]
_TRUE = ("true", "yes", "on", "1")
_FALSE = ("false", "no", "off", "0")


class _Mistyped(Exception):
    """The value cannot be read as the type."""


def checked(
    spec: Mapping[str, Option], given: Mapping[str, Any], prefix: str = ""
) -> tuple[dict[str, Any], list[Finding]]:
    """The given arguments in their proper types, and what is wrong with the rest.

    Args:
        spec: Argument spec; its types are str, path, int, bool, dict, list and raw.
        given: Values by name; None counts as not given.
        prefix: How messages name the place, for example `vcluster_` or `vcluster_store.`.
    """
    values: dict[str, Any] = {}
    findings: list[Finding] = []
    for name, value in given.items():
        if name not in spec:
            findings.append(
                refuse(
                    "spec", f"{prefix}{name} is unknown.", "", f"Known: {', '.join(sorted(spec))}."
                )
            )
        elif value is not None:
            values[name] = _value(spec[name], value, f"{prefix}{name}", findings)
    for name, option in spec.items():
        if option.get("required") and given.get(name) is None:
            findings.append(refuse("spec", f"{prefix}{name} is missing."))
    return {name: value for name, value in values.items() if value is not None}, findings


def _value(option: Option, value: Any, place: str, findings: list[Finding]) -> Any:
    """One value in its type; None and a finding when it cannot be."""
    kind = option["type"]
    try:
        typed = _READERS[kind](value)
    except _Mistyped as mistake:
        shown = "a hidden value" if option.get("no_log") else repr(value)
        findings.append(refuse("spec", f"{place} is {shown}, not {mistake}."))
        return None
    if kind == "dict" and "options" in option:
        typed, below = checked(option["options"], typed, f"{place}.")
        findings.extend(below)
    if kind == "list" and option.get("elements") in _ELEMENTS:
        form, words, way_out = _ELEMENTS[option["elements"]]
        wrong = [item for item in typed if not isinstance(item, form)]
        if wrong:
            findings.append(
                refuse("spec", f"{place} holds {wrong[0]!r}, not {words}.", "", way_out)
            )
            return None
    if "choices" in option and typed not in option["choices"]:
        choices = ", ".join(option["choices"])
        findings.append(refuse("spec", f"{place} is {typed!r}.", "", f"Known: {choices}."))
        return None
    return typed


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise _Mistyped("text (quote it)" if isinstance(value, (bool, int, float)) else "text")


def _number(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            pass
    raise _Mistyped("a whole number")


def _switch(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if isinstance(value, (str, int)) and word in (*_TRUE, *_FALSE):
        return word in _TRUE
    raise _Mistyped("true or false")


def _mapping(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise _Mistyped("a mapping")


def _list(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return list(value)
    raise _Mistyped("a list")


# Type of the elements of a list, what a wrong one is not, and what to do.
_ELEMENTS: dict[str, tuple[type, str, str]] = {
    "str": (str, "text", "Quote it."),
    "dict": (Mapping, "a mapping", ""),
}
_READERS: dict[str, Callable[[Any], Any]] = {
    "str": _text,
    "path": _text,
    "int": _number,
    "bool": _switch,
    "dict": _mapping,
    "list": _list,
    "raw": lambda value: value,
}
