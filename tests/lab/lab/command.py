# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command to its end, and say what went wrong when it fails."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


class LabError(Exception):
    """What could not be done, on what, and what to do about it. Shown to the user as it is."""


def run(
    argv: Sequence[str | Path],
    *,
    timeout: float = 30,
    stdin: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run `argv` and return its standard output.

    :param timeout: Seconds after which it is killed.
    :param environment: Variables on top of this process's own.
    :raises LabError: It is not installed, did not end in time, or ended with another code than 0.
    """
    shown = " ".join(map(str, argv))
    try:
        done = subprocess.run(
            list(map(str, argv)),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            env=None if environment is None else {**os.environ, **environment},
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError as error:
        raise LabError(f"{error.filename} is not installed; needed for: {shown}") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"no end after {timeout:.0f} s: {shown}") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-2000:]
        raise LabError(f"exit code {done.returncode}: {shown}\n{said}")
    return done.stdout


def last_lines(path: Path, count: int = 20) -> str:
    """The last lines of a log, indented to stand under a message; says so when there is none."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - 64 * 1024))
            lines = log.read().decode(errors="replace").splitlines()[-count:]
    except OSError as error:
        return f"  (no log: {error})"
    return "\n".join(f"  {line}" for line in lines) or f"  (nothing in {path})"


def write_private(path: Path, content: str | bytes) -> Path:
    """Write a file that only its owner can read (keys, kubeconfigs), never half of it."""
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    partial.replace(path)
    return path
