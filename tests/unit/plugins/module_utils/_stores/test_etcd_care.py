# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The care of members, with real etcd servers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import etcd_pods
import pytest
from etcd_pods import NAME, EtcdPods, begun, lead, leader, until
from programs import Programs

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.etcd import EtcdGateway
from ansible_collections.fleetops.vcluster.plugins.module_utils._core import load
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.care import (
    MIB,
    Condition,
    Maintenance,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    ApiError,
    FleetError,
    TimedOut,
    Unreachable,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import Kind, Step
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores import etcd_care
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.etcd_care import (
    MemberCare,
    condition_of,
    metrics_of,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.work import Upkeep
from lab.parts import build

pytestmark = pytest.mark.apiserver

QUOTA = 8 * MIB
SMALL = f"--quota-backend-bytes={QUOTA}"
WANTED = Maintenance(fragmentation=20, free_mib=1)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No space is answered with 429, which is tried again."""
    monkeypatch.setattr(etcd_pods, "QUICK", replace(etcd_pods.QUICK, busy=0.2))


class Cut(BaseException):
    """The process is gone."""


class Watched:
    """Ways to the members that note whose database is rewritten, and may end the run right after one."""

    def __init__(self, etcd: EtcdPods, cut_after: int = 0) -> None:
        self.etcd = etcd
        self.rewritten: list[tuple[str, bool]] = []  # and whether it led
        self.cut_after = cut_after

    @contextmanager
    def member(self, pod: str) -> Iterator[Any]:
        with self.etcd.member(pod) as member:
            yield _Noting(member, self, pod)

    def metrics(self, backend: Any) -> str:
        return self.etcd.metrics(backend)


class _Noting:
    def __init__(self, member: EtcdGateway, watched: Watched, pod: str) -> None:
        self._member = member
        self._watched = watched
        self._pod = pod

    def __getattr__(self, name: str) -> Any:
        return getattr(self._member, name)

    def defragment(self) -> None:
        self._watched.rewritten.append((self._pod, leader(self._watched.etcd) == self._pod))
        self._member.defragment()
        if len(self._watched.rewritten) == self._watched.cut_after:
            raise Cut


def names(count: int) -> list[str]:
    return [f"{NAME}-{number}" for number in range(count)]


def care(etcd: EtcdPods, count: int, reach: Watched | None = None) -> MemberCare:
    fake = cast("Any", reach or etcd)
    upkeep = Upkeep(
        fake,
        fake,
        etcd.pods,
        _soon,
        etcd.said.append,
        wanted=WANTED,
        held=lambda: None,
        stopped=cast("Any", None),
        shell_image="",
    )
    return MemberCare(
        "vCluster tenant",
        names(count),
        lambda: [pod.name for pod in etcd.pods()],
        fake,
        QUOTA,
        upkeep,
    )


def _soon(what: str, holds: Any) -> None:
    """Members that are not well do not come back in these tests."""
    try:
        until(what, holds)
    except AssertionError as error:
        raise TimedOut(f"{error}.") from error


def seen(etcd: EtcdPods, count: int, *, closely: bool = False) -> Condition:
    fake = cast("Any", etcd)
    metrics = metrics_of("vcluster-tenant", fake) if closely else None
    return condition_of(names(count), names(count), fake, quota=QUOTA, volume=0, metrics=metrics)


def history(etcd: EtcdPods, writes: int, size: int = 250_000) -> int:
    """Write one key again and again; how often it was acknowledged."""
    value, done = b"x" * size, 0
    with etcd.member(f"{NAME}-0") as member:
        for number in range(writes):
            try:
                member.write([(b"/registry/one", value + str(number).encode())])
            except ApiError as error:
                assert "database space exceeded" in str(error)
                break
            done += 1
    return done


def compacted(etcd: EtcdPods) -> None:
    """And seen to be: what a transaction has freed counts with the next one only, and a tenant always writes."""
    with etcd.member(f"{NAME}-0") as member:
        member.compact((member.count() or (0, 0))[0])

    def all_free() -> bool:
        writes(etcd)
        return all(free(etcd, pod.name) > 3 * MIB for pod in etcd.pods())

    until("all members to have compacted", all_free)


def writes(etcd: EtcdPods) -> bool:
    with etcd.member(f"{NAME}-0") as member:
        try:
            member.write([(b"/registry/after", b"x")])
        except ApiError:
            return False
    return True


def free(etcd: EtcdPods, pod: str) -> int:
    with etcd.member(pod) as member:
        status = member.status()
    return status.db_size - status.in_use


@pytest.mark.parametrize("count", [1, 3])
def test_g43_nospace_is_healed_and_the_next_write_is_taken(etcd: EtcdPods, count: int) -> None:
    begun(etcd, count, SMALL)
    assert history(etcd, 200) < 100
    assert not writes(etcd)
    before = seen(etcd, count)
    assert before.alarms == ("NOSPACE",)
    assert before.trouble == "", "an alarm for want of space is what the work is for"
    work = care(etcd, count)
    for step in (Kind.COMPACT, Kind.DEFRAGMENT, Kind.DISARM):
        work.carry_out(Step(step, "", parts=tuple(names(count))))
    assert writes(etcd)
    after = seen(etcd, count)
    assert after.alarms == ()
    assert max(part.size for part in after.parts) < before.size / 4
    assert after.keys == (before.keys or 0) + 1


@pytest.fixture
def older(tmp_path: Path) -> Iterator[EtcdPods]:
    """Servers of etcd 3.5, which do not tell their quota."""
    programs = Programs(tmp_path)
    yield EtcdPods(build(["etcd-3.5"])["etcd-3.5"], programs, tmp_path)
    programs.end()


def test_g43_nospace_of_an_older_etcd_is_healed_too(older: EtcdPods) -> None:
    test_g43_nospace_is_healed_and_the_next_write_is_taken(older, 3)
    assert seen(older, 3).quota == QUOTA


def test_g43_what_is_at_the_quota_itself_is_told_and_the_alarm_stays(etcd: EtcdPods) -> None:
    begun(etcd, 1, SMALL)
    work, number = care(etcd, 1), 0
    with pytest.raises(FleetError, match=r"quota is 8 MiB.*--quota-backend-bytes=16777216"):
        # A small file grows by half of itself: there is some space left the first time.
        while number < 1000:
            with etcd.member(f"{NAME}-0") as member, pytest.raises(ApiError):
                while True:
                    number += 1
                    member.write([(b"/registry/%d" % number, b"x" * 100_000)])
            for step in (Kind.COMPACT, Kind.DEFRAGMENT, Kind.DISARM):
                work.carry_out(Step(step, "", parts=tuple(names(1))))
    assert not writes(etcd)


def test_g43_one_after_the_other_and_nobody_rewrites_while_it_leads(etcd: EtcdPods) -> None:
    begun(etcd, 3)
    history(etcd, 40)
    lead(etcd, f"{NAME}-0")
    compacted(etcd)
    reach = Watched(etcd)
    care(etcd, 3, reach).defragment(names(3))
    assert reach.rewritten == [(f"{NAME}-1", False), (f"{NAME}-2", False), (f"{NAME}-0", False)]
    assert all(free(etcd, pod) < MIB for pod in names(3))


def test_g48_cut_off_after_the_first_one_the_next_run_does_the_others(etcd: EtcdPods) -> None:
    begun(etcd, 3)
    history(etcd, 40)
    lead(etcd, f"{NAME}-1")
    compacted(etcd)
    first, second = Watched(etcd, cut_after=1), Watched(etcd)
    with pytest.raises(Cut):
        care(etcd, 3, first).defragment(names(3))
    care(etcd, 3, second).defragment(names(3))
    assert [pod for pod, _led in first.rewritten] == [f"{NAME}-0"]
    assert [pod for pod, _led in second.rewritten] == [f"{NAME}-2", f"{NAME}-1"]
    third = Watched(etcd)
    care(etcd, 3, third).defragment(names(3))
    assert third.rewritten == [], "nothing is due any more"


def test_g43_with_a_member_away_none_is_touched(
    etcd: EtcdPods, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(etcd, 3)
    history(etcd, 40)
    compacted(etcd)
    etcd.end(f"{NAME}-2")
    monkeypatch.setattr("etcd_pods.SECONDS", 2.0)
    reach = Watched(etcd)
    with pytest.raises(TimedOut, match=f"{NAME}-2.*No other member was touched"):
        care(etcd, 3, reach).defragment(names(3))
    assert reach.rewritten == []


def test_a_compaction_keeps_what_watches_may_be_behind(
    etcd: EtcdPods, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(etcd_care, "MARGIN", 10)
    begun(etcd, 1)
    history(etcd, 30, size=10)
    care(etcd, 1).compact()
    condition = seen(etcd, 1)
    assert condition.lag == 10
    care(etcd, 1).compact()  # again, to where it is already
    assert seen(etcd, 1).lag == 10


def test_the_condition_has_all_that_members_tell(
    etcd: EtcdPods, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "FEWEST", 1)  # commits come every 100 ms
    begun(etcd, 1)
    history(etcd, 200, size=10)
    condition = seen(etcd, 1, closely=True)
    assert (condition.keys, condition.revision, condition.alarms) == (2, 202, ())
    assert condition.compacted is not None and condition.compacted < 1
    assert 0 < condition.used <= condition.size
    speeds = {one.speed: one.seconds for one in condition.latencies}
    assert 0 < speeds["commit"] < 1, "these servers sync no log"


def test_one_that_tells_no_metrics_is_named_and_the_rest_is_told(
    etcd: EtcdPods, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(_self: EtcdPods, backend: Any) -> str:
        raise Unreachable(f"Pod {backend.pod} does not tell its metrics: refused.")

    begun(etcd, 1)
    monkeypatch.setattr(EtcdPods, "metrics", silent)
    condition = seen(etcd, 1, closely=True)
    assert (condition.trouble, condition.latencies, condition.keys) == ("", (), 1)
    assert "how slow the disk of tenant-etcd-0 is" in condition.advice[0]


def test_without_an_answer_there_is_trouble_and_no_size(etcd: EtcdPods) -> None:
    condition = seen(etcd, 1)
    assert condition.parts == ()
    assert "cannot be reached" in condition.trouble
