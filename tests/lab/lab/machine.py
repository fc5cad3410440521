# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What all labs on a machine share: one lock, one directory, one kernel limit.

The first host cluster on the machine prepares it, the last one that goes restores it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

# The in-tree hostpath provisioner has this path compiled in. A private mount covers it in the
# namespaces of each cluster; on the machine it is the directory to mount on, and holds what
# `restore` needs.
VOLUMES = Path("/tmp/hostpath_pv")
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
# The usual limit of 128 a user is used up by a dozen API servers, which watch their certificates;
# kubelet and kube-proxy then die with "too many open files".
INOTIFY_INSTANCES = 4096


@contextlib.contextmanager
def lock() -> Iterator[None]:
    """One lab at a time changes the machine. A directory's lock leaves no file behind."""
    descriptor = os.open("/run", os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def prepare() -> None:
    """Make the directory, and raise the limit where it is lower. The caller holds the lock."""
    VOLUMES.mkdir(exist_ok=True)
    limit = int(INOTIFY.read_text(encoding="ascii"))
    if limit < INOTIFY_INSTANCES:
        _former_limit().write_text(f"{limit}\n", encoding="ascii")
        INOTIFY.write_text(f"{INOTIFY_INSTANCES}\n", encoding="ascii")


def restore() -> None:
    """Undo `prepare`. The caller holds the lock and has seen that no host cluster is left."""
    with contextlib.suppress(FileNotFoundError):
        INOTIFY.write_text(_former_limit().read_text(encoding="ascii"), encoding="ascii")
        _former_limit().unlink()
    with contextlib.suppress(OSError):  # not there, or with another program's files in it
        VOLUMES.rmdir()


def _former_limit() -> Path:
    return VOLUMES / INOTIFY.name
