# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Backups and restores that are killed at each step, or lose the host cluster: the next run finishes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from by_hand import CLUSTER, in_namespace, wait_until
from harness import Fleet, Lab
from runs import cut, kill_at, watched
from saving import configmaps, installed, kubeconfig_of, manifests, tenant, variables

from lab.ledger import Ledger

pytestmark = [pytest.mark.lab, pytest.mark.slow, pytest.mark.timeout(600)]

NAME = "it-faulty"
LATEST = ("-e", "fleetops_snapshot=latest")
# What a run says when it gets there.
BACKUP = ("PLAY [Wave 1]", "writing the snapshot", "reading it back")
RESTORE = (
    "opening snapshot",
    "a snapshot of what is there now comes first",
    "stopping the control plane",
    "filling the volume",
    "comparing the store",
    "starting the control plane",
)


@pytest.fixture
def fleet(make_fleet: Any, restorers: dict[str, Path], tmp_path: Path) -> Fleet:
    return installed(make_fleet({CLUSTER: {NAME: variables(tmp_path)}}, restorers))


class Saved:
    """Objects of the tenant that were acknowledged before its first snapshot."""

    def __init__(self, fleet: Fleet, lab: Lab, folder: Path) -> None:
        self._lab, self._folder = lab, folder
        self._kubeconfig = kubeconfig_of(lab, NAME, folder)
        kept = folder / "acknowledged"
        with tenant(lab, NAME, self._kubeconfig) as target:
            self._ledger = Ledger(target, "default", 20, 2, 4, kept)
            self._ledger.write()
        self._numbers = {int(number) for number in kept.read_text().split()}
        fleet.play("backup").succeeded()

    def is_whole(self) -> None:
        """All of them are there, every snapshot that is listed is whole, and no pod of ours is left."""
        with tenant(self._lab, NAME, self._kubeconfig) as target:
            assert configmaps(target, self._ledger.run) == self._numbers
        files = [path for path in (self._folder / "target").rglob("*") if path.is_file()]
        assert len(files) == 3 * len(manifests(self._folder / "target"))
        pods = ("--selector=app in (fleetops-copy,fleetops-restore)", "--output=name")
        # One that was deleted takes a moment to end.
        wait_until(
            "no pod of ours", lambda: not in_namespace(self._lab, NAME, "get", "pods", *pods)
        )


@pytest.fixture
def saved(fleet: Fleet, lab: Lab, tmp_path: Path) -> Iterator[Saved]:
    yield Saved(fleet, lab, tmp_path)


@pytest.mark.parametrize("words", BACKUP)
def test_g48_a_backup_that_was_killed_is_never_listed_and_the_next_one_is(
    fleet: Fleet, saved: Saved, tmp_path: Path, words: str
) -> None:
    kill_at(fleet, words, "backup")
    before = len(manifests(tmp_path / "target"))
    assert before in (1, 2), "two where the machine was quick"
    fleet.play("backup").succeeded()
    assert len(manifests(tmp_path / "target")) == before + 1
    saved.is_whole()


@pytest.mark.parametrize("words", RESTORE)
def test_g48_a_restore_that_was_killed_is_finished_by_the_next(
    fleet: Fleet, saved: Saved, words: str
) -> None:
    kill_at(fleet, words, "restore", *LATEST)
    fleet.play("restore", *LATEST).succeeded()
    fleet.play("verify").succeeded()
    saved.is_whole()


@pytest.mark.parametrize("words", ["opening snapshot", "filling the volume"])
def test_a_host_cluster_that_is_cut_off_in_a_restore_is_said_and_the_next_run_finishes(
    fleet: Fleet, saved: Saved, words: str
) -> None:
    with cut(CLUSTER) as cut_off:
        run = watched(fleet, words, cut_off, "restore", *LATEST).failed()
    assert re.search("cannot be reached|does not answer|no answer|refused", run.output)
    fleet.play("restore", *LATEST).succeeded()
    fleet.play("verify").succeeded()
    saved.is_whole()


def test_a_host_cluster_that_is_cut_off_in_a_backup_leaves_no_snapshot(
    fleet: Fleet, saved: Saved, tmp_path: Path
) -> None:
    with cut(CLUSTER) as cut_off:
        watched(fleet, "writing the snapshot", cut_off, "backup").failed()
    assert len(manifests(tmp_path / "target")) == 1
    fleet.play("backup").succeeded()
    saved.is_whole()


@pytest.mark.parametrize("words", ["writing the snapshot", "reading it back"])
def test_a_control_plane_that_restarts_in_a_backup_is_saved_whole_or_not_at_all(
    fleet: Fleet, lab: Lab, saved: Saved, tmp_path: Path, words: str
) -> None:
    def restart() -> None:
        in_namespace(lab, NAME, "delete", "pod", f"{NAME}-0", "--wait=false")

    run = watched(fleet, words, restart, "backup")
    assert "Traceback" not in run.output
    assert len(manifests(tmp_path / "target")) == (2 if run.returncode == 0 else 1), run.output
    wait_until("a proof that passes", lambda: fleet.play("verify").returncode == 0, 200)
    fleet.play("backup").succeeded()
    saved.is_whole()
