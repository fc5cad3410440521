# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report: plan and outcome side by side, and what is left."""

from __future__ import annotations

import json
from typing import Any

import pytest
import reports

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.report import (
    Report,
    Seen,
    build_report,
    grouped,
    names,
    report_data,
    short,
)


def planned(
    wave: int, status: str = "planned", kinds: tuple[str, ...] = ("install",), **more: Any
) -> dict[str, Any]:
    return {"status": status, "wave": wave, "cluster": "hc1", "kinds": list(kinds), **more}


PLAN = {
    "hosts": {
        "a": planned(1),
        "b": planned(1),
        "c": planned(2),
        "d": planned(1, "unchanged", ()),
    }
}
OUTCOMES: dict[str, Any] = {
    "a": {"outcome": "done", "seconds": 41.0, "began": "2026-01-01T00:00:00Z"},
    "b": {"outcome": "failed", "failed": True, "msg": "1 of 2 checks failed"},
}


def report_of(outcomes: dict[str, Any], plan: Any = PLAN, **seen: Any) -> Report:
    return build_report(plan, Seen(outcomes, **seen))


def outcomes_of(report: Report) -> dict[str, str]:
    return {line.host: line.outcome for line in report.lines}


def test_outcomes_stand_beside_the_plan_and_the_next_wave_was_not_reached() -> None:
    data = report_data(report_of(OUTCOMES, halted=1))
    assert (data["failed"], data["not_reached"]) == (["b"], ["c"])
    assert (data["unchanged"], data["halted"]) == (1, 1)


def test_a_host_without_result_in_a_wave_that_began_has_failed() -> None:
    report = report_of({"a": OUTCOMES["a"]}, halted=1)
    assert outcomes_of(report) == {"a": "done", "b": "failed", "c": "not reached"}
    assert "no result" in report.failures[0].message


def test_waves_that_were_not_asked_for_are_left_and_have_not_failed() -> None:
    report = report_of({"a": OUTCOMES["a"], "b": OUTCOMES["a"]}, last_wave=1)
    assert outcomes_of(report) == {"a": "done", "b": "done", "c": "not reached"}
    assert report.headline == "2 of 3 done"
    assert report.explanation == "Waves after 1 were not asked for; 1 left for another run."


@pytest.mark.parametrize(("state", "word"), [("running", "running"), ("cut off", "cut off")])
def test_in_a_run_that_did_not_end_only_who_had_a_turn_can_have_failed(
    state: Any, word: str
) -> None:
    report = report_of({"a": OUTCOMES["a"]}, state=state, started=frozenset({"a", "b"}))
    assert outcomes_of(report) == {"a": "done", "b": word, "c": "not reached"}
    assert [line.host for line in report.failures] == (["b"] if state == "cut off" else [])


@pytest.mark.parametrize(
    ("result", "word"),
    [
        ({"unreachable": True, "msg": "no route"}, "unreachable"),
        ({"failed": True, "msg": "a template broke"}, "failed"),
        ({"changed": True}, "done"),
    ],
)
def test_results_of_ansibles_own_have_an_outcome_too(result: dict[str, Any], word: str) -> None:
    assert outcomes_of(report_of({"a": result, "b": result, "c": result}))["a"] == word


def test_after_is_what_was_seen_and_nothing_else() -> None:
    before = {"version": "0.35.3", "kubernetes": "1.35.6", "replicas": "1/1", "members": ""}
    plan = {"hosts": {name: planned(1, live=before) for name in "abc"}}
    seen = {"outcome": "done", "live": {"version": "0.36.1", "kubernetes": "1.35.6"}}
    report = report_of({"a": seen, "b": {"outcome": "done"}, "c": OUTCOMES["b"]}, plan)
    first, second, third = report.lines
    assert first.before == {"chart": "0.35.3", "kubernetes": "1.35.6", "replicas": "1/1"}
    assert first.after == {"chart": "0.36.1", "kubernetes": "1.35.6"}
    assert (second.after, third.after) == ({}, {})


def test_in_check_mode_after_is_what_the_steps_say() -> None:
    steps = [
        {
            "version": "0.36.1",
            "changes": [
                {"path": "/controlPlane/statefulSet/highAvailability/replicas", "after": 3},
                {"path": "/controlPlane/adminPassword", "after": "(hidden)"},
            ],
        },
        {
            "version": "0.36.1",
            "changes": [{"path": "vcluster_kubernetes_version", "after": "1.36.3"}],
        },
        {
            "version": "0.36.1",
            "changes": [{"path": "vcluster_store.type", "after": "etcd_deployed"}],
        },
        {"version": "", "changes": []},
    ]
    before = {"version": "0.35.3", "kubernetes": "1.35.6", "replicas": "1/1", "members": "3/3"}
    plan = {"hosts": {"a": planned(1, steps=steps, live=before)}}
    report = report_of({"a": {"outcome": "planned"}}, plan)
    assert report.lines[0].after == {
        "chart": "0.36.1",
        "kubernetes": "1.36.3",
        "store": "etcd_deployed",
        "replicas": "3",
        "members": "3/3",
    }
    assert report.headline == "1 would change"


def test_values_and_changes_of_the_plan_stay_in_the_plan() -> None:
    secret = {"path": "/x", "before": "s3cret", "after": "s3cret2"}
    steps = [{"version": "0.36.1", "changes": [secret], "values": {"x": "s3cret"}}]
    for outcome in ({"outcome": "planned"}, OUTCOMES["a"], OUTCOMES["b"]):
        report = report_of({"a": outcome}, {"hosts": {"a": planned(1, steps=steps)}})
        assert "s3cret" not in json.dumps(report_data(report))


def test_a_wave_counts_its_failures_without_refused_ones_and_tells_its_soak() -> None:
    waves = reports.halted().waves
    assert [(w.number, w.failed, w.budget) for w in waves] == [(1, 0, 0), (2, 2, 1), (3, 0, 1)]
    assert waves[0].soak and (waves[0].soak.watched, waves[0].soak.seconds) == (1, 60.3)
    assert waves[1].soak is None


@pytest.mark.parametrize(
    ("name", "headline", "explanation"),
    [
        ("empty", "Nothing to do", ""),
        ("installed", "All 6 done", ""),
        ("halted", "Halted in wave 2, 4 of 12 done", "2 failed in it, 1 may."),
        ("large", "35 of 1,000 failed", ""),
        ("cut_off", "Cut off, 1 of 3 done", "The run was cut off at 2026"),
    ],
)
def test_the_headline_says_how_it_went(name: str, headline: str, explanation: str) -> None:
    report = reports.ALL[name]()
    assert report.headline == headline
    assert explanation in report.explanation
    assert bool(report.explanation) == bool(explanation)


def test_a_report_of_a_run_that_goes_on_says_so() -> None:
    report = report_of({}, state="running", at="2026-01-01T00:00:00Z")
    assert report.headline == "Still running, 0 of 3 done"
    assert "2026-01-01T00:00:00Z" in report.explanation


def test_the_same_words_of_many_are_told_once_but_not_those_with_checks() -> None:
    groups = grouped(reports.large().failures)
    assert sorted(len(hosts) for _, hosts in groups) == [1] * 10 + [25]


def test_names_and_texts_are_cut_with_a_count() -> None:
    assert names("abc", 3) == "a, b, c"
    assert names(map(str, range(1005))) == "0, 1, 2, 3, 4 and 1,000 more"
    assert short("abc", 3) == "abc"
    assert short("x" * 5000, 10) == "xxxxxxxxxx ... (4,990 more characters)"
