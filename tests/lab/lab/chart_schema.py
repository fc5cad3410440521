# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The strict JSON schema of the stand-in chart, derived from its default values.

The vendor's schema closes every map, so one unknown key fails the installation. That strictness is
what the lab has to keep; the schema itself follows from the default values and the short table
chart/schema.yaml, whose notation is explained there.
"""

from __future__ import annotations

import copy
from typing import Any

Schema = dict[str, Any]

_SCALARS: dict[str, Schema] = {
    "string": {"type": "string"},
    "bool": {"type": "boolean"},
    "int": {"type": "integer"},
    "object": {"type": "object"},
    "switch": {"oneOf": [{"type": "string"}, {"type": "boolean"}]},
    "any": {},
}


class SchemaBuilder:
    """Builds the schema of one line.

    :param table: content of chart/schema.yaml: ``names``, ``types`` and ``keys``
    """

    def __init__(self, table: dict[str, Any]) -> None:
        self._types = table["types"]
        self._names = table["names"]
        self._keys = table["keys"]

    def build(self, values: dict[str, Any], keys: dict[str, Any], absent: list[str]) -> Schema:
        """Return the schema for one line.

        :param values: the line's default values
        :param keys: further keys of this line, path to shape
        :param absent: paths of the table that this line does not have
        :raises ValueError: when the table names a path or a shape that does not exist
        """
        schema = self._of_default("", values)
        for path, shape in {**self._keys, **keys}.items():
            if not any(path == gone or path.startswith(f"{gone}.") for gone in absent):
                self._place(schema, path.split("."), self._of_shape(shape), path)
        for path in absent:
            self._remove(schema, path.split("."))
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}

    def _of_default(self, name: str, value: Any) -> Schema:
        if name in self._names:
            return self._of_shape(self._names[name])
        if isinstance(value, dict):
            if not value:
                return {"type": "object"}
            return _closed({key: self._of_default(key, item) for key, item in value.items()})
        if isinstance(value, list):
            return {"type": "array"}
        if value == "auto":
            return copy.deepcopy(_SCALARS["switch"])
        return {"type": {str: "string", bool: "boolean", int: "integer"}[type(value)]}

    def _of_shape(self, shape: Any) -> Schema:
        if isinstance(shape, list):
            return {"type": "array", "items": self._of_shape(shape[0])}
        if isinstance(shape, dict):
            if "*" in shape:
                return {"type": "object", "additionalProperties": self._of_shape(shape["*"])}
            schema = _closed({key.rstrip("!"): self._of_shape(item) for key, item in shape.items()})
            if required := [key.rstrip("!") for key in shape if key.endswith("!")]:
                schema["required"] = required
            return schema
        if shape in self._types:
            return self._of_shape(self._types[shape])
        if shape in _SCALARS:
            return copy.deepcopy(_SCALARS[shape])
        raise ValueError(f"chart/schema.yaml: unknown shape {shape!r}")

    def _place(self, schema: Schema, keys: list[str], shape: Schema, path: str) -> None:
        """Put ``shape`` at ``keys``; two closed maps are united, anything else is replaced."""
        properties = schema.get("properties")
        if properties is None:
            raise ValueError(f"chart/schema.yaml: {path} lies under a map that is not closed")
        first, *rest = keys
        if first == "*":
            for child in properties.values():
                if "properties" in child:
                    _unite(child, copy.deepcopy(shape))
        elif not rest:
            if "properties" in shape and "properties" in properties.get(first, {}):
                _unite(properties[first], shape)
            else:
                properties[first] = shape
        elif first in properties:
            self._place(properties[first], rest, shape, path)
        else:
            raise ValueError(f"chart/schema.yaml: {path}: there is no {first}")

    def _remove(self, schema: Schema, keys: list[str]) -> None:
        first, *rest = keys
        properties = schema.get("properties", {})
        if not rest:
            properties.pop(first, None)
        elif first in properties:
            self._remove(properties[first], rest)


def _closed(properties: dict[str, Schema]) -> Schema:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _unite(target: Schema, more: Schema) -> None:
    for key, schema in more["properties"].items():
        if "properties" in schema and "properties" in target["properties"].get(key, {}):
            _unite(target["properties"][key], schema)
        else:
            target["properties"][key] = schema
    if "required" in more:
        target["required"] = more["required"]
