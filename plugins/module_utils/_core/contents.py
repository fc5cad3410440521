# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a store holds, in three numbers that are the same for the same keys and values, wherever they lie."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

_MODULUS = 1 << 256
# Key, value, and the lease that ends it (0: none).
Held: TypeAlias = "tuple[bytes, bytes, int]"


@dataclass(frozen=True)
class Contents:
    """The keys and values of a store at one moment.

    Attributes:
        keys: How many.
        digest: 64 hex digits; equal for equal keys and values in any order, so that a store, its snapshot and the
            store it was restored to can be compared. It finds accidents, not forgery: what must not be altered on
            purpose is encrypted.
    """

    keys: int
    digest: str

    def __add__(self, other: Contents) -> Contents:
        """Both together; no key may be in both."""
        total = int(self.digest, 16) + int(other.digest, 16)
        return Contents(self.keys + other.keys, f"{total % _MODULUS:064x}")


@dataclass(frozen=True)
class Snapshot:
    """What is in the data of a snapshot.

    Attributes:
        revision: The store's revision.
        contents: Its live keys and values.
        lasting: Those of them that no lease ends: they are there again after a restore, however long it took.
        kinds: How many of those there are of each kind of resource.
    """

    revision: int
    contents: Contents
    lasting: Contents
    kinds: Mapping[str, int] = field(default_factory=dict, compare=False)


class Tally:
    """Counts and hashes keys and values one by one; none may come twice."""

    def __init__(self) -> None:
        self._keys = 0
        self._sum = 0

    def add(self, key: bytes, value: bytes) -> None:
        """Count one more."""
        # The length tells `a` + `bc` from `ab` + `c`.
        found = hashlib.sha256(b"%d:%b%b" % (len(key), key, value)).digest()
        self._sum += int.from_bytes(found, "big")
        self._keys += 1

    @property
    def contents(self) -> Contents:
        """All that was added until now."""
        return Contents(self._keys, f"{self._sum % _MODULUS:064x}")


def snapshot_of(revision: int, held: Iterable[Held]) -> Snapshot:
    """What is in some data, counted and hashed."""
    leased, lasting = Tally(), Tally()
    kinds: Counter[bytes] = Counter()
    for key, value, lease in held:
        (leased if lease else lasting).add(key, value)
        if not lease:
            kinds[kind_of(key)] += 1
    named = {kind.decode(errors="replace"): count for kind, count in sorted(kinds.items())}
    return Snapshot(revision, leased.contents + lasting.contents, lasting.contents, named)


def kind_of(key: bytes) -> bytes:
    """The kind of resource that a key is of, as the API server names them: `configmaps`, `apps.example.com/widgets`.

    `/registry/KIND/...`, and `/registry/GROUP/KIND/...` for custom resources, whose groups have a dot.
    """
    names = key.split(b"/", 4)[2:4]
    if len(names) > 1 and b"." in names[0]:
        return b"/".join(names[:2])
    return names[0] if names else key
