# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Folders of ours on the controller, also where there is no home directory that can be written (AWX, containers)."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from .._core.errors import FleetError

NAME = "fleetops.vcluster"


def own_folder(variable: str, default: str) -> Path:
    """The folder NAME below `$VARIABLE`, below the default, or a private one for temporary files.

    The first of the three that can be made is taken, and made.

    Raises:
        FleetError: The one for temporary files belongs to somebody else.
    """
    for place in (os.environ.get(variable), default):
        folder = _below(place) if place else None
        if folder and _can_be_made(folder):
            return folder
    folder = Path(tempfile.gettempdir()) / f"{NAME}-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o777 != 0o700 or folder.is_symlink():
        raise FleetError(
            f"{folder} is not a private folder of this user.", f"Remove it, or set {variable}."
        )
    return folder


def _below(place: str) -> Path | None:
    try:
        folder = Path(place).expanduser() / NAME
    except RuntimeError:  # a user id without a home
        return None
    return folder if folder.is_absolute() else None


def _can_be_made(folder: Path) -> bool:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (
        OSError
    ):  # asking before does not help: root may write to /proc, and yet makes no folder there
        return False
    return os.access(folder, os.W_OK | os.X_OK)
