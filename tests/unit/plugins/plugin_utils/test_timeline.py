# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the bars of the timeline stand."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import pytest
import reports

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.report import (
    Line,
    Report,
    Soak,
    Wave,
)
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._timeline import (
    MOST_TICKS,
    SIGN,
    Scale,
    kind_of,
    timeline,
)


def line(host: str, after: float, seconds: float, wave: int = 1) -> Line:
    return Line(
        host, "hc1", wave, ("install",), "done", seconds=seconds, began=reports.moment(after)
    )


def test_places_are_percent_of_the_whole_run() -> None:
    soak = Soak(reports.moment(25), 25.0, 1)
    report = Report(
        (line("a", 0, 25), line("b", 50, 50, 2)), 0, waves=(Wave(1, soak=soak), Wave(2))
    )
    picture = timeline(report)
    assert picture and picture.span == "1 min 40 s"
    first, second = picture.waves
    assert (first.bars[0].x, first.bars[0].width) == (0, 25)
    assert first.soak and (first.soak.x, first.soak.width) == (25, 25)
    assert (second.bars[0].x, second.bars[0].width) == (50, 50)


def test_without_any_begin_there_is_no_picture() -> None:
    assert timeline(Report((Line("a", "hc1", 1, ("x",), "refused"),), 0, waves=(Wave(1),))) is None
    assert timeline(reports.empty()) is None


def test_a_bar_that_lasted_no_time_is_seen_and_stays_inside() -> None:
    report = Report((line("a", 0, 1000), line("b", 1000, 0)), 0, waves=(Wave(1),))
    picture = timeline(report)
    assert picture
    last = picture.waves[0].bars[1]
    assert last.width > 0 and last.x + last.width <= 100


def test_who_had_no_turn_has_no_bar_but_a_place() -> None:
    picture = timeline(reports.halted())
    assert picture
    assert [(bar.name, bar.width > 0) for bar in picture.waves[0].bars] == [
        ("canary", True),
        ("payments-eu", False),
    ]
    assert picture.waves[2].bars == ()
    assert picture.waves[2].told == (
        ("open", "not reached", "sandbox, mail, identity, catalogue, media"),
    )


def test_many_bars_are_packed_into_lanes_in_which_none_hides_another() -> None:
    picture = timeline(reports.large())
    assert picture
    for wave in picture.waves:
        assert 0 < wave.lanes <= 45
        lanes = defaultdict(list)
        for bar in wave.bars:
            lanes[bar.lane].append((bar.x, bar.x + bar.width))
        for bars in lanes.values():
            # A begin is rounded to the second.
            slack = 100 / 3000
            assert all(end <= begin + slack for (_, end), (begin, _) in pairwise(bars))


def test_where_there_are_too_many_what_failed_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "ansible_collections.fleetops.vcluster.plugins.plugin_utils._timeline.MOST_BARS", 200
    )
    picture = timeline(reports.large())
    assert picture
    third = picture.waves[2]
    assert sum(bar.kind == "bad" for bar in third.bars) == 5
    assert len(third.bars) + third.more == 400


@pytest.mark.parametrize("seconds", [1, 7, 59, 61, 3599, 90_000, 1_000_000])
def test_ticks_are_few_and_inside(seconds: float) -> None:
    ticks = Scale(reports.BEGIN, seconds).ticks()
    assert ticks[0] == (0, "0")
    assert len(ticks) <= MOST_TICKS + 1 or seconds > 5 * 86_400
    assert all(0 <= x <= 94 for x, _ in ticks)


def test_every_colour_has_a_sign() -> None:
    outcomes = ("done", "planned", "rolled_back", "refused", "not reached", "anything else")
    assert [kind_of(outcome) for outcome in outcomes] == [
        "good",
        "plan",
        "back",
        "kept",
        "open",
        "bad",
    ]
    assert len(set(SIGN.values())) == len(SIGN)
