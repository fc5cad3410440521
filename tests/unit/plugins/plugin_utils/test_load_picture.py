# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The load as a picture."""

from __future__ import annotations

import reports

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.load_report import LoadLine
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.report import Report
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._load_picture import (
    LIMIT,
    LoadRow,
    load_picture,
)


def row_of(**more: object) -> LoadRow:
    data = reports.load(2, 50, **more)  # type: ignore[arg-type]
    found = load_picture(Report((), 1, loads=(LoadLine("a", data),)))
    assert found
    return found.rows[0]


def test_all_limits_stand_at_one_place() -> None:
    found = {bar.gauge.name: bar for bar in row_of(p99=1.0, store_p99=0.05).bars}
    assert found["p99"].pieces[0].width == LIMIT
    assert found["store p99"].pieces[0].width == round(LIMIT / 2, 2)
    assert found["inflight"].pieces == ()
    assert (found["CPU"].mark, found["memory"].mark) == (None, round(LIMIT / 8, 2))


def test_what_is_far_above_its_limit_ends_with_the_bar() -> None:
    found = {bar.gauge.name: bar for bar in row_of(p99=9.0, growth=-1.0).bars}
    assert (found["p99"].pieces[0].kind, found["p99"].pieces[0].width) == ("over", 100)


def test_requests_are_stacked_by_verb_up_to_their_sum() -> None:
    pieces = row_of().bars[0].pieces
    assert [piece.kind for piece in pieces] == ["LIST", "GET", "POST", "PUT", "PATCH", "DELETE"]
    ends = [round(piece.x + piece.width, 2) for piece in pieces]
    assert [piece.x for piece in pieces] == [0, *ends[:-1]]
    assert ends[-1] == round(LIMIT / 2, 2)
    assert pieces[0].title == "LIST 22.5/s for each replica"
    assert row_of(requests={}).bars[0].pieces == ()


def test_verbs_without_a_colour_share_one() -> None:
    pieces = (
        row_of(requests={"GET": 20.0, "DELETECOLLECTION": 10.0, "OPTIONS": 10.0}).bars[0].pieces
    )
    assert [(piece.kind, piece.width) for piece in pieces] == [("GET", 6.67), ("others", 6.66)]


def test_what_there_is_to_say_comes_with_its_row() -> None:
    found = load_picture(reports.autoscaled(50))
    assert found and (found.span, len(found.rows), found.more) == ("60 s", 50, 0)
    rows = {row.name: row for row in found.rows}
    assert rows["shop"].decision.startswith("2 -> 3 replicas: 167 requests/s")
    assert len(rows["crm"].advice) == 3
    assert load_picture(reports.halted()) is None


def test_many_are_cut_with_a_count() -> None:
    found = load_picture(reports.autoscaled(500))
    assert found and (len(found.rows), found.more) == (100, 400)
    assert {row.name for row in found.rows[:4]} == {"shop", "crm", "search", "archive"}
