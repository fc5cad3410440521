# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values of an older chart as a newer one takes them, where what stands for a removed key is exact (G17)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .._core.finding import Finding, refuse
from .._core.lines.line import Removed
from .._core.lines.registry import removed_until
from .._core.lines.turns import TURNS, NotExact
from .._core.plan import Change
from .mask import mask
from .values import (
    ABSENT,
    Path,
    Tree,
    build,
    is_branch,
    leaves,
    path_of,
    pointer,
    read,
    remove,
    write,
)


@dataclass(frozen=True)
class Rename:
    """One value that changes its place. Secrets are still in clear here, mask before showing.

    Attributes:
        old: JSON pointer of the value.
        new: JSON pointer of what stands for it; None where nothing has to.
        before: The value at the old place.
        value: The value at the new one; None without one.
    """

    old: str
    new: str | None
    before: Any
    value: Any


@dataclass(frozen=True)
class Renamed:
    """Values after it.

    Attributes:
        values: With every exact rename done.
        renames: What that changed.
        left: Keys that the chart does not take and nothing exact stands for, each with the line it went with.
    """

    values: Tree
    renames: tuple[Rename, ...]
    left: tuple[tuple[str, Removed], ...]


def renamed(values: Mapping[str, Any], version: str) -> Renamed:
    """The values as a chart takes them, line by line: a key may have moved more than once."""
    tree = build(leaves(values))
    # Where each value that moved was in the beginning, by where it is now; those that are gone by a name of their own.
    origins: dict[Path, Path] = {}
    gone: list[Path] = []
    left = []
    for line, key in removed_until(version):
        path = path_of_key(key.key)
        if read(tree, path) is ABSENT:
            continue
        moves = _moves(tree, path, key)
        if moves is None:
            left.append((line, key))
            continue
        remove(tree, path)
        for old, (new, value) in moves.items():
            origin = origins.pop(old, old)
            if new is None:
                gone.append(origin)
            else:
                write(tree, new, value)
                origins[new] = origin
    renames = [Rename(pointer(old), None, read(values, old), None) for old in gone]
    renames += [
        Rename(pointer(old), pointer(new), read(values, old), read(tree, new))
        for new, old in origins.items()
    ]
    return Renamed(tree, tuple(sorted(renames, key=lambda rename: rename.old)), tuple(left))


def path_of_key(key: str) -> Path:
    """The path of a dotted key."""
    return tuple(key.split("."))


def _moves(
    tree: Mapping[str, Any], path: Path, key: Removed
) -> dict[Path, tuple[Path | None, Any]] | None:
    """Where each value below a key goes, and as what; None unless all of them go somewhere."""
    wanted = [found for found, _value in _below(tree, path)]
    moves: dict[Path, tuple[Path | None, Any]] = {}
    for move in key.moves:
        old, value = path_of_key(move.old), read(tree, path_of_key(move.old))
        if value is ABSENT:
            continue
        try:
            turned = TURNS[move.turn](value)
        except NotExact:
            continue
        for found, part in _below(tree, old):
            if not move.new:
                moves.setdefault(found, (None, None))
            else:
                # A section moves as it is: only single values are turned.
                new = (*path_of_key(move.new), *found[len(old) :])
                moves.setdefault(found, (new, part if is_branch(value) else turned))
    return moves if moves.keys() >= set(wanted) and not any(_clashes(tree, moves)) else None


def _below(tree: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, Any]]:
    value = read(tree, path)
    if is_branch(value):
        yield from leaves(value, path)
    else:
        yield path, value


def _clashes(
    tree: Mapping[str, Any], moves: Mapping[Path, tuple[Path | None, Any]]
) -> Iterator[bool]:
    """Whether a place is taken by another value: then nobody can tell which of them counts."""
    taken: dict[Path, Any] = {}
    for new, value in moves.values():
        if new is not None:
            there = read(tree, new)
            above = [read(tree, new[:end]) for end in range(1, len(new))]
            yield there is not ABSENT and there != value
            yield any(found is not ABSENT and not is_branch(found) for found in above)
            yield taken.setdefault(new, value) != value


def rename_changes(renames: Iterable[Rename], secret_paths: tuple[str, ...]) -> Iterator[Change]:
    """The renames as a diff; a secret stays one where it goes."""
    for rename in renames:
        yield Change(rename.old, rename.before, None, "removed")
        if rename.new is not None:
            shown = mask(rename.value, secret_paths, path_of(rename.old))
            yield Change(rename.new, None, shown)


def rename_findings(
    values: Mapping[str, Any], version: str
) -> tuple[tuple[Rename, ...], list[Finding]]:
    """What a chart no longer takes of the values asked for: the diff for the inventory, and the refusals (G17).

    They name places, never values.
    """
    result = renamed(values, version)
    found = []
    for rename in result.renames:
        way_out = (
            f"Instead: {rename.new}." if rename.new else "Remove it: nothing has to stand for it."
        )
        what = f"Chart {version} does not take the value {rename.old} any more."
        found.append(refuse("G17", what, "What stands for it is exact.", way_out))
    for line, key in result.left:
        what = f"The value {pointer(path_of_key(key.key))} went with {line}; chart {version} does not take it."
        found.append(refuse("G17", what, "", f"Instead: {key.replacement}."))
    return result.renames, found
