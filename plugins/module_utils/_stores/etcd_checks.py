# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of an etcd cluster, written against what each member says of itself (G30)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass

from .._core.at_once import at_once
from .._core.check import CheckResult, Status
from .._core.errors import FleetError
from .._core.etcd import Etcd, Member, MemberStatus

# Shares of the quota. At the quota etcd raises NOSPACE and takes no more writes (etcd.io, maintenance).
SIZE_WARN, SIZE_FAIL = 0.6, 0.9
MIB = 1024 * 1024


@dataclass(frozen=True)
class Answer:
    """What one member said."""

    name: str
    members: tuple[Member, ...]
    status: MemberStatus


def member_checks(
    wanted: Sequence[str],
    pods: Sequence[str],
    dial: Callable[[str], AbstractContextManager[Etcd]],
    count: int | None = None,
) -> list[CheckResult]:
    """All checks of a deployed etcd.

    Args:
        wanted: Names of the pods there should be; members are named after them.
        pods: Names of the pods there are.
        dial: Opens one member by pod name.
        count: Members that their list should have; as many as are wanted when not given.
    """
    expected = len(wanted)
    silent = dict.fromkeys(wanted, "no such pod")
    with ExitStack() as stack:
        dialled: dict[str, Etcd] = {}
        for pod in pods:
            try:
                dialled[pod] = stack.enter_context(dial(pod))
                silent.pop(pod, None)
            except FleetError as error:
                silent[pod] = str(error)
        said = at_once(dialled, _said)
        silent |= {pod: str(error) for pod, error in said.items() if isinstance(error, FleetError)}
        answers = {
            pod: Answer(pod, *told)
            for pod, told in said.items()
            if not isinstance(told, FleetError)
        }
        found = list(answers.values())
        if not found:
            return [quorum(expected, {}, silent)]
        return [
            quorum(expected, answers, silent),
            member_lists(expected if count is None else count, found),
            alarms(found),
            hashes(found, dialled),
            size(found),
        ]


def _said(etcd: Etcd) -> tuple[tuple[Member, ...], MemberStatus] | FleetError:
    try:
        return etcd.members(), etcd.status()
    except FleetError as error:
        return error


def quorum(expected: int, answers: Mapping[str, Answer], silent: Mapping[str, str]) -> CheckResult:
    """`etcd_quorum`: every member answers, and all of them know the same leader."""
    if silent:
        who = "; ".join(f"{name}: {reason}" for name, reason in sorted(silent.items()))
        left = "" if len(answers) > expected // 2 else ", quorum is lost"
        return CheckResult(
            "etcd_quorum", "fail", f"{len(answers)} of {expected} members answer{left}: {who}"
        )
    leaders = {answer.name: answer.status.leader for answer in answers.values()}
    without = [name for name, leader in leaders.items() if leader in ("", "0")]
    if without:
        return CheckResult(
            "etcd_quorum", "fail", f"no leader is known to {', '.join(sorted(without))}"
        )
    if len(set(leaders.values())) > 1:
        return CheckResult(
            "etcd_quorum", "fail", f"members know different leaders: {_listed(leaders)}"
        )
    leader = next(
        (a.name for a in answers.values() if a.status.id == a.status.leader), "outside these pods"
    )
    return CheckResult(
        "etcd_quorum", "pass", f"{len(answers)} of {expected} members answer, leader {leader}"
    )


def member_lists(expected: int, answers: Sequence[Answer]) -> CheckResult:
    """`etcd_members`: the same list on all members, as long as it should be, no learner, each of them in it."""
    lists = {a.name: tuple(sorted((m.id, m.name) for m in a.members)) for a in answers}
    if len(set(lists.values())) > 1:
        shown = {
            name: ", ".join(member or ident for ident, member in found)
            for name, found in lists.items()
        }
        return CheckResult(
            "etcd_members", "fail", f"members disagree on who is a member: {_listed(shown)}"
        )
    members = answers[0].members
    names = ", ".join(sorted(m.name or m.id for m in members))
    learners = [m.name or m.id for m in members if m.learner]
    if learners:
        return CheckResult("etcd_members", "fail", f"{', '.join(learners)} is still a learner")
    strangers = [a.name for a in answers if a.status.id not in {m.id for m in members}]
    if strangers:
        return CheckResult(
            "etcd_members", "fail", f"{', '.join(strangers)} is not in its own member list: {names}"
        )
    if expected and len(members) != expected:
        return CheckResult(
            "etcd_members", "fail", f"{len(members)} members instead of {expected}: {names}"
        )
    return CheckResult(
        "etcd_members", "pass", f"{len(members)} members, the same list on all: {names}"
    )


def alarms(answers: Iterable[Answer]) -> CheckResult:
    """`etcd_alarms`: none is raised."""
    raised = {a.name: ", ".join(a.status.alarms) for a in answers if a.status.alarms}
    if raised:
        return CheckResult("etcd_alarms", "fail", f"alarms: {_listed(raised)}")
    return CheckResult("etcd_alarms", "pass", "no alarms")


def hashes(answers: Sequence[Answer], dialled: Mapping[str, Etcd]) -> CheckResult:
    """`etcd_hash`: all members hold the same data at the lowest revision they have in common.

    Hashes at different compact revisions say nothing about each other (etcd, HashKV), so those are left out.
    """
    revision = min(answer.status.revision for answer in answers)
    asked = {answer.name: dialled[answer.name] for answer in answers}
    try:
        found = at_once(asked, lambda etcd: etcd.hash(revision))
    except FleetError as error:
        return CheckResult("etcd_hash", "fail", f"no hash at revision {revision}: {error}")
    if len({compacted for _hash, compacted in found.values()}) > 1:
        return CheckResult(
            "etcd_hash", "skip", f"members were compacted while asked, at revision {revision}"
        )
    if len({value for value, _compacted in found.values()}) > 1:
        shown = {name: str(value) for name, (value, _compacted) in found.items()}
        return CheckResult(
            "etcd_hash", "fail", f"data differs at revision {revision}: {_listed(shown)}"
        )
    return CheckResult("etcd_hash", "pass", f"{len(found)} members equal at revision {revision}")


def size(answers: Iterable[Answer]) -> CheckResult:
    """`etcd_size`: the database against its quota."""
    worst: Status = "pass"
    shown = {}
    for answer in answers:
        share = answer.status.db_size / answer.status.quota if answer.status.quota else 0.0
        status: Status = "fail" if share >= SIZE_FAIL else "warn" if share >= SIZE_WARN else "pass"
        worst = max(worst, status, key=("pass", "warn", "fail").index)
        quota = (
            f" of {answer.status.quota // MIB} MiB" if answer.status.quota else ", quota not told"
        )
        shown[answer.name] = f"{answer.status.db_size // MIB} MiB{quota}"
    return CheckResult("etcd_size", worst, _listed(shown))


def _listed(found: Mapping[str, str]) -> str:
    return "; ".join(f"{name}: {text}" for name, text in sorted(found.items()))
