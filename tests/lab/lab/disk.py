# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A volume without room: a file system of 1 MB lies over its directory, in every node of a host cluster.

A container that runs keeps what it has; the next one of the pod sees it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from .command import LabError, run
from .machine import VOLUMES
from .paths import state
from .process import enter, find

SIZE = "1M"


def cover(cluster: Path, volume: Path, *, full: bool) -> None:
    """Put the file system there, or take it away.

    :param cluster: Directory of the host cluster.
    :param volume: Directory of the volume, as `spec.hostPath.path` of its PersistentVolume says it.
    :raises LabError: It is no volume of a host cluster that runs.
    """
    if volume.parent != VOLUMES:
        raise LabError(f"{volume} is no volume: they are in {VOLUMES}")
    nodes = [running.pid for running in find(cluster) if running.first]
    if not nodes:
        raise LabError(f"{cluster.name} does not run; `lab status`")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "full", str(volume)]
    for pid in nodes:
        run([*enter(pid), *(mount if full else ["umount", str(volume)])])


def add_command(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `lab disk` to the command line."""
    help_text = "take all room from a volume of a host cluster, or give it back"
    parser = subparsers.add_parser("disk", help=help_text, description=help_text)
    parser.add_argument("cluster", help="for example hc1")
    parser.add_argument("volume", type=Path, help="spec.hostPath.path of its PersistentVolume")
    parser.add_argument("mode", choices=["full", "ok"])
    parser.set_defaults(run=_command)


def _command(arguments: argparse.Namespace) -> int:
    full = arguments.mode == "full"
    cover(state() / arguments.cluster, arguments.volume, full=full)
    return 0
