# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cgroups of a node, on the machine's real hierarchies where there is root."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from lab import cgroup
from lab.command import LabError

MOUNTS = """\
cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
tmpfs /run tmpfs rw 0 0
"""
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="cgroups need root")


def test_version_1_goes_before_version_2(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS)
    assert cgroup.hierarchies(mounts) == [Path("/sys/fs/cgroup/cpu")]
    mounts.write_text(MOUNTS.splitlines()[1])
    assert cgroup.hierarchies(mounts) == [Path("/sys/fs/cgroup/unified")]


@needs_root
def test_a_tree_is_removed_with_all_below_it() -> None:
    group = f"lab-test-{os.getpid()}"
    cgroup.create(group)
    try:
        for hierarchy in cgroup.hierarchies():
            (hierarchy / group / "kubepods" / "pod").mkdir(parents=True)
            for setting, weight in cgroup.WEIGHTS.items():
                file = hierarchy / group / setting
                assert not file.exists() or file.read_text().strip() == weight
    finally:
        cgroup.remove(group)
    assert not any((hierarchy / group).exists() for hierarchy in cgroup.hierarchies())
    cgroup.remove(group)  # gone already: nothing to do


@needs_root
def test_a_process_in_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroup, "REMOVAL_LIMIT", 0.2)
    group = f"lab-test-{os.getpid()}"
    cgroup.create(group)
    inside = subprocess.Popen(["sleep", "60"])
    try:
        (cgroup.hierarchies()[0] / group / "cgroup.procs").write_text(str(inside.pid))
        with pytest.raises(LabError, match=str(inside.pid)):
            cgroup.remove(group)
    finally:
        inside.kill()
        inside.wait()
        cgroup.remove(group)
