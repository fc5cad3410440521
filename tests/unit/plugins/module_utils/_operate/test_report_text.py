# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report for the terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest
import reports

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.report import Line, Report
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.report_text import (
    duration,
    report_text,
    slow_ones,
)


def text_of(report: Report) -> str:
    return report_text(report, {"JSON": "/r.json"})


@pytest.mark.parametrize("name", sorted(set(reports.ALL) - {"hostile"}))
def test_it_keeps_to_80_columns(name: str) -> None:
    assert max(map(len, text_of(reports.ALL[name]()).splitlines())) <= 80


def test_one_line_for_what_is_done_and_the_reason_of_what_is_not() -> None:
    text = text_of(reports.halted())
    assert "  search: planned install: done in 1 min 1 s, proof: 19 pass\n" in text
    assert "    warn certificates: 26 days left: apiserver.crt\n" in text
    assert "  payments-eu: refused\n    [G03] The backing store would change" in text
    assert "  wave 1: 1 watched for 1 min, nothing broke\n" in text
    assert "  wave 3: not reached: sandbox, mail, identity, catalogue, media\n" in text
    assert "Halted: wave 2 broke its budget; 5 not reached. 2 failed in it, 1 may.\n" in text


def test_a_failed_check_is_not_told_twice() -> None:
    words = " ".join(text_of(reports.halted()).split())
    assert words.count("ledger-etcd-2 is not in the list") == 1


def test_what_broke_in_the_soak_is_told_with_its_words() -> None:
    line = Line("a", "hc1", 1, ("values",), "broke in the soak", "restarts: a-0 1")
    text = text_of(Report((line,), 0))
    assert "a: planned values: broke in the soak\n    restarts: a-0 1\n" in text


def test_how_to_go_on_is_said_only_where_something_is_left() -> None:
    assert f"To go on:\n  {reports.COMMAND}\n" in text_of(reports.halted())
    assert "To go on" in text_of(reports.cut_off())
    assert "To go on" not in text_of(reports.installed())
    assert "To go on" not in text_of(reports.empty())


def test_a_long_command_is_told_in_lines_that_a_shell_takes_as_one() -> None:
    command = "ansible-playbook -i 'my fleet.yml' fleetops.vcluster.site --limit 'a b' --forks 20"
    text = text_of(replace(reports.cut_off(), command=command))
    assert (
        "To go on:\n"
        "  ansible-playbook -i 'my fleet.yml' fleetops.vcluster.site --limit 'a b' \\\n"
        "  --forks 20\n"
    ) in text
    assert "To go on: the operator's own words\n" in text_of(
        replace(reports.cut_off(), command="the operator's own words")
    )
    assert "  don't stop && don't" in text_of(
        replace(reports.cut_off(), command="don't stop && " * 9)
    )


def test_a_large_run_stays_short() -> None:
    text = text_of(reports.large())
    assert "  wave 2: 90 done, 40 s to 1 min 39 s, median" in text
    assert "    slow: tenant-0422 8 min 18 s, tenant-0211 7 min 49 s\n" in text
    assert "  25 unreachable: tenant-0513, " in text
    assert "tenant-0102-etcd-1 is not in the list" in text
    assert "tenant-0001" not in text
    assert len(text.splitlines()) < 80


def test_a_large_run_that_went_wrong_everywhere_stays_short_too() -> None:
    report = reports.large()
    failed = tuple(
        replace(line, outcome="failed", message=f"{line.host}: {'x ' * 5000}")
        for line in report.lines
    )
    text = text_of(replace(report, lines=failed))
    assert "  ... and 980 more that failed, see the files\n" in text
    assert len(text.splitlines()) < 400


def test_slow_is_much_slower_than_half_of_the_others_and_more_than_a_minute() -> None:
    def line(seconds: float) -> Line:
        return Line(str(seconds), "hc1", 1, ("install",), "done", seconds=seconds)

    assert slow_ones([]) == []
    assert slow_ones([line(1), line(1), line(50)]) == []
    assert slow_ones([line(30), line(40), line(130), line(125)]) == []
    assert [x.seconds for x in slow_ones([line(30), line(30), line(100), line(30)])] == [100]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.04, "0.0 s"),
        (4.2, "4.2 s"),
        (9.96, "10 s"),
        (41.4, "41 s"),
        (59.7, "1 min"),
        (74.2, "1 min 14 s"),
        (3600, "1 h"),
        (3661, "1 h 1 min"),
    ],
)
def test_durations_are_read_at_a_glance(seconds: float, text: str) -> None:
    assert duration(seconds) == text
