# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report in a real browser: it is drawn, it fits, on a desk, on a phone, in the dark and on paper."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy
import pytest
import reports

from ansible_collections.fleetops.vcluster.plugins.plugin_utils._html import report_html

sys.path.insert(0, str(Path(__file__).parent))
import chromium

DESKTOP, PHONE = 1280, 390
# The colours of report.css, by day and by night.
GOOD, BAD, PAPER = (0x1A, 0x7F, 0x37), (0xCF, 0x22, 0x2E), (0xFF, 0xFF, 0xFF)
LIST = (0x09, 0x69, 0xDA)
GOOD_BY_NIGHT, BAD_BY_NIGHT, NIGHT = (0x3F, 0xB9, 0x50), (0xFF, 0x7B, 0x72), (0x0D, 0x11, 0x17)


@pytest.fixture(scope="session", autouse=True)
def browser() -> None:
    chromium.install()


@pytest.fixture
def page(tmp_path: Path) -> Any:
    def write(name: str) -> Path:
        path = tmp_path / f"{name}.html"
        path.write_text(report_html(reports.ALL[name]()), encoding="utf-8")
        return path

    return write


def pixels(picture: Path) -> Any:
    return (matplotlib.image.imread(picture)[:, :, :3] * 255).round().astype(int)


def area(found: Any, colour: tuple[int, int, int]) -> int:
    """How many pixels have exactly this colour."""
    return int(numpy.all(found == colour, axis=2).sum())


@pytest.mark.parametrize("name", sorted(reports.ALL))
def test_it_is_read_as_it_was_meant(page: Any, name: str) -> None:
    document = chromium.document(page(name))
    assert f"<title>vCluster fleet: {reports.ALL[name]().headline}</title>" in document
    assert "<script" not in document


@pytest.mark.parametrize("name", sorted(reports.ALL))
def test_nothing_is_wider_than_the_window(page: Any, name: str) -> None:
    widths = (DESKTOP, 800, PHONE, 320)
    assert chromium.wanted_widths(page(name), *widths) == {width: width for width in widths}


def test_what_is_too_wide_would_be_noticed(tmp_path: Path) -> None:
    wide = tmp_path / "wide.html"
    wide.write_text("<!doctype html><body style='margin:0'><p style='width:500px'>wide</p>")
    assert chromium.wanted_widths(wide, DESKTOP, PHONE) == {DESKTOP: DESKTOP, PHONE: 500}


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_the_bars_are_drawn(page: Any, width: int) -> None:
    found = pixels(chromium.screenshot(page("halted"), width, 2200))
    assert found.shape == (2200, width, 3)
    assert tuple(found[0, 0]) == PAPER
    # Bars 11 pixels high or more: those of good take two thirds of the width together, that of bad a quarter.
    assert area(found, GOOD) > 6 * width
    assert area(found, BAD) > 2 * width


def test_a_thousand_bars_are_drawn(page: Any) -> None:
    found = pixels(chromium.screenshot(page("large"), DESKTOP, 3000))
    assert area(found, GOOD) > 100_000
    assert area(found, BAD) > 500


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_the_load_is_drawn(page: Any, width: int) -> None:
    """Four numbers of one vCluster are too much, a dozen of the fifty are in the green."""
    found = pixels(chromium.screenshot(page("autoscaled-50"), width, 2400))
    assert area(found, BAD) > 4 * 14 * 80
    assert area(found, GOOD) > 500
    assert area(found, LIST) > 1000


def test_it_is_dark_where_the_reader_wants_it_dark(page: Any) -> None:
    found = pixels(chromium.screenshot(page("halted"), DESKTOP, 2200, dark=True))
    assert tuple(found[0, 0]) == NIGHT
    assert area(found, GOOD_BY_NIGHT) > 6 * DESKTOP
    assert area(found, BAD_BY_NIGHT) > 2 * DESKTOP


def test_it_can_be_printed(page: Any) -> None:
    paper = chromium.printed(page("halted")).read_bytes()
    assert paper.startswith(b"%PDF-")
    assert 1 <= paper.count(b"/Type /Page\n") + paper.count(b"/Type /Page ") <= 5
