# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's Chromium, headless: what a page looks like, and how wide it wants to be."""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from html import unescape
from pathlib import Path

from lab.toolchain import DebianPackage, debian_packages

PROGRAM = Path("/usr/bin/chromium")
PACKAGES = (
    DebianPackage("chromium", PROGRAM),
    # Without any font a page has boxes for letters; DejaVu has the signs too.
    DebianPackage("fonts-dejavu-core", Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")),
)
LIMIT = 120  # seconds
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
# A window of a desktop is never as narrow as a phone, a frame is.
FRAMES = """\
<!doctype html>
<title>widths</title>
{frames}
<pre></pre>
<script>
addEventListener("load", () => {{
  const found = {{}};
  for (const frame of document.querySelectorAll("iframe")) {{
    const page = frame.contentDocument.documentElement;
    found[page.clientWidth] = page.scrollWidth;
  }}
  document.querySelector("pre").textContent = JSON.stringify(found);
}});
</script>
"""


def install() -> None:
    """What is missing of it; a test that needs a browser does not skip."""
    debian_packages(PACKAGES)


def run(page: Path, *options: str) -> str:
    """Open a page with a profile of its own."""
    with tempfile.TemporaryDirectory() as profile:
        result = subprocess.run(
            [str(PROGRAM), *OPTIONS, f"--user-data-dir={profile}", *options, page.as_uri()],
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
    assert result.returncode == 0, result.stderr[-2000:]
    return result.stdout


def document(page: Path) -> str:
    """The page as the browser understood it."""
    return run(page, "--dump-dom")


def screenshot(page: Path, width: int, height: int, *, dark: bool = False) -> Path:
    """A picture of the top of the page."""
    path = page.with_name(f"{page.stem}-{width}{'-dark' if dark else ''}.png")
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    run(page, f"--window-size={width},{height}", f"--screenshot={path}", scheme)
    return path


def printed(page: Path) -> Path:
    """The page on paper."""
    path = page.with_suffix(".pdf")
    run(page, f"--print-to-pdf={path}", "--no-pdf-header-footer")
    return path


def wanted_widths(page: Path, *widths: int) -> dict[int, int]:
    """How wide the page wants to be where it has that much room."""
    frames = "\n".join(
        f'<iframe src="{page.as_uri()}" style="width:{width}px;height:800px;border:0"></iframe>'
        for width in widths
    )
    outside = page.with_name(f"{page.stem}-frames.html")
    outside.write_text(FRAMES.format(frames=frames))
    found = run(outside, "--allow-file-access-from-files", "--dump-dom")
    text = re.search(r"<pre>(.*?)</pre>", found)
    assert text, found
    return {int(width): wanted for width, wanted in json.loads(unescape(text[1])).items()}
