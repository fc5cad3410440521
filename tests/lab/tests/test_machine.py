# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab changes for the whole machine, it takes back."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import machine


@pytest.fixture
def limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(machine, "VOLUMES", tmp_path / "volumes")
    monkeypatch.setattr(machine, "INOTIFY", tmp_path / "max_user_instances")
    machine.INOTIFY.write_text("128\n")
    return machine.INOTIFY


def test_a_low_limit_is_raised_and_comes_back(limit: Path) -> None:
    machine.prepare()
    assert int(limit.read_text()) == machine.INOTIFY_INSTANCES
    machine.prepare()  # the second host cluster
    machine.restore()
    assert limit.read_text() == "128\n"
    assert not machine.VOLUMES.exists()


def test_a_high_limit_stays(limit: Path) -> None:
    limit.write_text("65536\n")
    machine.prepare()
    assert limit.read_text() == "65536\n"
    machine.restore()
    assert limit.read_text() == "65536\n"


def test_files_of_others_are_kept(limit: Path) -> None:
    machine.prepare()
    (machine.VOLUMES / "theirs").touch()
    machine.restore()
    assert [path.name for path in machine.VOLUMES.iterdir()] == ["theirs"]
    machine.restore()
