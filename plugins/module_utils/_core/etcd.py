# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The port of one etcd member, and what it tells. `_cluster.etcd` implements it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

KeyValue: TypeAlias = "tuple[bytes, bytes]"
# A key of a store and its new value; None deletes it.
KeyChange: TypeAlias = "tuple[bytes, bytes | None]"


@dataclass(frozen=True)
class Member:
    """An etcd member as one member tells it."""

    id: str
    name: str
    learner: bool
    peer_urls: tuple[str, ...]


@dataclass(frozen=True)
class MemberStatus:
    """The answer of one member's maintenance status.

    Attributes:
        db_size: Bytes on disk.
        quota: Bytes, 0 when the member does not tell it (before etcd 3.6).
        leader: Id of the leader it knows; "0" for none.
        alarms: Names of the alarms it reports, for example NOSPACE.
        in_use: Bytes of `db_size` that hold something.
    """

    id: str
    version: str
    leader: str
    db_size: int
    quota: int
    revision: int
    raft_index: int
    learner: bool
    alarms: tuple[str, ...]
    in_use: int = 0


class Etcd(Protocol):
    """One etcd member, asked through its JSON gateway (seen on 3.6, client port)."""

    def members(self) -> tuple[Member, ...]:
        """The member list as this member knows it."""

    def status(self) -> MemberStatus:
        """Its status."""

    def hash(self, revision: int) -> tuple[int, int]:
        """HashKV at a revision: (hash, compact revision)."""

    def count(self, revision: int = 0, prefix: bytes = b"") -> tuple[int, int] | None:
        """The store's revision, and how many keys with that prefix it holds at that one (0: now).

        Read with a quorum: a member that answers has applied all that was acknowledged before. None when the revision
        was compacted.
        """

    def write(self, changes: Sequence[KeyChange]) -> None:
        """Write and delete keys, all or none; at most 128 at once (etcd's --max-txn-ops)."""

    def delete(self, prefix: bytes) -> None:
        """Delete all keys with a prefix."""

    def snapshot(self) -> Iterator[bytes]:
        """Its database as it is now, in pieces, with the sum at the end: what `etcdctl snapshot save` writes."""

    def add_learner(self, peer_url: str) -> Member:
        """Make room for a member that has no vote until it is promoted; ApiError when there is such a one already."""

    def promote(self, member: str) -> bool:
        """Give a learner its vote; False while it is not in step with the leader, or does not run."""

    def remove(self, member: str) -> None:
        """Take a member out, by its id; one that is gone already is no error.

        etcd refuses where the others that run would have no quorum.
        """

    def move_leader(self, member: str) -> None:
        """Make another member the leader. Only the leader takes this."""

    def compact(self, revision: int) -> None:
        """Forget what was before a revision; returns when this member has removed it. One that is compacted further
        already is no error."""

    def defragment(self) -> None:
        """Rewrite its database without what is free. Whoever asks this member waits meanwhile."""

    def disarm(self) -> None:
        """Take back the alarm NOSPACE of every member; where none has raised it nothing is done."""
