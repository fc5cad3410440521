# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The places of the members of a deployed etcd, and who sits there by their own word."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass

from .._core.at_once import at_once
from .._core.errors import FleetError
from .._core.etcd import Etcd, Member
from .._core.observation import MemberList

MOST = 16  # members that are looked for by their address
LOOKS = 20  # at members that disagree, a second apart: on busy cores one that begins took more than 6 to be in step


def claim_of(pod: str) -> str:
    """Name of the claim of a member's pod (0.30 to 0.36, templates/etcd-statefulset.yaml)."""
    return f"data-{pod}"


@dataclass(frozen=True)
class Seats:
    """The places of members: pods of a StatefulSet, each with an address of its own.

    Attributes:
        name: Of the StatefulSet; each member is named after its pod.
    """

    namespace: str
    name: str

    def pod(self, number: int) -> str:
        """The pod with an ordinal."""
        return f"{self.name}-{number}"

    def peer_url(self, pod: str) -> str:
        """As the chart writes it in --initial-cluster (0.30 to 0.36, templates/etcd-statefulset.yaml)."""
        return f"https://{pod}.{self.name}-headless.{self.namespace}:2380"

    def title(self, member: Member) -> str:
        """The pod of a member; one that has not started yet has an address only."""
        found = (
            pod for pod in map(self.pod, range(MOST)) if self.peer_url(pod) in member.peer_urls
        )
        return member.name or next(found, ", ".join(member.peer_urls))

    def number(self, member: Member) -> int | None:
        """The ordinal of a member's pod; None where it is no pod of this StatefulSet."""
        prefix, _dash, number = self.title(member).rpartition("-")
        return int(number) if prefix == self.name and number.isdecimal() else None


def listed(
    seats: Seats, pods: int, dial: Callable[[str], AbstractContextManager[Etcd]]
) -> MemberList:
    """Who the members are, as those say that answer; it takes no quorum to ask.

    One that has just begun tells an older list for a moment: those that disagree are asked again.

    Args:
        pods: How many there are to be asked.
        dial: Opens one member by pod name.
    """
    lists, silent = _told(seats, pods, dial)
    for _look in range(LOOKS - 1):
        if _agree(lists):
            break
        time.sleep(1)
        lists, silent = _told(seats, pods, dial)
    if not lists:
        words = "; ".join(f"{name}: {error}" for name, error in silent.items())
        return MemberList(trouble=f"no etcd member tells who is a member: {words}")
    if not _agree(lists):
        shown = "; ".join(
            f"{name}: {', '.join(sorted(map(seats.title, found)))}"
            for name, found in sorted(lists.items())
        )
        return MemberList(trouble=f"etcd members disagree on who is a member: {shown}")
    members = {member: seats.number(member) for member in next(iter(lists.values()))}
    strangers = [seats.title(member) for member, number in members.items() if number is None]
    if strangers:
        return MemberList(
            trouble=f"etcd has members that are no pods of it: {', '.join(strangers)}"
        )
    return MemberList(
        frozenset(n for member, n in members.items() if n is not None and not member.learner),
        frozenset(n for member, n in members.items() if n is not None and member.learner),
    )


def _told(
    seats: Seats, pods: int, dial: Callable[[str], AbstractContextManager[Etcd]]
) -> tuple[dict[str, tuple[Member, ...]], dict[str, FleetError]]:
    """What each member that answers knows, and why the others do not."""
    asked = {name: name for name in map(seats.pod, range(pods))}
    answers = at_once(asked, lambda name: members_at(name, dial))
    silent = {name: found for name, found in answers.items() if isinstance(found, FleetError)}
    lists = {name: found for name, found in answers.items() if not isinstance(found, FleetError)}
    return lists, silent


def _agree(lists: Mapping[str, tuple[Member, ...]]) -> bool:
    return len({frozenset(found) for found in lists.values()}) < 2


def members_at(
    name: str, dial: Callable[[str], AbstractContextManager[Etcd]]
) -> tuple[Member, ...] | FleetError:
    """The members as one of them knows them, or why it does not tell."""
    try:
        with dial(name) as etcd:
            return etcd.members()
    except FleetError as error:
        return error
