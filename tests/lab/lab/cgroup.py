# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cgroups of the nodes: `/lab-N-M` at the top of every hierarchy, parent of all pods of a node."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

from .command import LabError

ROOT = Path("/sys/fs/cgroup")
# All pods of a node together would weigh as much as one process outside: tenants would starve
# beside a test-suite. v1 and v2 have a file each, with 1024 and 100 as the kernel's values.
WEIGHTS = {"cpu.shares": "4096", "cpu.weight": "400"}
REMOVAL_LIMIT = 10.0  # seconds that the kernel gets to reap the last processes


def name(number: int, index: int) -> str:
    return f"lab-{number}-{index}"


def hierarchies(mounts: Path = Path("/proc/self/mounts")) -> list[Path]:
    """Where cgroups can be made: each v1 controller, or the one tree of v2."""
    found = [line.split()[1:3] for line in mounts.read_text(encoding="utf-8").splitlines()]
    v1 = [Path(place) for place, kind in found if kind == "cgroup"]
    return v1 or [Path(place) for place, kind in found if kind == "cgroup2"]


def create(group: str) -> None:
    """Make the cgroup in every hierarchy, with the weight of a node.

    On v1 a cpuset is useless until it is filled in.
    """
    for hierarchy in hierarchies():
        directory = hierarchy / group
        directory.mkdir(exist_ok=True)
        for setting in ("cpuset.cpus", "cpuset.mems"):
            file = directory / setting
            if file.exists() and not file.read_text(encoding="ascii").strip():
                file.write_text((hierarchy / setting).read_text(encoding="ascii"), encoding="ascii")
        for setting, weight in WEIGHTS.items():
            if (directory / setting).exists():
                (directory / setting).write_text(weight, encoding="ascii")


def remove(group: str) -> None:
    """Remove the cgroup and all below it, waiting for processes that are just ending.

    :raises LabError: Something still runs in it.
    """
    deadline = time.monotonic() + REMOVAL_LIMIT
    for hierarchy in hierarchies():
        top = hierarchy / group
        while top.is_dir():
            busy = _remove_tree(top)
            if busy is None:
                break
            if time.monotonic() > deadline:
                raise LabError(
                    f"cgroup {busy} cannot be removed: processes "
                    f"{(busy / 'cgroup.procs').read_text(encoding='ascii').split()} run in it"
                )
            time.sleep(0.05)


def _remove_tree(top: Path) -> Path | None:
    """Remove from the leaves up; returns the first directory that is in use."""
    for place, _, _ in os.walk(top, topdown=False):
        try:
            Path(place).rmdir()
        except FileNotFoundError:
            continue
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            return Path(place)
    return None
