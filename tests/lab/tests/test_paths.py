# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which variable decides where the lab keeps its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import paths

VARIABLES = ("FLEETOPS_LAB_CACHE", "FLEETOPS_LAB_STATE", "XDG_CACHE_HOME")


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/home/someone")


def test_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    assert paths.cache() == Path("/home/someone/.cache/fleetops-vcluster")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache/someone")
    assert paths.cache() == Path("/var/cache/someone/fleetops-vcluster")
    monkeypatch.setenv("FLEETOPS_LAB_CACHE", "/srv/cache")
    assert paths.cache() == Path("/srv/cache")


def test_the_state_is_the_clones(monkeypatch: pytest.MonkeyPatch) -> None:
    repository = Path(__file__).resolve().parents[3]
    assert (repository / "galaxy.yml").is_file()
    assert paths.state() == repository / "build" / "lab"
    monkeypatch.setenv("FLEETOPS_LAB_STATE", "/srv/state")
    assert paths.state() == Path("/srv/state")
