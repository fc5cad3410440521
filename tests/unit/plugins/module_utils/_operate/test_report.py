# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report: plan and outcome side by side, and what is left."""

from __future__ import annotations

from typing import Any

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.report import (
    build_report,
    report_data,
    report_text,
)


def planned(
    wave: int, status: str = "planned", kinds: tuple[str, ...] = ("install",)
) -> dict[str, Any]:
    return {"status": status, "wave": wave, "cluster": "hc1", "kinds": list(kinds)}


PLAN = {
    "hosts": {
        "a": planned(1),
        "b": planned(1),
        "c": planned(2),
        "d": planned(1, "unchanged", ()),
    }
}
CHECKS = [{"id": "etcd_members", "status": "fail", "evidence": "b-etcd-1 <script>", "seconds": 0.1}]
OUTCOMES = {
    "a": {
        "outcome": "done",
        "seconds": 41.0,
        "checks": [{"id": "pods", "status": "pass", "evidence": ""}],
    },
    "b": {"outcome": "failed", "failed": True, "msg": "1 of 2 checks failed", "checks": CHECKS},
}


def test_outcomes_stand_beside_the_plan_and_the_next_wave_was_not_reached() -> None:
    report = build_report(PLAN, OUTCOMES, 1, "the same command")
    data = report_data(report)
    assert (data["failed"], data["not_reached"], data["unchanged"], data["halted"]) == (
        ["b"],
        ["c"],
        1,
        1,
    )


def test_the_text_keeps_to_80_columns_and_says_how_to_go_on() -> None:
    text = report_text(build_report(PLAN, OUTCOMES, 1, "the same command"), {"JSON": "/r.json"})
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "a: planned install: done in 41 s, proof: 1 pass" in text
    assert "fail etcd_members: b-etcd-1" in text
    assert "To go on: the same command" in text


def test_a_host_without_result_in_a_wave_that_began_has_failed() -> None:
    report = build_report(PLAN, {"a": OUTCOMES["a"]}, 1, "")
    assert report_data(report)["failed"] == ["b"]


def test_a_run_without_failure_says_nothing_of_going_on() -> None:
    text = report_text(build_report({"hosts": {"a": planned(1)}}, OUTCOMES, 0, "x"), {})
    assert "To go on" not in text
