# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the data of a snapshot comes from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from .._core.databases import Copied
from .._core.errors import FleetError
from .._core.etcd import Etcd, MemberStatus
from .._core.snapshot import Way

NOBODY = ("", "0")  # the id of a leader that a member does not know


class Count(Protocol):
    """How many keys a store holds at a revision, of all or of those with a prefix; None where it cannot tell."""

    def __call__(self, revision: int, prefix: bytes = b"", /) -> int | None: ...


@dataclass(frozen=True)
class Source:
    """A store, about to give its data.

    Attributes:
        title: What messages call it.
        way: Form of the data.
        version: Of the store's server.
        revision: All that was acknowledged before is at or below it; the data must reach it. None where nobody tells
            it: the control plane of a store that lives in it is stopped.
        pieces: Begins the stream of the data.
        count: See Count.
    """

    title: str
    way: Way
    version: str
    revision: int | None
    pieces: Callable[[], Iterator[bytes]]
    count: Count


def etcd_source(title: str, etcd: Etcd) -> Source:
    """An etcd through one of its members.

    Raises:
        FleetError: It does not answer, or there is no quorum.
    """
    before = etcd.count()
    if before is None:
        raise FleetError(f"{title} does not tell its revision.", "Look at its log.")

    def count(revision: int, prefix: bytes = b"") -> int | None:
        found = etcd.count(revision, prefix)
        return found[1] if found else None

    return Source(title, "etcd", etcd.status().version, before[0], etcd.snapshot, count)


def copied_source(title: str, database: Copied, revision: int | None, version: str = "") -> Source:
    """A database of kine, which counts what its latest copy holds and no part of that."""

    def count(revision: int, prefix: bytes = b"") -> int | None:
        return None if prefix else database.count(revision)

    return Source(title, "sqlite", version, revision, database.snapshot, count)


@contextmanager
def surviving_member(
    names: Sequence[str],
    lost: Collection[str],
    dial: Callable[[str], AbstractContextManager[Etcd]],
) -> Iterator[Source]:
    """The member that got furthest, where there is no quorum and no way to one.

    Args:
        names: Pods of the members, also of those that have none now.
        lost: Those of them whose data is known to be of no use.
        dial: Opens one member by pod name.

    Raises:
        FleetError: There is a quorum, or might be one among those that do not answer; or none is left.
    """
    found: dict[str, MemberStatus] = {}
    for name in names:
        try:
            with dial(name) as etcd:
                found[name] = etcd.status()
        except FleetError as error:
            if name not in lost:
                raise FleetError(
                    f"etcd member {name} does not answer, and nothing tells that its data is lost: {error} "
                    "It may hold newer data, or have a quorum with others.",
                    "Let it start, or delete its claim if that is gone for good.",
                ) from error
    if led := sorted(name for name in found if found[name].leader not in NOBODY):
        raise FleetError(
            f"etcd has a quorum: {', '.join(led)} know its leader.",
            "Lost members are replaced by fleetops.vcluster.site.",
        )
    if len(found) > len(names) // 2:
        raise FleetError(
            f"{len(found)} of {len(names)} etcd members answer, which is a quorum: they elect a leader by themselves.",
            "See why they do not, in their logs.",
        )
    fit = [name for name in found if not _illness(replace(found[name], leader="other"))]
    if not fit:
        raise FleetError(
            f"No etcd member is left that holds data to go on with ({len(found)} of {len(names)} answer).",
            "Restore a snapshot.",
        )
    name = max(fit, key=lambda name: found[name].raft_index)
    status = found[name]
    title = f"etcd member {name}, which is left without a quorum"
    with dial(name) as etcd:
        yield Source(title, "etcd", status.version, status.revision, etcd.snapshot, untold)


def untold(_revision: int, _prefix: bytes = b"") -> int | None:
    """The count of a store that cannot tell it."""
    return None


@contextmanager
def healthy_member(
    names: Sequence[str], dial: Callable[[str], AbstractContextManager[Etcd]]
) -> Iterator[Source]:
    """The etcd as a source, through such a member; see `well_member`."""
    with well_member(names, dial) as (name, etcd):
        yield etcd_source(f"etcd member {name}", etcd)


@contextmanager
def well_member(
    names: Sequence[str], dial: Callable[[str], AbstractContextManager[Etcd]]
) -> Iterator[tuple[str, Etcd]]:
    """A member that is well, by its name, and no leader where there is another (G26).

    Args:
        names: Pods of the members.
        dial: Opens one member by pod name.

    Raises:
        FleetError: None of them is well; says why.
    """
    found: dict[str, MemberStatus] = {}
    unfit: dict[str, str] = {}
    for name in names:
        try:
            with dial(name) as etcd:
                status = etcd.status()
        except FleetError as error:
            unfit[name] = str(error)
            continue
        illness = _illness(status)
        if illness:
            unfit[name] = illness
        else:
            found[name] = status
    if not found:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in unfit.items())
        raise FleetError(
            f"No etcd member can give a snapshot: {reasons or 'there is none'}.",
            "Run fleetops.vcluster.verify to see what is wrong with them.",
        )
    name = min(found, key=lambda name: found[name].id == found[name].leader)
    with dial(name) as etcd:
        yield name, etcd


def _illness(status: MemberStatus) -> str:
    """Why a member's data is not to be relied on; empty when it is."""
    if status.leader in NOBODY:
        return "it knows no leader"
    if status.learner:
        return "it is still a learner"
    if "CORRUPT" in status.alarms:
        return "its alarm CORRUPT is raised"
    return ""
