# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Durations, checks, before and after."""

from __future__ import annotations

from dataclasses import replace

import reports

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.report import Line, Report
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._pictures import (
    Cell,
    Move,
    durations,
    matrix,
    moves,
)


def test_durations_come_slowest_first_with_their_median() -> None:
    found = durations(reports.halted())
    assert found
    assert [bar.name for bar in found.bars][:2] == ["reports", "ledger"]
    assert (found.bars[0].width, found.more) == (100, 0)
    assert (found.median, found.fastest) == ("2 min 20 s", "1 min 1 s")
    assert 60 < found.place < 70
    assert durations(reports.empty()) is None


def test_many_durations_are_cut_with_a_count() -> None:
    found = durations(reports.large())
    assert found and (len(found.bars), found.more) == (25, 950)


def test_the_matrix_has_a_cell_for_every_check_of_anyone() -> None:
    found = matrix(reports.halted())
    assert found
    assert len(found.ids) == 19
    rows = dict(found.rows)
    assert rows["canary"][found.ids.index("etcd_hash")] == Cell()
    assert rows["ledger"][found.ids.index("etcd_members")].sign == "✗"
    assert rows["billing"][found.ids.index("certificates")].status == "warn"
    assert found.totals == (("pass", "✓", 102), ("warn", "!", 1), ("fail", "✗", 1))
    assert matrix(reports.empty()) is None


def test_what_has_failed_has_its_words_elsewhere() -> None:
    found = matrix(reports.halted())
    assert found and [(p.host, p.status) for p in found.problems] == [("billing", "warn")]


def test_a_large_matrix_keeps_the_rows_with_something_to_see() -> None:
    found = matrix(reports.large())
    assert found and (len(found.rows), found.more) == (40, 935)
    column = found.ids.index("etcd_members")
    assert [cells[column].status for _, cells in found.rows[:11]] == ["fail"] * 10 + ["pass"]


def test_before_and_after_say_what_changed_and_nothing_unknown() -> None:
    found = moves(reports.halted())
    assert found
    assert found.heads == ("Chart", "Kubernetes", "Store", "Replicas", "etcd members")
    rows = {row.names: row for row in found.rows}
    assert rows["canary"].moves[0] == Move("0.35.3", "0.36.1")
    assert rows["canary"].moves[0].changed and not rows["canary"].moves[3].changed
    assert rows["search"].moves[0] == Move("", "0.36.1")
    assert rows["ledger"].moves[0] == Move("0.35.3", "")
    assert not rows["ledger"].moves[0].changed
    assert moves(reports.empty()) is None


def test_those_that_did_not_move_share_a_row_and_so_do_many_that_moved_alike() -> None:
    found = moves(reports.halted())
    assert found and ("mail, identity, media", 3) in {(row.names, row.count) for row in found.rows}
    large = moves(reports.large())
    assert large and [row.count for row in large.rows] == [965, 10, 25]


def test_replicas_that_are_not_all_there_are_told() -> None:
    line = Line("a", "hc1", 1, ("values",), "done", before={"replicas": "1/3"})
    found = moves(Report((replace(line, after={"replicas": "3/3"}),), 0))
    assert found and found.rows[0].moves == (Move("1/3", "3"),)
