# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tests of the guarded imports."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import libraries
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError


class Client:
    """Stands for the kubernetes package."""

    def __init__(self, version: str) -> None:
        self.__version__ = version


@pytest.mark.parametrize("version", ["24.2.0", "25.3.0", "35.0.0", "36.0.1", "37.0.2"])
def test_versions_that_will_do(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(libraries, "kubernetes", Client(version))
    libraries.require()


@pytest.mark.parametrize("version", ["12.0.1", "24.1.0", "36.0.0"])
def test_versions_that_will_not(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(libraries, "kubernetes", Client(version))
    with pytest.raises(FleetError, match=f"kubernetes {version} is not usable"):
        libraries.require()


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
    assert "Install `kubernetes>=24.2.0" in done.stdout
