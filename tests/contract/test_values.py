# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Default values, schema, config Secret and config hash of the stand-in."""

from __future__ import annotations

import base64
import copy
import itertools
from collections.abc import Iterator
from typing import Any

import yaml
from facts import Contract, differences, is_below

from lab import chart

OPEN = "open"
VERSIONS = [line.version for line in chart.lines().values()]


def test_default_values(contract: Contract, version: str) -> None:
    theirs = contract.read(f"values.default/{version}.json")
    assert chart.find(version).default_values() == theirs


def test_schema(contract: Contract, version: str) -> None:
    """Both schemas know the same paths, of the same types, and close the same maps."""
    ours = dict(shapes(chart.find(version).schema()))
    schema = contract.read(f"values.schema/{version}.json")
    theirs = dict(shapes(schema, schema["$defs"]))
    known = {
        entry["path"]: entry for entry in differences("schema") if version in entry["versions"]
    }
    found = {path for path in ours.keys() | theirs.keys() if ours.get(path) != theirs.get(path)}
    unknown = {path for path in found if not any(is_below(path, item) for item in known)}
    assert {path: (ours.get(path), theirs.get(path)) for path in unknown} == {}
    for path in known:
        assert any(is_below(item, path) for item in found), f"{path} no longer differs"


def shapes(
    schema: Any, defs: Any = None, path: str = "", under: tuple[str, ...] = ()
) -> Iterator[Any]:
    """Yield each path of a schema with what it takes there."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[1]
        assert name not in under, f"{path}: {name} holds itself"
        yield from shapes(defs[name], defs, path, (*under, name))
        return
    more = schema.get("additionalProperties")
    kind = schema.get("type", "switch" if "oneOf" in schema else "any")
    required = sorted(schema.get("required", []))
    if kind == "object":
        kind = "closed" if more is False else "map" if isinstance(more, dict) else OPEN
    yield path, (kind, *required)
    for key, child in schema.get("properties", {}).items():
        yield from shapes(child, defs, f"{path}.{key}", under)
    if isinstance(more, dict) and kind == "map":
        yield from shapes(more, defs, f"{path}.*", under)
    if schema.get("items") not in (None, True, {}):  # items of any kind are the same as none told
        yield from shapes(schema["items"], defs, f"{path}[]", under)


def test_config_secret(contract: Contract, template: Any, version: str, case: str) -> None:
    """The Secret holds all values, as the vendor's does."""
    ours = template(version, contract.values(case)).objects()
    assert config(ours) == config(contract.rendered(version, case))


def config(objects: dict[str, Any]) -> Any:
    """Return the values in the config Secret."""
    data = objects["Secret/vc-config-tenant"]["data"]
    assert list(data) == ["config.yaml"]
    return yaml.safe_load(base64.b64decode(data["config.yaml"]))


def test_config_hash_over_cases(contract: Contract, template: Any, version: str) -> None:
    """Two cases have the same hash in ours exactly when they have in theirs."""
    pairs = {
        case: (
            config_hash(template(version, contract.values(case)).objects()),
            config_hash(contract.rendered(version, case)),
        )
        for case in contract.cases(version)
    }
    for one, other in itertools.combinations(pairs, 2):
        same = [pairs[one][side] == pairs[other][side] for side in (0, 1)]
        assert same[0] == same[1], f"{one}, {other}"


def test_config_hash_changes_with_any_value(contract: Contract, template: Any) -> None:
    """One switch or text of each part of the values: each changes the hash."""
    version = VERSIONS[-1]  # the template is the same for all lines
    defaults = contract.read(f"values.default/{version}.json")
    base = config_hash(template(version, {}).objects())
    for top, second in [(top, key) for top, part in defaults.items() for key in part]:
        values = change({top: {second: copy.deepcopy(defaults[top][second])}})
        if values is not None:
            assert config_hash(template(version, values).objects()) != base, f"{top}.{second}"


def test_config_hash_leaves_out_auto_nodes(template: Any) -> None:
    version = VERSIONS[-1]  # the template is the same for all lines
    values = {"privateNodes": {"autoNodes": [{"provider": "example"}]}}
    with_nodes = template(version, values).objects()
    assert config_hash(with_nodes) == config_hash(template(version, {}).objects())


def test_config_hash_is_not_on_etcd(contract: Contract, template: Any, version: str) -> None:
    """A value that etcd does not use leaves its pods alone."""
    values = contract.values("etcd-deploy-3")
    other = {**values, "telemetry": {"enabled": False}}
    name = "StatefulSet/tenant-etcd"
    assert template(version, values).objects()[name] == template(version, other).objects()[name]


def config_hash(objects: dict[str, Any]) -> str:
    """Return the control plane's config hash."""
    workload = objects.get("StatefulSet/tenant") or objects["Deployment/tenant"]
    value: str = workload["spec"]["template"]["metadata"]["annotations"]["vClusterConfigHash"]
    return value


def change(value: Any) -> Any:
    """Return a tree with its first number, switch or text changed and nothing else in it.

    None when there is none. What is added to a text is a comment where the text is a manifest.
    """
    if isinstance(value, dict):
        for key, item in value.items():
            if (new := change(item)) is not None:
                return {key: new}
        return None
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return "false" if value == "auto" else f"{value} # changed"
    return None
