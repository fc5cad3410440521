# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report for a merge request or a ticket."""

from __future__ import annotations

import re

import pytest
import reports

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.report_markdown import (
    escaped,
    fenced,
    report_markdown,
)


def without_fences(text: str) -> str:
    return re.sub(r"^(`{3,})text\n.*?^\1$", "", text, flags=re.MULTILINE | re.DOTALL)


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [line.removeprefix("| ").removesuffix(" |").split(" | ") for line in lines]


def test_it_says_how_it_went_what_went_wrong_and_how_to_go_on() -> None:
    text = report_markdown(reports.halted())
    assert text.startswith("## vCluster fleet: Halted in wave 2, 4 of 12 done\n")
    assert "**Halted: wave 2 broke its budget; 5 not reached. 2 failed in it, 1 may.**" in text
    assert f"```text\n{reports.COMMAND}\n```" in text
    assert "**payments-eu**: refused\n\n```text\n[G03] The backing store would change" in text
    assert "* Wave 3 (5): sandbox, mail, identity, catalogue, media" in text
    assert "Wave 1: 1 watched for 1 min, nothing broke." in text


def test_before_and_after_stand_in_one_cell_and_what_moved_is_bold() -> None:
    found = {row[0]: row for row in rows(report_markdown(reports.halted()))}
    assert found["canary"][-5:-2] == ["0.35.3 → **0.36.1**", "1.35.6 → **1.36.3**", "sqlite"]
    assert "→ **0.36.1**" in found["search"]
    assert "0.35.3" in found["ledger"] and "**failed**" in found["ledger"]


def test_every_row_has_the_same_columns() -> None:
    for name in sorted(set(reports.ALL) - {"empty"}):
        tables = [x for x in report_markdown(reports.ALL[name]()).split("\n\n") if x[:1] == "|"]
        assert tables
        for table in tables:
            assert len({line.count("|") for line in table.splitlines()}) == 1, name


def test_a_large_run_is_cut_with_a_count_and_what_failed_is_kept() -> None:
    text = report_markdown(reports.large())
    assert "... and 950 more, see `report.json`." in text
    assert "| tenant-0975 |" in text
    assert len(text) < 20_000


def test_a_run_without_anything_to_do_is_two_lines() -> None:
    text = report_markdown(reports.empty())
    assert text.splitlines() == ["## vCluster fleet: Nothing to do", "", "20 unchanged."]


def test_texts_from_outside_mean_nothing_to_markdown() -> None:
    plain = without_fences(report_markdown(reports.hostile()))
    assert "<" not in plain.replace("&nbsp;", "")
    assert "@" not in plain


@pytest.mark.parametrize("text", ["a|b", "<b>", "![x](y)", "@all", "#12", "_x_", "`x`", "$x$"])
def test_what_markdown_would_read_is_escaped(text: str) -> None:
    assert not re.search(r"[|<>@\[\]`$]|(?<!&)#|\b_|_\b|!", escaped(text))


def test_words_stay_readable_in_the_source() -> None:
    assert escaped("chart_hop, 0.36.1 (x)\n y") == "chart_hop, 0.36.1 (x) y"


@pytest.mark.parametrize("text", ["plain", "``` fence", "a\n`````\nb"])
def test_a_fence_is_longer_than_any_within_it(text: str) -> None:
    first, *inside, last = fenced(text)
    assert first == f"{last}text"
    assert inside == text.splitlines()
    assert last not in text
