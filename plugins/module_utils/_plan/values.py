# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trees of chart values: merging, reading and writing by path.

A path is a tuple of keys. Written out it is a JSON pointer (RFC 6901), the form used in messages, in
`Spec.secret_paths` and in the annotation of foreign values. Lists are values as a whole: they replace each other, as in
Helm, and no path leads into them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .._core.errors import Refused
from .._core.finding import refuse

Path = tuple[str, ...]
Tree = dict[str, Any]

# A value by reference is a mapping with exactly this key.
REFERENCE = "$secret"


class _Absent:
    """Stands for "there is nothing": None is a value of its own."""

    def __repr__(self) -> str:
        return "absent"


ABSENT: Any = _Absent()


def pointer(path: Path) -> str:
    """The path as a JSON pointer."""
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in path)


def path_of(text: str) -> Path:
    """The path of a JSON pointer."""
    return tuple(key.replace("~1", "/").replace("~0", "~") for key in text.split("/")[1:])


def is_reference(value: Any) -> bool:
    """Whether a value names a key of a Secret instead of holding the content."""
    return isinstance(value, Mapping) and set(value) == {REFERENCE}


def is_branch(value: Any) -> bool:
    """Whether a value is an inner node: a mapping with keys that is no reference."""
    return isinstance(value, Mapping) and bool(value) and not is_reference(value)


def leaves(tree: Mapping[str, Any], prefix: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value that is not an inner node, with its path, in key order.

    Empty mappings are left out: Helm merges them over the chart's defaults, so they say nothing.
    """
    for key in sorted(tree, key=str):
        value = tree[key]
        if is_branch(value):
            yield from leaves(value, (*prefix, key))
        elif value != {} or not isinstance(value, Mapping):
            yield (*prefix, key), value


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """JSON pointers of the values that are not the same in both."""
    before, after = (
        {pointer(path): value for path, value in leaves(tree)} for tree in (one, other)
    )
    paths = before.keys() | after.keys()
    return sorted(path for path in paths if before.get(path, ABSENT) != after.get(path, ABSENT))


def read(tree: Mapping[str, Any], path: Path) -> Any:
    """The value at a path, or ABSENT."""
    node: Any = tree
    for key in path:
        if not isinstance(node, Mapping) or is_reference(node) or key not in node:
            return ABSENT
        node = node[key]
    return node


def write(tree: Tree, path: Path, value: Any) -> None:
    """Put a value at a path; whatever stands in the way and is no mapping is replaced."""
    node = tree
    for key in path[:-1]:
        below = node.get(key)
        if not isinstance(below, dict) or is_reference(below):
            below = node[key] = {}
        node = below
    node[path[-1]] = _copied(value)


def remove(tree: Tree, path: Path) -> None:
    """Take a path away, and the mappings that are empty for it."""
    parents: list[tuple[Tree, str]] = []
    node: Any = tree
    for key in path:
        if not isinstance(node, dict) or key not in node:
            return
        parents.append((node, key))
        node = node[key]
    last, key = parents.pop()
    del last[key]
    while parents and not last:
        last, key = parents.pop()
        del last[key]


def build(items: Iterable[tuple[Path, Any]]) -> Tree:
    """The tree of some leaves; the inverse of `leaves`."""
    tree: Tree = {}
    for path, value in items:
        write(tree, path, value)
    return tree


def merged(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> Tree:
    """Two layers: mappings merge, everything else replaces, null removes what a lower layer said."""
    result: Tree = {}
    for key in (*lower, *(key for key in upper if key not in lower)):
        if key not in upper:
            result[key] = _copied(lower[key])
            continue
        value = upper[key]
        if isinstance(value, Mapping) and not is_reference(value):
            below = lower.get(key)
            base = below if isinstance(below, Mapping) and not is_reference(below) else {}
            result[key] = merged(base, value)
        elif value is not None:
            result[key] = _copied(value)
    return result


def _copied(value: Any) -> Any:
    """A copy of JSON; `copy.deepcopy` takes ten times as long."""
    if isinstance(value, Mapping):
        return {key: _copied(below) for key, below in value.items()}
    if isinstance(value, (list, tuple)):
        return [_copied(below) for below in value]
    return value


def merge_layers(layers: Mapping[str, Any]) -> Tree:
    """All layers, lowest first, as one tree without nulls.

    Args:
        layers: Trees by the name of their variable.

    Raises:
        Refused: For layers that are no mappings.
    """
    wrong = [
        name for name, tree in layers.items() if tree is not None and not isinstance(tree, Mapping)
    ]
    if wrong:
        raise Refused(tuple(refuse("spec", f"{name} is not a mapping.") for name in wrong))
    result: Tree = {}
    for tree in layers.values():
        result = merged(result, tree or {})
    return result
