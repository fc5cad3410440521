# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Members that come and go, with real etcd servers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest
from etcd_pods import (
    NAME,
    EtcdPods,
    begun,
    keys,
    lead,
    leader,
    leads,
    led,
    seats,
    until,
    voters,
    write,
)

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.etcd import EtcdGateway
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    ApiError,
    FleetError,
    TimedOut,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import MemberList
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import Members
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.etcd_members import (
    MemberWork,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.etcd_seats import listed
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.work import Work

pytestmark = pytest.mark.apiserver


def work(etcd: EtcdPods, before: int, after: int, *lost: int) -> MemberWork:
    fake = cast("Any", etcd)
    tools = Work(fake, fake, etcd.pods, until, etcd.said.append)
    return MemberWork(seats(etcd), Members(before, after, lost), tools)


def settled(etcd: EtcdPods, count: int) -> None:
    """All of them are voters, agree, and hold what was written."""
    until(f"{count} voters", lambda: voters(etcd) == [f"{NAME}-{n}" for n in range(count)])
    for pod in etcd.pods():
        with etcd.member(pod.name) as member:
            assert member.count(prefix=b"/registry/") is not None


def grow(etcd: EtcdPods, before: int) -> None:
    """One more member, as a step does it."""
    pod = f"{NAME}-{before}"
    job = work(etcd, before, before + 1)
    job.prepare()
    etcd.start(before + 1, pod, existing=True)
    etcd.ready()
    job.follow()
    until(f"{pod} to vote", lambda: job.nudge() and pod in voters(etcd))


def test_g05_one_member_grows_to_three_and_every_one_has_the_data(etcd: EtcdPods) -> None:
    begun(etcd, 1)
    grow(etcd, 1)
    write(etcd, b"second")
    grow(etcd, 2)
    settled(etcd, 3)
    assert {keys(etcd, f"{NAME}-{n}") for n in range(3)} == {2}


def test_g06_three_members_shrink_to_one_and_the_leader_goes_last(etcd: EtcdPods) -> None:
    begun(etcd, 3)
    lead(etcd, f"{NAME}-2")
    job = work(etcd, 3, 1)
    job.prepare()
    etcd.end(f"{NAME}-2", f"{NAME}-1")
    job.follow()
    settled(etcd, 1)
    assert keys(etcd, f"{NAME}-0") == 1
    assert etcd.deleted == [f"data-{NAME}-1", f"data-{NAME}-2"]
    assert any("takes the lead over" in line for line in etcd.said)


UNHEALTHY = "answered with 503 after 4 attempts: etcdserver: unhealthy cluster"


def refusing(
    monkeypatch: pytest.MonkeyPatch, asked: str, refuses: Callable[[EtcdGateway], bool]
) -> None:
    """Etcd itself refuses some of what it is asked."""
    does = getattr(EtcdGateway, asked)

    def answers(gateway: EtcdGateway, argument: str) -> Any:
        if refuses(gateway):
            raise ApiError(503, UNHEALTHY)
        return does(gateway, argument)

    monkeypatch.setattr(EtcdGateway, asked, answers)


def twice() -> Callable[[EtcdGateway], bool]:
    """The first two times."""
    refusals = iter(range(2))
    return lambda _gateway: next(refusals, None) is not None


def changes(
    etcd: EtcdPods,
    monkeypatch: pytest.MonkeyPatch,
    after: int,
    asked: str,
    refuses: Callable[[EtcdGateway], bool],
) -> None:
    """From two members to so many, while etcd refuses."""
    begun(etcd, 2)
    refusing(monkeypatch, asked, refuses)
    work(etcd, 2, after).prepare()
    with etcd.member(f"{NAME}-0") as member:
        assert len(member.members()) == after


CHANGES = pytest.mark.parametrize(("after", "asked"), [(3, "add_learner"), (1, "remove")])


@CHANGES
def test_members_that_are_just_back_are_waited_for(
    etcd: EtcdPods, monkeypatch: pytest.MonkeyPatch, after: int, asked: str
) -> None:
    """They answer and agree, and etcd itself refuses any change for some seconds more."""
    changes(etcd, monkeypatch, after, asked, twice())


@CHANGES
def test_where_the_leader_takes_a_peer_for_gone_that_is_back_the_others_are_asked(
    etcd: EtcdPods, monkeypatch: pytest.MonkeyPatch, after: int, asked: str
) -> None:
    """A post to the peer's old address that fails late leaves it so for good (etcd, rafthttp, pipeline.handle)."""

    def misled(gateway: EtcdGateway) -> bool:
        # Alone it misses nobody: the answer to a removal may be lost that the other one, which left, has carried out.
        return leads(gateway) and len(gateway.members()) > 1

    changes(etcd, monkeypatch, after, asked, misled)


def test_a_lost_member_that_is_silent_does_not_end_the_wait_for_the_others(
    etcd: EtcdPods, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(etcd, 3)
    crashing = etcd.pods()
    etcd.end(f"{NAME}-2")
    until("a leader", lambda: leader(etcd) != "")
    refusing(monkeypatch, "remove", twice())
    job = work(etcd, 3, 2, 2)
    job.work = replace(job.work, pods=lambda: crashing)
    job.prepare()
    with etcd.member(f"{NAME}-0") as member:
        assert len(member.members()) == 2


def test_what_etcd_says_is_told_where_it_takes_no_change(
    etcd: EtcdPods, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(etcd, 1)

    def refuses(_gateway: EtcdGateway, _argument: str) -> Any:
        raise ApiError(503, "answered with 503: etcdserver: unhealthy cluster")

    monkeypatch.setattr(EtcdGateway, "add_learner", refuses)
    job = work(etcd, 1, 2)

    def never(what: str, holds: Callable[[], bool]) -> None:
        assert not holds()
        raise TimedOut(f"waited for {what}.")

    job.work = replace(job.work, until=never)
    with pytest.raises(TimedOut, match=rf"learner\. {NAME}-0: answered .*unhealthy cluster"):
        job.prepare()


def test_g06_with_a_member_down_nothing_is_removed(etcd: EtcdPods) -> None:
    begun(etcd, 3)
    etcd.end(f"{NAME}-1")
    with pytest.raises(FleetError, match=r"2 of 3 members answer: tenant-etcd-1"):
        work(etcd, 3, 1).prepare()
    with etcd.member(f"{NAME}-0") as member:
        assert len(member.members()) == 3


def test_g06_without_quorum_it_says_so(etcd: EtcdPods) -> None:
    begun(etcd, 3)
    etcd.end(f"{NAME}-1", f"{NAME}-2")
    until("the leader to step down", lambda: not led(etcd))
    with pytest.raises(FleetError, match=r"(?s)No member .* leads: tenant-etcd-0: knows no leader"):
        work(etcd, 3, 1).prepare()


def test_g05_members_that_began_a_cluster_of_their_own_are_found_out(etcd: EtcdPods) -> None:
    """What a plain helm upgrade from 1 to 3 leaves: the new ones know each other and not the old one."""
    begun(etcd, 1)
    etcd.start(3, f"{NAME}-1", f"{NAME}-2")
    etcd.ready()
    until("the others to be a cluster", lambda: len(_known(etcd, f"{NAME}-1")) == 3)
    for before, after in ((1, 2), (3, 1)):
        with pytest.raises(FleetError, match="members disagree on who is a member"):
            work(etcd, before, after).prepare()
    assert len(_known(etcd, f"{NAME}-0")) == 1
    assert "members disagree" in listed(seats(etcd), 3, etcd.member).trouble


def _known(etcd: EtcdPods, pod: str) -> list[str]:
    try:
        with etcd.member(pod) as member:
            return [m.name for m in member.members()]
    except FleetError:
        return []


def test_g48_a_learner_whose_pod_never_came_is_replaced_by_another(etcd: EtcdPods) -> None:
    begun(etcd, 1)
    work(etcd, 1, 2).prepare()
    with etcd.member(f"{NAME}-0") as member:
        first = next(m.id for m in member.members() if m.learner)
    grow(etcd, 1)
    settled(etcd, 2)
    with etcd.member(f"{NAME}-0") as member:
        assert first not in {m.id for m in member.members()}


def test_g48_a_learner_that_joined_gets_its_vote_from_the_next_run(etcd: EtcdPods) -> None:
    begun(etcd, 1)
    work(etcd, 1, 2).prepare()
    etcd.start(2, f"{NAME}-1", existing=True)
    etcd.ready()
    until("it to be listed", lambda: listed(seats(etcd), 2, etcd.member).learners == {1})
    job = work(etcd, 1, 2)
    job.prepare()
    until("it to vote", job.nudge)
    settled(etcd, 2)
    assert listed(seats(etcd), 2, etcd.member) == MemberList(frozenset({0, 1}))


def test_g48_members_that_are_removed_already_stay_so(etcd: EtcdPods) -> None:
    begun(etcd, 3)
    work(etcd, 3, 1).prepare()
    etcd.end(f"{NAME}-1", f"{NAME}-2")
    job = work(etcd, 3, 1, 1, 2)
    job.prepare()
    job.follow()
    settled(etcd, 1)
    # Asked for by both runs; the second time they are gone.
    assert etcd.deleted == [f"data-{NAME}-1", f"data-{NAME}-2"] * 2


def test_g48_g14_claims_go_with_their_pods_whatever_becomes_of_the_run(etcd: EtcdPods) -> None:
    """Once the pods are gone nobody could tell whose data the claims hold."""
    begun(etcd, 3)
    work(etcd, 3, 1).prepare()
    assert etcd.deleted == [f"data-{NAME}-1", f"data-{NAME}-2"]
    assert all(etcd.data(f"{NAME}-{number}").exists() for number in range(3))
    etcd.end(f"{NAME}-1", f"{NAME}-2")
    assert [etcd.data(f"{NAME}-{number}").exists() for number in range(3)] == [True, False, False]


def test_g05_g06_pods_that_are_no_members_do_not_go(etcd: EtcdPods) -> None:
    """They may be another store's, that plain Helm has begun beside this one: the tenant may have written to it."""
    begun(etcd, 1)
    job = work(etcd, 3, 1, 2)
    with pytest.raises(FleetError, match="tenant-etcd-1 would go, and the members do not count"):
        job.prepare()
    assert etcd.deleted == []


def test_g05_g06_the_first_member_comes_back_while_a_split_store_shrinks(
    etcd: EtcdPods, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was silent when they were asked whether they agree, and leads a store of its own a moment later."""
    etcd.start(1)
    etcd.ready()
    until("a leader", lambda: led(etcd))
    etcd.end(f"{NAME}-0")
    etcd.start(3, f"{NAME}-1", f"{NAME}-2")
    until("the other store", lambda: leader(etcd) != "")
    job = work(etcd, 3, 1)
    agree = job._of_one_list

    def asked() -> None:
        agree()
        etcd.start(3, f"{NAME}-0")
        etcd.ready()
        until("the first store", lambda: leader(etcd) == f"{NAME}-0")

    monkeypatch.setattr(job, "_of_one_list", asked)
    with pytest.raises(FleetError, match="tenant-etcd-1, tenant-etcd-2 would go"):
        job.prepare()
    assert etcd.deleted == []


def test_g06_a_lost_member_goes_without_being_well_first(etcd: EtcdPods) -> None:
    begun(etcd, 3)
    etcd.end(f"{NAME}-2")
    until("a leader", lambda: leader(etcd) != "")
    job = work(etcd, 3, 1, 2)
    job.prepare()
    etcd.end(f"{NAME}-1")
    job.follow()
    settled(etcd, 1)


def test_a_learner_is_taken_back_when_the_members_shrink_again(etcd: EtcdPods) -> None:
    begun(etcd, 1)
    work(etcd, 1, 2).prepare()
    job = work(etcd, 2, 1)
    job.prepare()
    job.follow()
    settled(etcd, 1)


@pytest.mark.parametrize("lost", [0, 2])
def test_g63_a_member_without_its_data_is_replaced(etcd: EtcdPods, lost: int) -> None:
    begun(etcd, 3)
    pod = f"{NAME}-{lost}"
    etcd.end(pod)
    etcd.wipe(pod)
    until("another leader", lambda: leader(etcd) not in ("", pod))
    job = work(etcd, 3, 3, lost)
    job.prepare()
    job.follow()
    etcd.start(3, pod, existing=True)
    etcd.ready()
    until(f"{pod} to vote", lambda: job.nudge() and pod in voters(etcd))
    settled(etcd, 3)
    assert keys(etcd, pod) == 1


def test_g63_without_a_quorum_of_the_others_nothing_is_removed(etcd: EtcdPods) -> None:
    begun(etcd, 3)
    etcd.end(f"{NAME}-1", f"{NAME}-2")
    until("the leader to step down", lambda: not led(etcd))
    with pytest.raises(FleetError, match=r"No member .* leads"):
        work(etcd, 3, 3, 2).prepare()


def test_g43_an_alarm_is_told_with_the_status_and_stops_the_work(etcd: EtcdPods) -> None:
    begun(etcd, 1)
    with etcd.member(f"{NAME}-0") as member:
        own = member.status().id
        alarm = {"action": "ACTIVATE", "memberID": own, "alarm": "NOSPACE"}
        member._api.create("/v3/maintenance/alarm", alarm)
        assert member.status().alarms == ("NOSPACE",)
    with pytest.raises(FleetError, match="etcd_alarms: alarms: tenant-etcd-0: NOSPACE"):
        work(etcd, 1, 2).prepare()
