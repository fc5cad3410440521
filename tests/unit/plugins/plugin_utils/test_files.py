# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writing files that people read."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._files import (
    Published,
    publish,
    write_whole,
)


def test_the_file_has_its_content_and_mode_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "inventory.yml"
    write_whole(path, "one\n", 0o644)
    write_whole(path, "two\n", 0o644)
    assert path.read_text() == "two\n"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_file_says_already_is_no_change(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    assert publish(path, "one\n", check=True).changed
    assert not path.exists()
    assert publish(path, "one\n") == Published(True, "")
    assert publish(path, "one\n") == Published(False, "one\n")
    assert publish(path, "two\n") == Published(True, "one\n")


def test_what_may_not_be_replaced_stays(tmp_path: Path) -> None:
    path = tmp_path / "inventory.yml"
    publish(path, "one\n", force=False)
    with pytest.raises(FleetError, match="says something else"):
        publish(path, "two\n", force=False)
    assert path.read_text() == "one\n"


@pytest.mark.parametrize("place", ["missing/status.json", "."])
def test_a_place_that_cannot_be_written_is_said(tmp_path: Path, place: str) -> None:
    with pytest.raises(FleetError, match="cannot be written"):
        publish(tmp_path / place, "one\n")


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "inventory.yml"
    path.write_text("one\n")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "\udc80", 0o644)
    assert path.read_text() == "one\n"
    assert list(tmp_path.iterdir()) == [path]
