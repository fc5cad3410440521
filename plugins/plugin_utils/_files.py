# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that people read."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ..module_utils._core.errors import FleetError


@dataclass(frozen=True)
class Published:
    """A file that says what it should.

    Attributes:
        changed: It said something else before.
        before: What; empty when it was not there.
    """

    changed: bool
    before: str


def publish(path: Path, text: str, *, check: bool = False, force: bool = True) -> Published:
    """Make a file say something (0644), if it does not already.

    Args:
        check: Only compare.
        force: Replace a file that says something else.

    Raises:
        FleetError: It cannot be written, or says something else and may not be replaced.
    """
    path = path.expanduser()
    try:
        before = path.read_text() if path.exists() else ""
        if before == text:
            return Published(False, before)
        if path.exists() and not force:
            raise FleetError(
                f"{path} exists and says something else.",
                "Choose another dest, or set force to replace it.",
            )
        if not check:
            write_whole(path, text, 0o644)
    except (OSError, UnicodeDecodeError) as error:
        raise FleetError(
            f"{path} cannot be written: {error}.", "Choose another dest, or make its folder first."
        ) from error
    return Published(True, before)


def write_whole(path: Path, text: str, mode: int) -> None:
    """Write a file in one go: whoever reads it sees the old content or the new one, never a half."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            os.fchmod(file.fileno(), mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
