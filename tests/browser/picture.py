# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take the picture of a report that README.md shows: docs/images/report.png.

Usage: `PYTHONPATH=tests:tests/lab .venv/core-2.21/bin/python tests/browser/picture.py`
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import chromium
import reports

from ansible_collections.fleetops.vcluster.plugins.plugin_utils._html import report_html

TARGET = Path(__file__).resolve().parents[2] / "docs" / "images" / "report.png"


def main() -> None:
    chromium.install()
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        page.write_text(report_html(reports.halted()), encoding="utf-8")
        TARGET.write_bytes(chromium.screenshot(page, 1000, 1690).read_bytes())


if __name__ == "__main__":
    main()
