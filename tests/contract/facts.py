# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests compare with, and how two objects are compared."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]
HERE = Path(__file__).resolve().parent
RELEASE = "tenant"  # release name, namespace and host version the contract was rendered with
NAMESPACE = "vc-tenant"
HOST_VERSION = "1.34.0"


# The C loader: the tests read some megabytes of YAML.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@functools.cache
def _json(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Contract:
    """The folder of facts about the vendor's chart."""

    folder: Path

    def read(self, name: str) -> Any:
        """Return the content of a JSON file of the folder."""
        return _json(self.folder / name)

    def cases(self, version: str) -> list[str]:
        """Return the names of the cases rendered with a version."""
        return sorted(file.stem for file in (self.folder / "rendered" / version).glob("*.yaml"))

    def values(self, case: str) -> Object:
        """Return the values of a case."""
        text = (self.folder / "cases" / f"{case}.yaml").read_text(encoding="utf-8")
        return yaml.safe_load(text) or {}

    def rendered(self, version: str, case: str) -> dict[str, Object]:
        """Return the objects of a case by kind/name."""
        return by_identity((self.folder / "rendered" / version / f"{case}.yaml").read_text())

    def observed(self, case: str) -> dict[str, Object]:
        """Return the objects seen in the host namespace of a running release by kind/name."""
        return by_identity((self.folder / "observed" / "0.36.1" / case / "host.yaml").read_text())


def by_identity(manifests: str) -> dict[str, Object]:
    """Return the objects of a YAML stream by kind/name; lists are opened."""
    objects: dict[str, Object] = {}
    for document in yaml.load_all(manifests, Loader=_LOADER):
        for item in (document or {}).get("items", [document] if document else []):
            identity = f"{item['kind']}/{item['metadata']['name']}"
            assert identity not in objects, f"{identity} comes twice"
            objects[identity] = item
    return objects


@functools.cache
def fields() -> list[tuple[str, str]]:
    """Return the compared fields as pairs of kind (``*`` is any) and path."""
    pairs = []
    for line in (HERE / "fields.txt").read_text(encoding="utf-8").splitlines():
        if text := line.split("#")[0].strip():
            kind, path = text.split()
            pairs.append((kind, path))
    return pairs


@functools.cache
def differences(section: str) -> list[Object]:
    """Return a section of differences.yaml."""
    entries: list[Object] = yaml.safe_load((HERE / "differences.yaml").read_text())[section]
    return entries


def compared(item: Object) -> dict[str, Any]:
    """Return what is compared of an object: path of each leaf under a listed field, and its value."""
    wanted = [path for kind, path in fields() if kind in ("*", item["kind"])]
    return {
        path: value
        for path, value in leaves(item)
        if any(is_below(path, field) for field in wanted)
    }


def is_below(path: str, field: str) -> bool:
    """Tell whether a path is a field or lies under it."""
    return path == field or path.startswith((f"{field}.", f"{field}["))


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every leaf; items of a list go by their name where each has one, else by their place."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        names = [item.get("name") if isinstance(item, dict) else None for item in value]
        named = None not in names and len(set(names)) == len(names)
        for place, item in enumerate(value):
            yield from leaves(item, f"{path}[{names[place] if named else place}]")
    else:
        yield path, value


def changed(ours: Object, theirs: Object) -> set[str]:
    """Return the compared paths at which two objects differ."""
    left, right = compared(ours), compared(theirs)
    return {path for path in left.keys() | right.keys() if left.get(path) != right.get(path)}
