# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder of a run and its slots."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

from ansible_collections.fleetops.vcluster.plugins.plugin_utils._runs import (
    PLAN_FILE,
    new_run,
    slot,
    write_json,
)


def test_a_run_folder_and_its_files_are_private(tmp_path: Path) -> None:
    folder = new_run(tmp_path / "runs")
    write_json(folder / PLAN_FILE, {"a": 1})
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / PLAN_FILE).stat().st_mode & 0o777 == 0o600


def test_only_folders_with_a_plan_are_ever_removed(tmp_path: Path) -> None:
    for number in range(55):
        made = tmp_path / f"20260101T0000{number:02}-1"
        made.mkdir()
        (made / PLAN_FILE).touch()
    (tmp_path / "0-somebody-elses").mkdir()
    new_run(tmp_path)
    kept = sorted(item.name for item in tmp_path.iterdir())
    assert "0-somebody-elses" in kept
    assert len([name for name in kept if name.endswith("-1")]) == 50
    assert "20260101T000000-1" not in kept


def _hold(folder: Path, started: str, seconds: float) -> None:
    with slot(folder, "hc1", 1):
        Path(started).touch()
        time.sleep(seconds)


def test_a_slot_is_free_again_when_its_holder_was_killed(tmp_path: Path) -> None:
    started = tmp_path / "started"
    holder = multiprocessing.get_context("fork").Process(
        target=_hold, args=(tmp_path, str(started), 60)
    )
    holder.start()
    while not started.exists():
        time.sleep(0.01)
    with slot(tmp_path, "hc2", 1):
        pass  # Another host cluster has slots of its own.
    assert holder.pid
    os.kill(holder.pid, 9)
    holder.join(10)
    with slot(tmp_path, "hc1", 1):
        pass
