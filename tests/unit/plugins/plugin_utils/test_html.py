# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report as one HTML file."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.report import Line, Report
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._html import report_html

BAD = "<script>alert('&\"')</script>"
CHECK = {"id": "etcd_members", "status": "fail", "evidence": f"b-etcd-1 {BAD}", "seconds": 0.1}
FAILED = Line("b", "hc1", 1, ("values",), "failed", "1 of 2 checks failed", 41.4, (CHECK,))
DONE = Line("a", "hc1", 1, ("install",), "done")
WAITING = Line("c", "hc1", 2, ("install",), "not reached")


def text_of(report: Report) -> str:
    """The words of the page; it is well-formed beside the doctype and the two void elements."""
    page = report_html(report).replace("<!doctype html>\n", "").replace("<br>", "<br/>")
    lines = [line for line in page.splitlines() if not line.startswith("<meta")]
    return " ".join(" ".join(ElementTree.fromstring("\n".join(lines)).itertext()).split())


def test_the_html_escapes_what_it_shows() -> None:
    html = report_html(Report((FAILED,), 0))
    assert "b-etcd-1 &lt;script&gt;" in html
    assert "<script>" not in html


@pytest.mark.parametrize("field", ["host", "cluster", "outcome", "message"])
def test_every_text_from_outside_is_escaped(field: str) -> None:
    assert BAD in text_of(Report((replace(FAILED, **{field: BAD}),), 0))
    assert BAD in text_of(Report((FAILED,), 0, command=BAD))
    assert BAD in text_of(Report((replace(FAILED, planned=(BAD,)),), 0))


def test_what_failed_what_is_left_and_how_to_go_on_is_said() -> None:
    text = text_of(Report((DONE, FAILED, WAITING), 7, 1, "the same command"))
    assert "7 unchanged, 3 in this run, 1 failed, 1 not reached." in text
    assert "Halted: wave 1 broke its budget." in text
    assert "To go on: the same command" in text
    assert "failed in 41 s 1 of 2 checks failed" in text


def test_a_good_run_says_nothing_of_going_on() -> None:
    text = text_of(Report((DONE,), 0, command="the same command"))
    assert "To go on" not in text
    assert "Halted" not in text
