# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is written of a run while it goes on, and when it ends without its report play."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import reports

from ansible_collections.fleetops.vcluster.plugins.plugin_utils import _recorder
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._recorder import PREFIX, Recorder
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._runs import PLAN_FILE, write_json

PLAN, APPLY, SOAK, REPORT = (PREFIX + name for name in ("plan", "control_plane", "soak", "report"))
GOOD = {"outcome": "done", "seconds": 4.0}


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    """A run with a plan: a and b in wave 1, c in wave 2."""
    hosts = {name: reports.planned(1, "hc1", "install") for name in "ab"}
    hosts["c"] = reports.planned(2, "hc1", "install")
    write_json(tmp_path / PLAN_FILE, {"hosts": hosts})
    result = {
        "path": str(tmp_path / PLAN_FILE),
        "waves": {"1": ["a", "b"], "2": ["c"]},
        "budgets": {"1": 1, "2": 0},
    }
    found = Recorder()
    found.finished(PLAN, "a", result)
    return found


def written(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return found


def outcomes(folder: Path) -> dict[str, str]:
    return {host: line["outcome"] for host, line in written(folder)["hosts"].items()}


def test_only_results_of_these_actions_matter() -> None:
    recorder = Recorder()
    assert [recorder.wants(x) for x in (PLAN, APPLY, SOAK, REPORT)] == [True] * 4
    assert not recorder.wants("ansible.builtin.debug")
    assert not recorder.wants(PREFIX + "status")


def test_without_a_plan_or_a_turn_nothing_is_written(recorder: Recorder, tmp_path: Path) -> None:
    other = Recorder()
    other.started(APPLY, "a")
    other.finished(APPLY, "a", GOOD)
    other.finished(PLAN, "a", {"failed": True})
    assert other.ended("ended") == ""
    recorder.started("ansible.builtin.debug", "a")
    assert recorder.ended("cut off") == ""
    assert not (tmp_path / "report.json").exists()


def test_the_first_turn_is_on_disk_at_once_and_the_rest_now_and_then(
    recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder.started(APPLY, "a")
    assert outcomes(tmp_path) == {"a": "running", "b": "not reached", "c": "not reached"}
    assert written(tmp_path)["state"] == "running"
    recorder.finished(APPLY, "a", GOOD)
    assert outcomes(tmp_path)["a"] == "running"
    later = _recorder.time.monotonic() + _recorder.PAUSE + 3600
    monkeypatch.setattr(_recorder.time, "monotonic", lambda: later)
    recorder.started(APPLY, "b")
    assert outcomes(tmp_path) == {"a": "done", "b": "running", "c": "not reached"}


def test_the_end_of_a_wave_is_on_disk_at_once(recorder: Recorder, tmp_path: Path) -> None:
    for host in "ab":
        recorder.started(APPLY, host)
        recorder.finished(APPLY, host, GOOD)
    assert outcomes(tmp_path) == {"a": "done", "b": "done", "c": "not reached"}
    assert written(tmp_path)["state"] == "running"


def test_a_run_cut_off_is_told_and_written(recorder: Recorder, tmp_path: Path) -> None:
    recorder.started(APPLY, "a")
    recorder.started(APPLY, "b")
    recorder.finished(APPLY, "a", GOOD)
    text = recorder.ended("cut off")
    assert outcomes(tmp_path) == {"a": "done", "b": "cut off", "c": "not reached"}
    assert "b: planned install: cut off" in text
    assert str(tmp_path / "report.html") in text
    assert recorder.ended("cut off") == ""


def test_what_broke_in_the_soak_is_in_it(recorder: Recorder, tmp_path: Path) -> None:
    for host in "ab":
        recorder.started(APPLY, host)
        recorder.finished(APPLY, host, GOOD)
    soak = {"watched": ["a", "b"], "broken": {"a": "restarts: a-0 1"}, "seconds": 9.0}
    recorder.finished(SOAK, "a", soak)
    recorder.ended("ended")
    assert outcomes(tmp_path) == {"a": "broke in the soak", "b": "done", "c": "failed"}


def test_behind_a_report_play_nothing_is_written(recorder: Recorder, tmp_path: Path) -> None:
    recorder.started(APPLY, "a")
    (tmp_path / "report.json").write_text("the play's own")
    recorder.finished(REPORT, "a", {"failed_hosts": []})
    recorder.started(APPLY, "b")
    assert recorder.ended("ended") == ""
    assert (tmp_path / "report.json").read_text() == "the play's own"


def test_a_report_play_that_failed_is_made_up_for(recorder: Recorder, tmp_path: Path) -> None:
    recorder.started(APPLY, "a")
    recorder.finished(APPLY, "a", GOOD)
    recorder.finished(REPORT, "a", {"failed": True})
    assert recorder.ended("ended")
    assert outcomes(tmp_path)["a"] == "done"


def test_a_folder_that_is_gone_does_not_end_the_run(recorder: Recorder, tmp_path: Path) -> None:
    (tmp_path / PLAN_FILE).unlink()
    recorder.started(APPLY, "a")
    assert "could not be written" in recorder.ended("ended")


def test_a_second_plan_in_the_same_process_begins_anew(recorder: Recorder, tmp_path: Path) -> None:
    recorder.started(APPLY, "a")
    recorder.finished(PLAN, "a", {"path": str(tmp_path / PLAN_FILE), "waves": {}})
    assert recorder.ended("ended") == ""
