# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The load in reports: each number against its limit, in text and Markdown."""

from __future__ import annotations

from typing import Any

import pytest
import reports

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.load_report import (
    LoadLine,
    gauges,
    load_lines,
    loads_of,
    short_number,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.report import report_data
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.report_markdown import (
    report_markdown,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.report_text import (
    report_text,
)


def gauge(name: str, **more: Any) -> tuple[str, str, str]:
    """Words, what else is said, and grade of one number."""
    found = {one.name: one for one in gauges(reports.load(2, 40, **more))}[name]
    return found.words, found.more, found.grade


@pytest.mark.parametrize(
    ("name", "more", "words", "beside", "grade"),
    [
        ("requests/s", {}, "40 of 100", "LIST 18, GET 12, PUT 3.6", "good"),
        ("requests/s", {"requests": {"GET": 150.0}}, "75 of 100", "GET 75", "near"),
        ("requests/s", {"requests": {"GET": 250.0}}, "125 of 100", "GET 125", "over"),
        ("requests/s", {"requests": {}}, "0 of 100", "", "good"),
        ("p99", {"p99": 1.24}, "1240 of 1000 ms", "", "over"),
        ("p99", {"p99": None}, "too few requests", "", "plain"),
        ("store p99", {"store_p99": 0.07}, "70 of 100 ms", "", "near"),
        ("inflight", {"inflight": 31.0}, "31", "", "plain"),
        ("429/s", {"throttled": 0.25}, "0.25 of 0.1", "", "over"),
        ("CPU", {"cpu": 0.2}, "0.2 of 0.5", "requested", "good"),
        ("CPU", {"cpu": 0.45}, "0.45 of 0.5", "requested", "near"),
        ("CPU", {"cpu": 0.81}, "0.81 of 0.5", "requested", "near"),  # there is no limit
        ("CPU", {"cpu": 0.45, "limits": {"cpu": 4.0}}, "0.45 of 4", "0.5 requested", "near"),
        ("CPU", {"cpu": 3.3, "limits": {"cpu": 4.0}}, "3.3 of 4", "0.5 requested", "over"),
        ("CPU", {"cpu": 0.45, "limits": {"cpu_request": None}}, "0.45", "", "plain"),
        ("memory", {"memory": 384e6}, "384 of 4295 MB", "537 requested", "good"),
        ("memory", {"memory": 4e9}, "4000 of 4295 MB", "537 requested", "over"),
        ("memory", {"limits": {"memory": None, "memory_request": None}}, "384 MB", "", "plain"),
        ("store", {}, "24 of 2147 MB", "", "good"),
        ("store", {"growth": 1.7e9}, "24 of 2147 MB", "+1.2 in 60 s", "good"),
        ("store", {"growth": -1.7e9}, "24 of 2147 MB", "-1.2 in 60 s", "good"),
        ("store", {"limits": {"store_bytes": None}}, "24 MB", "", "plain"),
        ("store", {"store_bytes": 1.8e9}, "1800 of 2147 MB", "", "over"),
    ],
)
def test_each_number_stands_against_its_limit(
    name: str, more: dict[str, Any], words: str, beside: str, grade: str
) -> None:
    assert gauge(name, **more) == (words, beside, grade)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.043, "0.043"), (3.26, "3.3"), (9.96, "10"), (40.0, "40"), (1234.5, "1234")],
)
def test_a_number_is_as_short_as_it_says_something(value: float, text: str) -> None:
    assert short_number(value) == text


def test_the_decision_is_told_also_where_nothing_changes_yet() -> None:
    stays = reports.load(1, 5, 1, "too busy; the last change was 9 s ago")
    assert LoadLine("a", stays).said == ("1 replica stays: too busy; the last change was 9 s ago",)
    assert LoadLine("a", reports.load(2, 5, 3, "x"), ("y",)).said == (
        "2 -> 3 replicas: x",
        "advice: y",
    )
    assert LoadLine("a", reports.load(2, 5, 2)).said == ()
    assert LoadLine("a", reports.load(2, 5)).said == ()


def test_those_with_something_to_see_come_first() -> None:
    found = reports.autoscaled(50).loads
    assert len(found) == 50
    assert {load.host for load in found[:4]} == {"shop", "crm", "search", "archive"}
    assert not any(load.said for load in found[4:])
    requests_only = reports.load(1, 5, cpu=0.9, limits={"cpu_request": 0.2})
    larger = reports.advised("a larger CPU request: 0.90 of 0.2 cores are used.")
    hosts = {
        "high": {"load": reports.load(1, 59)},
        "asks for too little": {"load": requests_only, "findings": larger},
        "over": {"load": reports.load(1, 5, store_bytes=1.8e9)},
        "decided": {"load": reports.load(2, 5, 1, "7 requests/s: one less will do")},
    }
    assert [load.host for load in loads_of({"hosts": hosts})] == [
        "over",
        "decided",
        "asks for too little",
        "high",
    ]
    assert loads_of({"hosts": {"a": reports.planned(1, "west", "install")}}) == ()


def test_the_text_is_a_table_of_80_columns_and_what_there_is_to_say() -> None:
    lines = report_text(reports.autoscaled(50), {"JSON": "/r.json"}).splitlines()
    assert max(map(len, lines)) <= 80
    rows = [line.split() for line in lines]
    heads = ["vCluster", "req/s", "p99", "sp99", "inflight", "429/s", "CPU", "memory", "store"]
    assert heads in rows
    assert ["shop", "167!", "1240!", "21", "31", "0.4!", "0.81", "1220", "311"] in rows
    assert ["archive", "0.4", "-", "8", "2", "0", "0.14", "384", "1904!"] in rows
    assert "  ... and 10 more with less to see, see the files" in lines
    text = " ".join(" ".join(lines).split())
    assert "shop: 2 -> 3 replicas: 167 requests/s for each replica, p99 1240 ms" in text
    assert "crm: advice: from sqlite to etcd, which takes replicas" in text
    assert "search: 3 replicas stay: 130 requests/s" in text


def test_a_long_name_does_not_make_a_line_longer() -> None:
    load = LoadLine("a-tenant-with-a-name-of-more-than-forty-letters", reports.load(2, 5))
    assert max(map(len, load_lines([load]))) <= 80


def test_markdown_has_the_same_with_the_limits() -> None:
    text = report_markdown(reports.autoscaled(50))
    assert "### Load over 60 s" in text
    assert "| shop | **167 of 100** (LIST 75, GET 50, PUT 15) | **1240 of 1000 ms** |" in text
    assert "| 1220 of 4295 MB (537 requested) | 311 of 2147 MB (+1.2 in 60 s) |" in text
    assert "### Load" not in report_markdown(reports.halted())


def test_the_data_has_the_load_of_those_that_needed_nothing() -> None:
    data = report_data(reports.autoscaled(5))
    assert set(data["hosts"]) == {"shop"}
    assert set(data["loads"]) == {"shop", "crm", "search", "archive", "team-04"}
    assert data["loads"]["crm"]["requests"]["LIST"] == 32.4
    assert data["loads"]["crm"]["advice"][1] == "a larger CPU request: 0.45 of 0.2 cores are used"
