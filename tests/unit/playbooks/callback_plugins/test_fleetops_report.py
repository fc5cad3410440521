# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The callback under a real ansible-playbook: a run is reported however it ends, and nobody had to enable anything.

Its only vCluster has a variable that there is not, so it is refused before anything talks to a host cluster.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[4]

INVENTORY = """\
all:
  vars:
    ansible_connection: local
  hosts:
    tenant-a:
      vcluster_versoin: 0.36.1
"""
# A playbook of the user's own, without a report play: imported playbooks bring their callback along.
PLAYBOOK = """\
- ansible.builtin.import_playbook: fleetops.vcluster._plan
- ansible.builtin.import_playbook: fleetops.vcluster._wave
  vars:
    fleetops_wave: 1
- hosts: all
  gather_facts: false
  tasks:
    - ends:
      when: how is defined
"""
# How the run ends: its worker dies, or the run itself gets a signal.
ENDS = """\
import os, signal, time
from ansible.plugins.action import ActionBase

class ActionModule(ActionBase):
    def run(self, tmp=None, task_vars=None):
        if task_vars["how"] == "worker":
            os.kill(os.getpid(), signal.SIGKILL)
        os.kill(os.getppid(), getattr(signal, task_vars["how"]))
        time.sleep(120)
"""


@pytest.fixture
def play(tmp_path: Path) -> Any:
    (tmp_path / "inventory.yml").write_text(INVENTORY)
    (tmp_path / "mine.yml").write_text(PLAYBOOK)
    (tmp_path / "ansible.cfg").touch()
    (tmp_path / "action_plugins").mkdir()
    (tmp_path / "action_plugins" / "ends.py").write_text(ENDS)

    def run(playbook: str, *arguments: str) -> tuple[str, dict[str, Any]]:
        """Run a playbook to its end; what it printed, and the report it left."""
        command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "inventory.yml"]
        surroundings = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "XDG_STATE_HOME": str(tmp_path / "state"),
            "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "build" / "collections"),
            "ANSIBLE_NOCOLOR": "1",
        }
        found = subprocess.run(
            [*command, playbook, *arguments],
            cwd=tmp_path,
            env=surroundings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=200,
            check=False,
        )
        reports = list(tmp_path.glob("state/fleetops.vcluster/runs/*/report.*"))
        modes = {path.name: path.stat().st_mode & 0o777 for path in reports}
        assert modes == dict.fromkeys(("report.json", "report.md", "report.html"), 0o600), (
            found.stdout
        )
        (path,) = (path for path in reports if path.suffix == ".json")
        return found.stdout, json.loads(path.read_text())

    return run


def outcome(report: dict[str, Any]) -> str:
    line = report["hosts"]["tenant-a"]
    assert "Unknown variable vcluster_versoin" in line["message"]
    return str(line["outcome"])


def test_the_report_play_has_the_last_word(play: Any) -> None:
    output, report = play("fleetops.vcluster.site")
    assert (report["state"], outcome(report)) == ("ended", "refused")
    assert output.count("REPORT ---") == 1
    assert "ansible-playbook -i inventory.yml fleetops.vcluster.site" in output


def test_a_run_without_a_report_play_is_reported_at_its_end(play: Any) -> None:
    output, report = play("mine.yml")
    assert (report["state"], outcome(report)) == ("ended", "refused")
    assert output.count("REPORT ---") == 1


@pytest.mark.parametrize("how", ["SIGINT", "worker"])
def test_an_interrupted_run_and_one_whose_worker_died_are_reported(play: Any, how: str) -> None:
    output, report = play("mine.yml", "-e", f"how={how}")
    assert (report["state"], outcome(report)) == ("cut off", "refused")
    assert "The run was cut off at" in output


@pytest.mark.parametrize("how", ["SIGTERM", "SIGKILL"])
def test_a_run_that_was_killed_has_left_how_far_it_was(play: Any, how: str) -> None:
    _, report = play("mine.yml", "-e", f"how={how}")
    assert (report["state"], outcome(report)) == ("running", "refused")
