# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hiding secrets in whatever is shown: plans, differences, reports (G38).

Ansible masks what it knows to be secret, but not a vaulted text within a plain dict. Hidden are: references, values
under the given secret paths, values under keys that look secret, `value` beside a `name` that looks secret, passwords
in URLs and in `--flag=value` texts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from .._core.plan import Change
from .values import REFERENCE, Path, is_reference, path_of

HIDDEN = "(hidden)"
# A shorter text stands in too many others to be looked for within them.
SHORTEST = 4

# secretName, tokenTTL and their like name things; passwords and data sources are the thing.
_SECRET_KEY = re.compile(
    r"(password|passwd|passphrase|dsn|datasource|credentials?|private[-_]?key|api[-_]?key|access[-_]?key|client[-_]?key"
    r"|secret[-_]?key|token|secret)$",
    re.IGNORECASE,
)
_URL_PASSWORD = re.compile(r"(://[^\s:/@]*:)(\S+)(?=@)")
_FLAG = re.compile(r"((?:password|passwd|token|secret|key)=)(\S+)", re.IGNORECASE)
_WITHIN = (_URL_PASSWORD, _FLAG)


def mask(value: Any, secret_paths: Iterable[str] = (), at: Path = ()) -> Any:
    """A copy that may be shown.

    Args:
        value: A tree of values, or one value.
        secret_paths: JSON pointers from the root of the tree.
        at: Path of `value` in the tree, when it is not the root.
    """
    return _Masker(secret_paths).shown(value, at)


def mask_change(change: Change, secret_paths: Iterable[str] = ()) -> Change:
    """The change with its values fit to be shown."""
    at = path_of(change.path) if change.path.startswith("/") else ()
    masker = _Masker(secret_paths)
    return replace(
        change, before=masker.shown(change.before, at), after=masker.shown(change.after, at)
    )


def hidden_texts(tree: Mapping[str, Any], secret_paths: Iterable[str] = ()) -> frozenset[str]:
    """Every text that `mask` hides in a tree of values: the chart carries it into objects, under other names."""
    masker = _Masker(secret_paths)
    masker.shown(tree, ())
    return frozenset(masker.hidden)


def without_texts(value: Any, texts: frozenset[str]) -> Any:
    """A copy with the texts hidden wherever they stand; a short one only where it stands alone."""
    if isinstance(value, Mapping):
        return {key: without_texts(item, texts) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_texts(item, texts) for item in value]
    if not isinstance(value, str):
        return HIDDEN if _is_number(value) and str(value) in texts else value
    if value in texts:
        return HIDDEN
    for text in sorted(texts, key=len, reverse=True):
        if len(text) >= SHORTEST:
            value = value.replace(text, HIDDEN)
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


class _Masker:
    """Masks values.

    Attributes:
        hidden: The texts it has hidden so far, each also by line and as JSON writes it: a text within a text is
            indented or escaped.
    """

    def __init__(self, secret_paths: Iterable[str]) -> None:
        self._secret = frozenset(path_of(text) for text in secret_paths)
        self.hidden: set[str] = set()

    def shown(self, value: Any, path: Path) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if is_reference(value):
            target = value[REFERENCE]
            return f"(Secret {target['name']}, key {target['key']})"
        if self._is_secret(path):
            return self._hide(value)
        if isinstance(value, Mapping):
            return self._mapping(value, path)
        if path and _SECRET_KEY.search(path[-1]):
            return self._hide(value)
        if isinstance(value, (list, tuple)):
            return [self.shown(item, (*path, str(index))) for index, item in enumerate(value)]
        if isinstance(value, str):
            for form in _WITHIN:
                value = form.sub(lambda found: f"{found[1]}{self._hide(found[2])}", value)
        return value

    def _mapping(self, value: Mapping[str, Any], path: Path) -> dict[str, Any]:
        result = {key: self.shown(item, (*path, str(key))) for key, item in value.items()}
        if "value" in value and _SECRET_KEY.search(str(value.get("name", ""))):
            result["value"] = self._hide(value["value"])
        return result

    def _hide(self, value: Any) -> str:
        if isinstance(value, Mapping):
            for below in value.values():
                self._hide(below)
        elif isinstance(value, (list, tuple)):
            for below in value:
                self._hide(below)
        elif isinstance(value, str) or _is_number(value):
            text = str(value)
            self.hidden |= {text, json.dumps(text)[1:-1], *map(str.strip, text.splitlines())}
            self.hidden |= {found[2] for form in _WITHIN for found in form.finditer(text)}
            self.hidden.discard("")
        return HIDDEN

    def _is_secret(self, path: Path) -> bool:
        return any(path[:end] in self._secret for end in range(len(path) + 1))
