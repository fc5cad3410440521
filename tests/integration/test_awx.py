# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs as AWX makes them: ansible-runner, a private data directory, no home, artifacts, limits, cancelling."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ansible_runner
import pytest
from by_hand import in_namespace
from harness import ROOT, Fleet, Lab

pytestmark = [pytest.mark.lab, pytest.mark.slow]

ASKED = {
    "vcluster_version": "0.36.1",
    "vcluster_kubernetes_version": "1.36.3",
    "vcluster_store": {"type": "sqlite"},
}


class Controller:
    """Jobs of one project over one fleet, each in a private data directory of its own."""

    def __init__(self, fleet: Fleet, folder: Path) -> None:
        self._fleet = fleet
        self._folder = folder
        self._jobs = 0

    def job(self, playbook: str, cancel_at: str = "", **more: Any) -> ansible_runner.Runner:
        """One job; its temporary files are the only place that it may write to.

        Args:
            cancel_at: Cancel it as soon as it prints this.
        """
        self._jobs += 1
        private = self._folder / f"job-{self._jobs}"
        temporary = private / "tmp"
        temporary.mkdir(parents=True)
        shutil.copytree(ROOT / "docs" / "awx" / "project", private / "project")
        for path in (private / "project").rglob("*"):
            path.chmod(0o555)
        (private / "inventory").mkdir()
        shutil.copy(self._fleet.inventory, private / "inventory" / "hosts.yml")
        stdout = private / "artifacts" / "job" / "stdout"

        def cancelled() -> bool:
            return bool(cancel_at) and stdout.exists() and cancel_at in stdout.read_text()

        ours = {k: v for k, v in self._fleet.surroundings.items() if k != "XDG_CACHE_HOME"}
        environment = {
            **ours,
            "PATH": f"{self._fleet.ansible.parent}{os.pathsep}{ours['PATH']}",
            # Not even root can make it.
            "HOME": "/proc/nonexistent",
            "TMPDIR": str(temporary),
            "ANSIBLE_HOME": str(temporary),
            "ANSIBLE_LOCAL_TEMP": str(temporary),
        }
        return ansible_runner.run(
            private_data_dir=str(private),
            ident="job",
            playbook=f"{playbook}.yml",
            envvars=environment,
            quiet=True,
            cancel_callback=cancelled,
            timeout=900,
            **more,
        )


def artifacts(job: ansible_runner.Runner) -> dict[str, Any]:
    """What the job hands to the next ones of its workflow."""
    (stats,) = (e for e in job.events if e["event"] == "playbook_on_stats")
    found: dict[str, Any] = stats["event_data"].get("artifact_data", {})
    return found


def output(job: ansible_runner.Runner) -> str:
    return str(job.stdout.read())


@pytest.fixture
def controller(make_fleet: Any) -> Iterator[Controller]:
    hosts = {"it-awx-1": {**ASKED, "vcluster_wave": 1}, "it-awx-2": {**ASKED, "vcluster_wave": 2}}
    # Ansible makes sockets there, and their paths must be short.
    with tempfile.TemporaryDirectory(prefix="it-awx-") as folder:
        yield Controller(make_fleet({"hc1": hosts}), Path(folder))


def test_a_workflow_plans_changes_the_canary_and_then_the_rest(
    controller: Controller, lab: Lab
) -> None:
    plan = controller.job("plan")
    assert plan.rc == 0, output(plan)
    handed = artifacts(plan)
    assert set(handed["fleetops_approved"]) == {"it-awx-1", "it-awx-2"}

    answers = {**handed, "fleetops_reason": "CHG-1", "awx_user_name": "ann"}
    canary = controller.job("site", extravars={**answers, "fleetops_last_wave": "1"})
    assert canary.rc == 0, output(canary)
    assert set(canary.stats["changed"]) == {"it-awx-1"}, output(canary)

    rest = controller.job("site", extravars=answers)
    assert rest.rc == 0, output(rest)
    assert set(rest.stats["changed"]) == {"it-awx-2"}, output(rest)
    secret = in_namespace(lab, "it-awx-2", "get", "secrets", "-l", "owner=helm", "--output=json")
    labels = json.loads(secret)["items"][-1]["metadata"]["labels"]
    assert labels["fleetops.vcluster/reason"] == "CHG-1"

    assert "0 to change, 2 unchanged" in output(controller.job("plan"))
    status = controller.job("status", limit="it-awx-1")
    assert status.rc == 0
    assert "it-awx-2" not in output(status)


def test_what_was_not_approved_is_refused(controller: Controller) -> None:
    values = {"vcluster_values": {"telemetry": {"enabled": False}}}
    job = controller.job("site", extravars={**values, "fleetops_approved": {"it-awx-1": "0" * 20}})
    assert job.rc == 2
    assert output(job).count("not what was approved") >= 2
    assert not job.stats["changed"]


def test_a_cancelled_job_is_finished_by_the_next(controller: Controller) -> None:
    values = {"vcluster_values": {"logging": {"encoding": "json"}}}
    job = controller.job("site", cancel_at="it-awx-1:", extravars=values)
    assert job.status in ("canceled", "successful")
    again = controller.job("site", extravars=values)
    assert again.rc == 0, output(again)
    assert "0 to change, 2 unchanged" in output(controller.job("plan", extravars=values))
