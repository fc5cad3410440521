# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values by reference: `{$secret: {name: SECRET, key: KEY}}` in the vCluster's namespace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from .._core.spec import Spec
from .values import REFERENCE, Path, is_reference, pointer

# Content of a key of a Secret; None when there is no such Secret or key.
ReadSecret = Callable[[str, str], "str | None"]


def resolved(spec: Spec, read: ReadSecret) -> Spec:
    """The spec with the content in place of its references, and the places noted as secret.

    The plan compares contents, so references are resolved before planning; the digest is taken over the spec as it
    was. A reference that leads nowhere stays and is refused by a guard.
    """
    secret_paths = [
        *spec.secret_paths,
        *(pointer(path) for path, _name, _key in references_in(spec.values)),
    ]
    return replace(spec, values=_resolve(spec.values, read), secret_paths=tuple(secret_paths))


def references_in(value: Any, path: Path = ()) -> Iterator[tuple[Path, str, str]]:
    """Every reference: where it stands, the Secret and the key it names."""
    if is_reference(value):
        yield path, str(value[REFERENCE]["name"]), str(value[REFERENCE]["key"])
    elif isinstance(value, Mapping):
        for key, below in value.items():
            yield from references_in(below, (*path, str(key)))
    elif isinstance(value, (list, tuple)):
        for index, below in enumerate(value):
            yield from references_in(below, (*path, str(index)))


def _resolve(value: Any, read: ReadSecret) -> Any:
    if is_reference(value):
        content = read(value[REFERENCE]["name"], value[REFERENCE]["key"])
        return value if content is None else content
    if isinstance(value, Mapping):
        return {key: _resolve(below, read) for key, below in value.items()}
    if isinstance(value, (list, tuple)):
        return [_resolve(below, read) for below in value]
    return value
