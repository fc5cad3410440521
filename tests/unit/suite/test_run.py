# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runner of the suite must not call a run green that was not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import run
from stages import LAB, STAGES, SUITES, Stage

# Too long for `make test`, or in need of more than it may install.
LONG = {
    "apiserver-2.19",
    "autoscaling-helm3",
    "backends",
    "browser",
    "faults",
    "interrupted-helm3",
    "lab-end",
    "lab-older",
    "maintenance",
    "migrate-faults",
    "prometheus",
    "scale",
    "sizes",
    "snapshots",
    "upgrades",
    "waves",
}


@pytest.fixture(autouse=True)
def logs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(run, "LOGS", tmp_path)
    monkeypatch.setattr(run, "ROOT", tmp_path)
    return tmp_path


def python(name: str, code: str, **more: object) -> Stage:
    return Stage(name, (sys.executable, "-c", code), **more)  # type: ignore[arg-type]


def verdict(monkeypatch: pytest.MonkeyPatch, stages: tuple[Stage, ...], *words: str) -> int:
    monkeypatch.setattr(run, "STAGES", stages)
    monkeypatch.setattr(sys, "argv", ["run.py", *words])
    return run.main()


def test_all_passed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert verdict(monkeypatch, (python("one", ""), python("two", "")), "test") == 0
    assert capsys.readouterr().out.splitlines()[-1] == "stages: 2 passed, 0 failed"


def test_a_failed_stage_shows_its_last_lines_and_the_others_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing = python("bad", "for i in range(50): print('line', i)\nraise SystemExit(3)")
    assert verdict(monkeypatch, (failing, python("good", "")), "test") == 1
    output = capsys.readouterr().out
    assert "line 10\n" in output and "line 9\n" not in output
    assert output.splitlines()[-1] == "stages: 1 passed, 1 failed"


def test_what_needs_a_failed_stage_fails_without_running(
    monkeypatch: pytest.MonkeyPatch, logs: Path
) -> None:
    touch = f"open({str(logs / 'ran')!r}, 'w')"
    stages = (python("first", "raise SystemExit(1)"), python("second", touch, needs=("first",)))
    assert verdict(monkeypatch, stages, "test") == 1
    assert not (logs / "ran").exists()
    assert "first failed" in (logs / "second.log").read_text()


def test_a_stage_over_its_limit_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        verdict(monkeypatch, (python("slow", "import time; time.sleep(60)", limit=1),), "slow") == 1
    )
    assert "time limit" in capsys.readouterr().out


def test_lanes_run_beside_each_other_and_wait_for_what_they_need(
    monkeypatch: pytest.MonkeyPatch, logs: Path
) -> None:
    lab_began, code_ended = logs / "lab-began", logs / "code-ended"
    wait = f"import pathlib, time\nwhile not pathlib.Path({str(lab_began)!r}).exists(): time.sleep(0.1)"
    stages = (
        python("first", f"{wait}\nopen({str(code_ended)!r}, 'w')", limit=20),
        python("lab", f"open({str(lab_began)!r}, 'w')", lane=LAB),
        python("then", f"open({str(code_ended)!r})", lane=LAB, needs=("first",)),
    )
    assert verdict(monkeypatch, stages, "test") == 0


def test_a_program_that_is_not_there_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    stages = (
        Stage("gone", ("/nowhere/program",), lane=LAB),
        python("next", "", needs=("gone",)),
    )
    assert verdict(monkeypatch, stages, "test") == 1


def test_an_interruption_still_cleans(monkeypatch: pytest.MonkeyPatch, logs: Path) -> None:
    interrupt = (
        "import os, signal; os.kill(os.getppid(), signal.SIGTERM); import time; time.sleep(9)"
    )
    clean = python("clean", f"open({str(logs / 'cleaned')!r}, 'w')", cleans=True)
    with pytest.raises(SystemExit) as end:
        verdict(monkeypatch, (python("long", interrupt), clean), "test")
    assert end.value.code == 130
    assert (logs / "cleaned").exists()


def test_only_a_full_run_may_not_skip(monkeypatch: pytest.MonkeyPatch, logs: Path) -> None:
    show = python("show", "import os; print(os.environ.get('FLEETOPS_FULL'))")
    monkeypatch.delenv("FLEETOPS_FULL", raising=False)
    verdict(monkeypatch, (show,), "test")
    assert (logs / "show.log").read_text() == "None\n"
    verdict(monkeypatch, (show,), "full")
    assert (logs / "show.log").read_text() == "1\n"


def test_the_stages_fit_together() -> None:
    names = [stage.name for stage in STAGES]
    assert len(names) == len(set(names))
    for position, stage in enumerate(STAGES):
        assert set(stage.needs) <= set(names[:position]), stage.name
        assert set(stage.suites) <= set(SUITES), stage.name
    assert {s.name for s in STAGES if "test" in s.suites} == set(names) - LONG
