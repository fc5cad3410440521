# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as one HTML file. How it looks is tried in a browser: tests/browser."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
import reports

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.report import Line, Report
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._html import report_html


def tree_of(report: Report) -> ElementTree.Element:
    """The page is well-formed XML behind its doctype, so nothing in it was left open."""
    return ElementTree.fromstring(report_html(report).removeprefix("<!doctype html>\n"))


def text_of(report: Report) -> str:
    return " ".join(" ".join(tree_of(report).find("body").itertext()).split())  # type: ignore[union-attr]


@pytest.mark.parametrize("name", sorted(reports.ALL))
def test_every_report_is_a_whole_page_with_nothing_from_elsewhere(name: str) -> None:
    page = report_html(reports.ALL[name]())
    assert page.startswith("<!doctype html>\n<html")
    tree_of(reports.ALL[name]())
    assert not re.search(
        r"(?i)<(script|link|img|iframe|object)\b|https?://|@import|url\((?!#)", page
    )
    assert not re.search(r"(?i)<[^>]*\s(on\w+|src|href)=", page)


def test_every_text_from_outside_is_escaped() -> None:
    page = report_html(reports.hostile())
    assert "<script" not in page
    assert reports.SCRIPT in text_of(reports.hostile())


def test_what_failed_what_is_left_and_how_to_go_on_is_said() -> None:
    text = text_of(reports.halted())
    assert "Halted in wave 2, 4 of 12 done" in text
    assert "Halted: wave 2 broke its budget; 5 not reached. 2 failed in it, 1 may." in text
    assert f"What is done stays done. To go on: {reports.COMMAND}" in text
    assert "payments-eu ! refused wave 1, west [G03] The backing store would change" in text
    assert "Wave 3 (5): sandbox, mail, identity, catalogue, media" in text
    assert "canary 0.35.3 → 0.36.1 1.35.6 → 1.36.3 sqlite 1 ✓ done" in text
    assert "billing certificates warn 26 days left: apiserver.crt" in text


def test_what_broke_in_the_soak_is_told_with_its_words() -> None:
    line = Line("a", "hc1", 1, ("values",), "broke in the soak", "restarts: a-0 1")
    assert "a ✗ broke in the soak wave 1, hc1, planned values restarts: a-0 1" in text_of(
        Report((line,), 0)
    )


@pytest.mark.parametrize("name", ["installed", "empty"])
def test_a_good_run_says_nothing_of_going_on(name: str) -> None:
    text = text_of(reports.ALL[name]())
    assert "To go on" not in text
    assert "went wrong" not in text


def test_a_run_without_anything_to_do_shows_no_empty_pictures() -> None:
    headings = [found.text for found in tree_of(reports.empty()).iter("h2")]
    assert headings == []
    assert "Nothing to do" in text_of(reports.empty())


def test_a_run_cut_off_says_what_was_in_the_middle() -> None:
    text = text_of(reports.cut_off())
    assert "Cut off, 1 of 3 done" in text
    assert "b ✗ cut off wave 2" in text


def test_the_load_is_told_also_where_nothing_is_to_do() -> None:
    text = text_of(reports.autoscaled(50))
    assert "1240 of 1000 ms" in text
    assert "2 -> 3 replicas: 167 requests/s for each replica, p99 1240 ms, above 1000" in text
    assert "from sqlite to etcd, which takes replicas" in text
    assert "team-49" in text
    assert "Load" not in text_of(reports.halted())


def test_a_thousand_vclusters_are_grouped_and_cut_with_a_count() -> None:
    page, text = report_html(reports.large()), text_of(reports.large())
    assert len(page.encode()) < 500_000
    assert (
        "tenant-0000, tenant-0001, tenant-0002, tenant-0003, tenant-0004 and 960 more (965)" in text
    )
    assert "and 900 more, see report.json" in text
    assert "and 935 more vClusters, counted above, see report.json" in text
    assert "and 950 faster ones, see report.json" in text
    assert page.count("<rect") > 950


def test_a_page_stays_below_2_mb_whatever_goes_wrong() -> None:
    report = reports.large(5000)
    failed = tuple(
        replace(line, outcome="failed", message=f"{line.host}: {'x ' * 10_000}")
        for line in report.lines
    )
    assert len(report_html(replace(report, lines=failed)).encode()) < 2_000_000
