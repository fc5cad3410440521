# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Folders of ours, also without a home directory."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.folders import own_folder
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError

NAME = "fleetops.vcluster"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))


def test_the_variable_wins_over_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert own_folder("XDG_STATE_HOME", "~/.local/state") == tmp_path / "home/.local/state" / NAME
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert own_folder("XDG_STATE_HOME", "~/.local/state") == tmp_path / "state" / NAME


@pytest.mark.parametrize("home", ["/proc/nowhere", "/dev/null", "~nobody-of-this-name"])
def test_without_a_home_there_is_a_private_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    """Not even root can make the first two."""
    monkeypatch.setenv("HOME", home)
    found = own_folder("XDG_STATE_HOME", "~/.local/state")
    assert found == tmp_path / "tmp" / f"{NAME}-{os.getuid()}"
    assert found.stat().st_mode & 0o777 == 0o700
    assert own_folder("XDG_STATE_HOME", "~/.local/state") == found


def test_a_folder_that_others_can_write_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/dev/null")
    folder = tmp_path / "tmp" / f"{NAME}-{os.getuid()}"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    with pytest.raises(FleetError, match="not a private folder"):
        own_folder("XDG_STATE_HOME", "~/.local/state")
    folder.rmdir()
    folder.symlink_to(tmp_path / "home")
    (tmp_path / "home").mkdir(mode=0o700)
    with pytest.raises(FleetError, match="not a private folder"):
        own_folder("XDG_STATE_HOME", "~/.local/state")
