# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the data of a snapshot comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from .._core.errors import FleetError
from .._core.ports import Etcd, MemberStatus
from .._core.snapshot import Way


class Count(Protocol):
    """How many keys a store holds at a revision, of all or of those with a prefix; None where it cannot tell."""

    def __call__(self, revision: int, prefix: bytes = b"") -> int | None: ...


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
    if status.leader in ("", "0"):
        return "it knows no leader"
    if status.learner:
        return "it is still a learner"
    if "CORRUPT" in status.alarms:
        return "its alarm CORRUPT is raised"
    return ""
