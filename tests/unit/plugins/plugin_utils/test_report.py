# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From results to files: when a wave counts as halted, the command that goes on, private files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import reports

from ansible_collections.fleetops.vcluster.plugins.plugin_utils._report import (
    command_line,
    report_of,
    write_report,
)
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._runs import PLAN_FILE, write_json
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._waves import OUTCOME, SOAK

GOOD = {OUTCOME: {"outcome": "done", "seconds": 4.0}}
BAD = {OUTCOME: {"outcome": "failed", "failed": True, "msg": "1 of 2 checks failed"}}


def plan(folder: Path) -> dict[str, Any]:
    """Hosts a and b in wave 1, c in wave 2."""
    hosts = {"a": reports.planned(1, "hc1", "install"), "b": reports.planned(1, "hc1", "install")}
    hosts["c"] = reports.planned(2, "hc1", "install")
    write_json(folder / PLAN_FILE, {"hosts": hosts})
    return {
        "path": str(folder / PLAN_FILE),
        "run": folder.name,
        "waves": {"1": ["a", "b"], "2": ["c"]},
        "budgets": {"1": 0, "2": 0},
    }


def hostvars(a: Any, b: Any, c: Any) -> dict[str, Any]:
    return {"a": a, "b": b, "c": c}


def test_in_a_run_that_did_not_end_only_waves_that_are_over_can_have_halted(tmp_path: Path) -> None:
    run = plan(tmp_path)
    for found, halted in (((GOOD, {}, {}), 0), ((GOOD, BAD, {}), 1), ((GOOD, GOOD, {}), 0)):
        report = report_of(hostvars(*found), run, state="cut off", started=frozenset("ab"))
        assert report.halted == halted
    assert report_of(hostvars(GOOD, GOOD, GOOD), run, state="running").halted == 0
    assert report_of(hostvars(GOOD, {}, {}), run).halted == 1
    canary = report_of(hostvars(GOOD, GOOD, {}), {**run, "last_wave": 1})
    assert (canary.halted, [line.host for line in canary.left]) == (0, ["c"])


def test_a_soak_belongs_to_the_wave_it_watched(tmp_path: Path) -> None:
    soak = {"watched": ["a", "b"], "broken": {"a": "restarts: a-0 1"}, "seconds": 60.0}
    watched = {**GOOD, SOAK: soak}
    report = report_of(hostvars(watched, watched, {SOAK: {"skipped": True}}), plan(tmp_path))
    first, second = report.waves
    assert first.soak and first.soak.broken == {"a": "restarts: a-0 1"}
    assert second.soak is None
    assert [(x.host, x.outcome, x.message) for x in report.failures] == [
        ("a", "broke in the soak", "restarts: a-0 1")
    ]


def test_three_private_files_replace_older_ones_in_one_step(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text("old")
    files = write_report(tmp_path, reports.halted())
    assert [Path(path).name for path in files.values()] == [
        "report.json",
        "report.md",
        "report.html",
    ]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    assert len(list(tmp_path.iterdir())) == 3
    assert json.loads((tmp_path / "report.json").read_text())["halted"] == 2


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["-i", "my fleet.yml", "site.yml"], "ansible-playbook -i 'my fleet.yml' site.yml"),
        (
            ["site.yml", "--limit", "a", "-e", "token=s3cret"],
            "ansible-playbook site.yml --limit a -e ...",
        ),
        (["-etoken=s3cret", "site.yml"], "ansible-playbook -e ... site.yml"),
        (["-vve", "token=s3cret", "site.yml"], "ansible-playbook -vve ... site.yml"),
        (["--extra-vars=token=s3cret", "x.yml"], "ansible-playbook --extra-vars ... x.yml"),
        (["--extra", "token=s3cret", "x.yml"], "ansible-playbook --extra ... x.yml"),
        (["-e", "@vars.yml", "x.yml"], "ansible-playbook -e @vars.yml x.yml"),
        (["x.yml", "-e"], "ansible-playbook x.yml -e ..."),
    ],
)
def test_the_command_that_goes_on_has_no_extra_variables(
    arguments: list[str], command: str
) -> None:
    assert command_line(["/opt/bin/ansible-playbook", *arguments]) == command


def test_a_run_without_ansible_playbook_is_gone_on_with_by_the_same_command() -> None:
    assert command_line(["/usr/bin/python", "x"]) == command_line([]) == "the same command"
