# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the guarded imports."""

from __future__ import annotations

import subprocess
import sys


def test_everything_imports_without_the_libraries_and_says_so_on_use() -> None:
    script = """
import sys
for name in ("kubernetes", "urllib3", "websocket", "yaml"):
    sys.modules[name] = None
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import host
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access
try:
    host.connect(Access(host="https://h"), print)
except FleetError as error:
    print(error)
"""
    path = [entry for entry in sys.path if entry]
    command = [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}\n{script}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "cannot be imported" in done.stdout
    assert "Install `urllib3`" in done.stdout
