# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take the pictures that the docs show, docs/images/NAME.png.

PYTHONPATH=tests:tests/lab .venv/core-2.21/bin/python tests/browser/picture.py
... picture.py plan OUTPUT    # of what a playbook printed, as a terminal shows it
"""

from __future__ import annotations

import sys
import tempfile
from html import escape
from pathlib import Path

import chromium
import reports

from ansible_collections.fleetops.vcluster.plugins.plugin_utils._html import report_html

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
TERMINAL = """\
<!doctype html>
<meta charset="utf-8">
<style>
  body {{ margin: 0; background: #16191d; }}
  pre {{ margin: 0; padding: 16px 20px; color: #d7dce2; font: 14px/20px "DejaVu Sans Mono"; }}
</style>
<pre>{text}</pre>
"""
COLUMN, LINE, EDGE = 8.43, 20, 40  # pixels of that font


def main(arguments: list[str]) -> None:
    chromium.install()
    if arguments:
        name, output = arguments
        take(name, *terminal(Path(output).read_text(encoding="utf-8").rstrip()))
    else:
        take("report", report_html(reports.halted()), 1000, 1690)
        take("load", report_html(reports.autoscaled(4)), 1000, 880)


def terminal(text: str) -> tuple[str, int, int]:
    """A page with the text, and how wide and high it is."""
    lines = text.splitlines()
    width = round(max(map(len, lines)) * COLUMN) + EDGE
    return TERMINAL.format(text=escape(text)), width, len(lines) * LINE + EDGE


def take(name: str, html: str, width: int, height: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / f"{name}.html"
        page.write_text(html, encoding="utf-8")
        picture = chromium.screenshot(page, width, height)
        (IMAGES / f"{name}.png").write_bytes(picture.read_bytes())


if __name__ == "__main__":
    main(sys.argv[1:])
