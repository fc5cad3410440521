# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the checks say of healthy and of sick members."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from members import NAMES, FakeMember, etcd_of, healthy, reach, spec

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.check import CheckResult
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import Unreachable
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Observation,
    Pod,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.etcd_checks import (
    Answer,
    member_lists,
    quorum,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.registry import checks


def verdict(members: Mapping[str, FakeMember]) -> dict[str, CheckResult]:
    """The checks of a deployed etcd of three."""
    pods = [Pod("etcd", name) for name in NAMES] + [Pod("control_plane", "tenant-0")]
    found = checks(spec(), Observation(), pods, reach(members), etcd_of(3))
    return {result.id: result for result in found}


def test_g30_a_healthy_cluster_passes_every_check() -> None:
    found = verdict(healthy())
    assert set(found) == {"etcd_quorum", "etcd_members", "etcd_alarms", "etcd_hash", "etcd_size"}
    assert {result.status for result in found.values()} == {"pass"}
    assert "leader tenant-etcd-0" in found["etcd_quorum"].evidence


def said(name: str, **changes: Any) -> dict[str, FakeMember]:
    """A healthy cluster in which one member says something else."""
    members = healthy()
    members[name] = replace(members[name], said=replace(members[name].said, **changes))
    return members


def alone(name: str) -> dict[str, FakeMember]:
    """A member that bootstrapped a cluster of its own, as 1 -> 3 by values makes it."""
    members = healthy()
    only = tuple(member for member in members[name].known if member.name == name)
    members[name] = replace(members[name], known=only)
    return members


def hashed(name: str, value: tuple[int, int]) -> dict[str, FakeMember]:
    members = healthy()
    members[name] = replace(members[name], hashed={500: value})
    return members


def learning(name: str) -> dict[str, FakeMember]:
    members = healthy()
    known = tuple(replace(m, learner=m.name == name) for m in members[name].known)
    return {key: replace(member, known=known) for key, member in members.items()}


@pytest.mark.parametrize(
    ("members", "check", "status", "words"),
    [
        (said(NAMES[1], leader="0"), "etcd_quorum", "fail", f"no leader is known to {NAMES[1]}"),
        (said(NAMES[1], leader="2"), "etcd_quorum", "fail", "different leaders"),
        (alone(NAMES[2]), "etcd_members", "fail", "members disagree"),
        (learning(NAMES[2]), "etcd_members", "fail", f"{NAMES[2]} is still a learner"),
        (said(NAMES[0], id="9"), "etcd_members", "fail", f"{NAMES[0]} is not in its own"),
        (said(NAMES[2], alarms=("NOSPACE",)), "etcd_alarms", "fail", f"{NAMES[2]}: NOSPACE"),
        (hashed(NAMES[1], (78, 400)), "etcd_hash", "fail", f"{NAMES[1]}: 78"),
        (hashed(NAMES[1], (78, 410)), "etcd_hash", "skip", "compacted"),
        (said(NAMES[1], db_size=1400 << 20), "etcd_size", "warn", f"{NAMES[1]}: 1400 MiB"),
        (said(NAMES[1], db_size=2000 << 20), "etcd_size", "fail", "2000 MiB of 2048 MiB"),
        (said(NAMES[1], quota=0), "etcd_size", "pass", "quota not told"),
    ],
)
def test_g30_a_sick_member_is_named(
    members: dict[str, FakeMember], check: str, status: str, words: str
) -> None:
    found = verdict(members)
    assert found[check].status == status
    assert words in found[check].evidence
    others = {result.status for name, result in found.items() if name != check}
    assert others == {"pass"}


def test_g30_a_silent_member_is_named_and_quorum_counted() -> None:
    members = healthy()
    del members[NAMES[2]]
    one = verdict(members)["etcd_quorum"]
    assert one.status == "fail"
    assert NAMES[2] in one.evidence
    assert "quorum is lost" not in one.evidence
    del members[NAMES[1]]
    assert "quorum is lost" in verdict(members)["etcd_quorum"].evidence
    assert set(verdict({})) == {"etcd_quorum"}


def test_g30_a_member_that_falls_silent_while_hashes_are_read_is_no_pass() -> None:
    class Silent(FakeMember):
        def hash(self, revision: int) -> tuple[int, int]:
            raise Unreachable(f"{NAMES[1]} does not answer at revision {revision}.")

    members = healthy()
    members[NAMES[1]] = Silent(members[NAMES[1]].known, members[NAMES[1]].said, {})
    found = verdict(members)["etcd_hash"]
    assert found.status == "fail"
    assert f"{NAMES[1]} does not answer" in found.evidence


def test_g30_hashes_are_compared_at_the_lowest_revision_of_all() -> None:
    behind = said(NAMES[2], revision=490)
    members = {name: replace(m, hashed={490: (7, 400)}) for name, m in behind.items()}
    assert "equal at revision 490" in verdict(members)["etcd_hash"].evidence


def test_g30_a_member_too_many_is_told() -> None:
    answers = [Answer(name, m.members(), m.status()) for name, m in healthy().items()]
    assert member_lists(5, answers).status == "fail"
    assert "3 members instead of 5" in member_lists(5, answers).evidence
    assert member_lists(0, answers).status == "pass"


def test_g30_a_leader_that_is_none_of_the_pods_is_told() -> None:
    members = {name: replace(m, said=replace(m.said, leader="9")) for name, m in healthy().items()}
    assert "leader outside these pods" in verdict(members)["etcd_quorum"].evidence


@pytest.mark.parametrize(
    ("answering", "expected", "lost"), [(2, 3, False), (1, 3, True), (2, 4, True), (3, 5, False)]
)
def test_g30_quorum_is_more_than_half_of_the_members(
    answering: int, expected: int, lost: bool
) -> None:
    answers = {str(n): Answer(str(n), (), healthy()[NAMES[0]].status()) for n in range(answering)}
    found = quorum(expected, answers, {"silent": "why"})
    assert found.status == "fail"
    assert ("quorum is lost" in found.evidence) is lost
