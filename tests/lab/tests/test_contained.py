# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program in namespaces of its own: whom it runs as, what ends it, and what nobody else sees."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.command import LabError
from lab.contained import HERE, LOG, NOBODY, Contained

MEBI = 1024 * 1024


@pytest.fixture
def contained(tmp_path: Path) -> Iterator[Contained]:
    """Its folder `small` is a file system of 1 MiB."""
    (tmp_path / "small").mkdir()
    contained = Contained(tmp_path, {"small": MEBI})
    yield contained
    contained.close()


def test_commands_run_as_nobody_and_say_why_they_failed(
    contained: Contained, tmp_path: Path
) -> None:
    contained.run(["id", "-u"])
    assert (tmp_path / LOG).read_text() == f"{NOBODY}\n"
    with pytest.raises(LabError, match=r"(?s)exit code 1: cat /root/.*Permission denied"):
        contained.run(["cat", "/root/.profile"])
    with pytest.raises(LabError, match="timed out"):
        contained.run(["sleep", "10"], limit=0.2)
    contained.run(["sh", "-c", "test $COLOUR = red"], environment={"COLOUR": "red"})


def test_one_program_runs_at_a_time(contained: Contained) -> None:
    contained.start(["sleep", "100"])
    assert contained.running()
    with pytest.raises(LabError, match="runs already"):
        contained.start(["sleep", "100"])
    contained.stop(signal.SIGTERM)
    assert not contained.running()
    contained.stop(signal.SIGTERM)
    contained.start(["true"])


def test_a_program_that_ignores_a_signal_is_an_error_and_sigkill_ends_its_children_too(
    contained: Contained, tmp_path: Path
) -> None:
    contained.start(["sh", "-c", "trap '' TERM; sleep 101 & echo up; wait; sleep 102"])
    while "up" not in (tmp_path / LOG).read_text():
        pass
    with pytest.raises(LabError, match=r"no end 0 s after signal 15"):
        contained.stop(signal.SIGTERM, limit=0.3)
    contained.stop(signal.SIGKILL)
    with pytest.raises(LabError):
        contained.run(["pgrep", "sleep"])


def test_a_file_system_of_its_own_has_its_size_and_is_not_seen_outside(
    contained: Contained, tmp_path: Path
) -> None:
    write = ["dd", "if=/dev/zero", f"of={HERE}/small/file", "bs=1M", "count=2"]
    with pytest.raises(LabError, match="No space left on device"):
        contained.run(write)
    contained.resize("small", 3 * MEBI)
    contained.run(write)
    assert list((tmp_path / "small").iterdir()) == []


def test_what_is_asked_of_a_closed_one_is_an_error(contained: Contained) -> None:
    contained.close()
    with pytest.raises(LabError, match="nothing runs there any more"):
        contained.start(["true"])
