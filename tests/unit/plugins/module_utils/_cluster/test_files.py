# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file is replaced whole, or stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.files import replacing
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError


def test_it_is_there_when_all_of_it_is_written_and_private(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    with replacing(path) as file:
        file.write(b"content")
        assert not path.exists()
        file.seek(0)
        assert file.read() == b"content"
    assert path.read_bytes() == b"content"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_what_fails_on_the_way_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(ValueError, match="on the way"), replacing(path) as file:
        file.write(b"new")
        raise ValueError("on the way")
    assert [found.name for found in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"old"


def test_a_place_that_takes_no_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with (
        pytest.raises(FleetError, match="cannot be written") as raised,
        replacing(tmp_path / "file" / "below"),
    ):
        pass
    assert raised.value.way_out == "Choose another dest."
