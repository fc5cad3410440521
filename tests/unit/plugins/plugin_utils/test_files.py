# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writing files that people read."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.fleetops.vcluster.plugins.plugin_utils._files import write_whole


def test_the_file_has_its_content_and_mode_and_nothing_lies_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "inventory.yml"
    write_whole(path, "one\n", 0o644)
    write_whole(path, "two\n", 0o644)
    assert path.read_text() == "two\n"
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "inventory.yml"
    path.write_text("one\n")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "\udc80", 0o644)
    assert path.read_text() == "one\n"
    assert list(tmp_path.iterdir()) == [path]
