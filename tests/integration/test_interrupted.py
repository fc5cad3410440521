# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""G48: a run that is killed at any step boundary is finished by the next run."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.lab, pytest.mark.slow]

ASKED = {
    "vcluster_version": "0.36.1",
    "vcluster_kubernetes_version": "1.36.3",
    "vcluster_store": {"type": "sqlite"},
}
# What the run prints when it gets there: before the lock, before Helm, during the rollout, during the proof.
BOUNDARIES = {
    "planned": "PLAY [Wave 1]",
    "begun": "install:",
    "rollout": "replicas ready",
    "proof": "not proved yet",
}


@pytest.mark.parametrize("boundary", list(BOUNDARIES))
def test_g48_the_next_run_finishes(make_fleet: Any, boundary: str) -> None:
    name = f"it-cut-{boundary}"
    fleet = make_fleet({"hc1": {name: ASKED}})
    kill_at(fleet, BOUNDARIES[boundary])
    fleet.play("site").succeeded()
    assert "0 to change, 1 unchanged" in fleet.play("plan").succeeded().output


def kill_at(fleet: Any, words: str) -> None:
    """Start a run and kill it with all its children as soon as it prints the words.

    A boundary that a quick machine runs past is no failure: the run is then complete.
    """
    process = subprocess.Popen(
        fleet.command("site"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**fleet.surroundings, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout
    try:
        for line in process.stdout:
            if words in line:
                break
    finally:
        for pid in family(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(timeout=30)


def family(pid: int) -> list[int]:
    """A process and all its descendants: Ansible's workers have sessions of their own, so no group holds them."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            parents.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return found
