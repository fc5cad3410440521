# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder of one run: plan, report, and the slots that cap concurrency. Mode 0700, files 0600."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..module_utils._cluster.folders import own_folder

PLAN_FILE = "plan.json"
PROOF_FILE = "proof.json"
KEPT_RUNS = 50
# Seconds between two looks for a free slot; the holder is another process of this run.
SLOT_PAUSE = 0.5


def base_folder() -> Path:
    """Where runs are kept: $XDG_STATE_HOME/fleetops.vcluster/runs, ~/.local/state by default."""
    return own_folder("XDG_STATE_HOME", "~/.local/state") / "runs"


def new_run(base: Path) -> Path:
    """A new folder, named by time and process; the oldest beyond 50 are removed."""
    base.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = base / f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{os.getpid()}"
    folder.mkdir(mode=0o700)
    # A name cannot mislead: only a folder that holds a plan or a proof is one of ours.
    files = (PLAN_FILE, PROOF_FILE)
    ours = sorted(d for d in base.iterdir() if any((d / name).is_file() for name in files))
    for old in ours[:-KEPT_RUNS]:
        shutil.rmtree(old, ignore_errors=True)
    return folder


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads."""
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(opened, "w", encoding="utf-8") as file:
        file.write(text)


def write_json(path: Path, content: Any) -> None:
    """Write JSON that only its owner reads."""
    write_private(path, json.dumps(content, indent=1, default=str) + "\n")


@contextmanager
def slot(folder: Path, cluster: str, count: int) -> Iterator[None]:
    """Hold one of the slots of a host cluster; wait while all are taken.

    A slot is a flock: it is free again the moment its process is gone, however it ended.
    """
    digest = hashlib.sha256(cluster.encode()).hexdigest()[:16]
    files = []
    try:
        for number in range(max(count, 1)):
            opened = os.open(folder / f"slot-{digest}-{number}", os.O_RDWR | os.O_CREAT, 0o600)
            files.append(opened)
        while not any(_taken(opened) for opened in files):
            time.sleep(SLOT_PAUSE)
        yield
    finally:
        for opened in files:
            os.close(opened)


def _taken(opened: int) -> bool:
    """Whether this process took the lock just now."""
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
