# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a store is due for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.care import (
    DAY,
    MIB,
    Condition,
    Latency,
    Maintenance,
    Part,
    Point,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Observation,
    Proved,
    Release,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access, Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.care import (
    due,
    in_words,
    noted,
)

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
SPEC = Spec("a", "a", "vcluster-a", "hc1", Access())


def etcd(*parts: tuple[int, int], **more: Any) -> Condition:
    """Members with sizes and what is in use, in MiB."""
    found = tuple(Part(f"a-etcd-{n}", s * MIB, u * MIB) for n, (s, u) in enumerate(parts))
    told = {"revision": 5000, "compacted": 4000, "keys": 300, "quota": 2048 * MIB, **more}
    return Condition("etcd", found, compacts=True, rewrite="defragment", **told)


def kinds(condition: Condition, spec: Spec = SPEC) -> list[str]:
    return [step.kind.value for step in due(spec, condition, (), NOW).steps]


def test_a_store_that_is_well_is_due_for_nothing() -> None:
    found = due(SPEC, etcd((100, 90), (100, 80), (100, 95)), (), NOW)
    assert (found.steps, found.findings, found.words) == ((), (), "")


def test_g43_without_space_all_members_are_cared_for_and_the_alarm_comes_last() -> None:
    found = due(SPEC, etcd((2048, 2000), (2048, 2000), alarms=("NOSPACE",)), (), NOW)
    assert [step.kind.value for step in found.steps] == ["compact", "defragment", "disarm"]
    assert found.steps[1].parts == ("a-etcd-0", "a-etcd-1")


def test_g43_only_members_with_much_that_is_free_are_rewritten() -> None:
    (step,) = due(SPEC, etcd((500, 100), (500, 480), (500, 200)), (), NOW).steps
    assert step.parts == ("a-etcd-0", "a-etcd-2")
    assert step.disruption.kind == "rolling"
    assert "400 MiB of 500 MiB are free" in step.reason


def test_one_member_is_an_outage_for_as_long_as_its_data_takes() -> None:
    (step,) = due(SPEC, etcd((3000, 1200)), (), NOW).steps
    assert (step.disruption.kind, step.disruption.seconds) == ("outage", 63)
    assert "about 63 s" in step.disruption.estimate


def test_g43_a_compaction_that_lags_comes_before_what_it_frees() -> None:
    lagging = etcd((500, 490), (50, 49), revision=200_000)
    steps = due(SPEC, lagging, (), NOW).steps
    assert [step.kind.value for step in steps] == ["compact", "defragment"]
    assert steps[1].parts == ("a-etcd-0",), "the other one has not as much in all"
    assert kinds(replace(lagging, revision=104_000)) == []


def test_g43_members_that_are_not_well_are_not_begun_and_that_is_refused() -> None:
    found = due(SPEC, etcd((500, 100), trouble="etcd_quorum: 2 of 3 members answer"), (), NOW)
    (finding,) = found.findings
    assert (finding.severity, "2 of 3 members answer" in finding.what) == ("refuse", True)
    assert due(SPEC, etcd((100, 90), trouble="away"), (), NOW).findings == (), "nothing was due"


def test_g43_data_that_is_near_the_quota_is_told_with_the_way_out() -> None:
    found = due(SPEC, etcd((1500, 1450)), (), NOW)
    assert found.steps == ()
    (finding,) = found.findings
    assert "71 % of its quota" in finding.what
    assert "Raise its quota" in finding.way_out


def test_g44_the_day_the_volume_is_full_is_told_in_time() -> None:
    file = Condition("SQLite", (Part("data-a-0", 900 * MIB, 900 * MIB),), volume=2000 * MIB)
    points = [
        Point(int(NOW.timestamp()) - day * DAY, (900 - 50 * day) * MIB) for day in (3, 2, 1, 0)
    ]
    found = due(SPEC, file, points, NOW)
    assert found.full is not None
    assert f"{found.full:%Y-%m-%d}" == "2026-12-16"
    (finding,) = found.findings
    assert finding.guard == "G44"
    assert "volume of SQLite is full on 2026-12-16" in finding.what
    assert "grows 50 MiB a day, full on 2026-12-16" in in_words(file, points, found.full)
    later = replace(SPEC, maintenance=Maintenance(days=20))
    assert due(later, file, points, NOW).findings == ()


def test_g44_a_file_is_rewritten_with_consent_only() -> None:
    file = Condition("SQLite", (Part("data-a-0", 900 * MIB, 300 * MIB),), rewrite="vacuum")
    found = due(SPEC, file, (), NOW)
    assert found.steps == ()
    (finding,) = found.findings
    assert (finding.guard, finding.severity) == ("G44", "warn")
    assert "vcluster_maintenance.allow_outage" in finding.way_out
    (step,) = due(replace(SPEC, maintenance=Maintenance(allow_outage=True)), file, (), NOW).steps
    assert (step.kind.value, step.disruption.kind) == ("vacuum", "outage")
    assert step.disruption.seconds >= 60


@pytest.mark.parametrize(
    ("speed", "seconds", "told"),
    [("fsync", 0.011, True), ("fsync", 0.009, False), ("commit", 0.026, True), ("sql", 0.2, True)],
)
def test_a_slow_disk_is_told_with_its_numbers(speed: Any, seconds: float, told: bool) -> None:
    condition = etcd((100, 90), latencies=(Latency("a-etcd-0", speed, seconds),))
    found = due(SPEC, condition, (), NOW).findings
    assert bool(found) == told
    if told:
        assert f"{1000 * seconds:.1f} ms" in found[0].what


def test_advice_of_a_store_is_passed_on() -> None:
    (finding,) = due(SPEC, etcd((100, 90), advice=("90 of 100 connections",)), (), NOW).findings
    assert finding.what == "etcd: 90 of 100 connections."


def test_what_the_last_proof_noted_is_told_and_nothing_else() -> None:
    proved = Proved(NOW, care="rewrite a-etcd-0")
    release = Release(3, "deployed", proved=proved)
    (finding,) = noted(Observation(release=release), "a")
    assert "rewrite a-etcd-0" in finding.what
    assert "fleetops.vcluster.maintenance" in finding.way_out
    assert list(noted(Observation(release=replace(release, proved=Proved(NOW))), "a")) == []
    assert list(noted(Observation(), "a")) == []
