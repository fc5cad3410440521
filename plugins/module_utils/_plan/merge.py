# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The three-way comparison of chart values (G54).

base: what we asked for at the last proof; live: the user values of the release; desired: what the inventory asks now.

- desired wins over live; where base already had it, the difference is drift;
- in base, and gone from the inventory: removed;
- in neither: foreign, kept and listed. Without a base (adoption) everything that is live is foreign or desired.

Lists replace each other, except those in ADDITIVE, which are compared entry by entry: several parties add to them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .._core.plan import Change
from .values import (
    ABSENT,
    Path,
    Tree,
    build,
    leaves,
    path_of,
    pointer,
    read,
    remove,
)

_PERSISTENCE = ("controlPlane", "statefulSet", "persistence")
ADDITIVE: frozenset[Path] = frozenset(
    {
        ("controlPlane", "proxy", "extraSANs"),
        (*_PERSISTENCE, "addVolumes"),
        (*_PERSISTENCE, "addVolumeMounts"),
        ("controlPlane", "backingStore", "etcd", "deploy", "statefulSet", "extraArgs"),
    }
)

Leaves = dict[Path, Any]


@dataclass(frozen=True)
class Merge:
    """The outcome of a comparison.

    Attributes:
        values: The user values that the release shall have.
        changes: Where they differ from the live ones.
        foreign: JSON pointers of kept values that nobody here asked for; a last part that is a number is an index into
            an additive list.
    """

    values: Tree
    changes: tuple[Change, ...]
    foreign: tuple[str, ...]


def same(desired: Any, live: Any) -> bool:
    """Whether a value is already what it should be; JSON knows no equality between a boolean and a number."""
    if isinstance(desired, Mapping) and isinstance(live, Mapping):
        return desired.keys() == live.keys() and all(
            same(desired[key], live[key]) for key in desired
        )
    if isinstance(desired, list) and isinstance(live, list):
        pairs = zip(desired, live, strict=False)
        return len(desired) == len(live) and all(same(one, other) for one, other in pairs)
    return isinstance(desired, bool) == isinstance(live, bool) and bool(desired == live)


def three_way(
    base: Mapping[str, Any] | None,
    live: Mapping[str, Any],
    desired: Mapping[str, Any],
    defaults: Collection[Path] = (),
) -> Merge:
    """Compare, and decide what stays.

    Args:
        base: See above; None without one. Foreign values are already taken out (`without`).
        live: See above.
        desired: See above; its references are resolved.
        defaults: Paths in `desired` that are laid in by default; their changes say so.
    """

    known: Leaves = dict(leaves(base or {}))
    have: Leaves = dict(leaves(live))
    result: Leaves = dict(leaves(desired))
    wanted_shape, known_shape = _Shape(result), _Shape(known)
    foreign: list[str] = []
    for path, value in have.items():
        if path in ADDITIVE and isinstance(value, list):
            entries, kept = _entries(value, _list(result, path), _list(known, path))
            foreign += [pointer((*path, str(index))) for index in kept]
            if entries:
                result[path] = entries
        elif not wanted_shape.speaks_of(path) and not known_shape.speaks_of(path):
            result[path] = value
            foreign.append(pointer(path))
    changes = tuple(_changes(have, result, known, known_shape, defaults))
    return Merge(build(result.items()), changes, tuple(foreign))


def without(tree: Mapping[str, Any], pointers: Iterable[str]) -> Tree:
    """The tree less the values at some JSON pointers, entries of additive lists included."""
    result = build(leaves(tree))
    entries: dict[Path, set[int]] = {}
    for path in map(path_of, pointers):
        if path[:-1] in ADDITIVE and path[-1].isdigit():
            entries.setdefault(path[:-1], set()).add(int(path[-1]))
        else:
            remove(result, path)
    for path, indexes in entries.items():
        value = read(result, path)
        if isinstance(value, list):
            left = [entry for index, entry in enumerate(value) if index not in indexes]
            remove(result, path)
            result = build([*leaves(result), *([(path, left)] if left else [])])
    return result


class _Shape:
    """Which paths a set of leaves says something about: themselves, what is below them, and what is above."""

    def __init__(self, found: Iterable[Path]) -> None:
        self._leaves = frozenset(found)
        self._above = frozenset(path[:end] for path in self._leaves for end in range(len(path)))

    def speaks_of(self, path: Path) -> bool:
        return path in self._above or any(
            path[:end] in self._leaves for end in range(1, len(path) + 1)
        )


def _list(found: Leaves, path: Path) -> list[Any]:
    value = found.get(path)
    return value if isinstance(value, list) else []


def _entries(live: list[Any], wanted: list[Any], known: list[Any]) -> tuple[list[Any], list[int]]:
    """The entries an additive list shall have, live ones first and in their order, and the indexes of foreign ones."""
    entries: list[Any] = []
    foreign: list[int] = []
    left = list(wanted)
    for entry in live:
        match = next((index for index, item in enumerate(left) if same(item, entry)), None)
        if match is not None:
            entries.append(left.pop(match))
        elif not any(same(item, entry) for item in (*known, *wanted)):
            foreign.append(len(entries))
            entries.append(entry)
    return [*entries, *left], foreign


def _changes(
    have: Leaves,
    result: Leaves,
    known: Leaves,
    known_shape: _Shape,
    defaults: Collection[Path],
) -> Iterable[Change]:
    for path in sorted({*have, *result}):
        before, after = have.get(path, ABSENT), result.get(path, ABSENT)
        if before is not ABSENT and after is not ABSENT and same(after, before):
            continue
        why: Literal["asked", "drift", "removed", "default"] = "asked"
        if after is ABSENT and known_shape.speaks_of(path):
            why = "removed"
        elif after is not ABSENT and path in known and same(after, known[path]):
            why = "drift"
        elif path in defaults:
            why = "default"
        yield Change(
            pointer(path),
            None if before is ABSENT else before,
            None if after is ABSENT else after,
            why,
        )
