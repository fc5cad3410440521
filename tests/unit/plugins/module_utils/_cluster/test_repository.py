# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots in a directory: whole ones are listed, everything else is swept."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.directory import Directory
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.repository import (
    Repository,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.seal import fresh_pair
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.contents import Contents
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.snapshot import Manifest
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access, Spec

NOW = datetime(2026, 3, 17, 9, 30, tzinfo=UTC)
FIRST, SECOND = "20260317T093000Z-1a2b3c4d", "20260318T093000Z-00000000"
MANIFEST = Manifest(
    FIRST, "a", "n", "c", NOW, "etcd", "etcd_deployed", "", "", "", 1,
    Contents(1, "ab" * 32), (), {}, "", "", "", "", NOW,
)  # fmt: skip


def repository(folder: Path, name: str = "a", cluster: str = "c") -> Repository:
    return Repository(Directory(folder), Spec(name, name, "n", cluster, Access()))


def filled(folder: Path, snapshot: str) -> Repository:
    """With one snapshot of one part."""
    found = repository(folder)
    part = found.write(snapshot, "data", io.BytesIO(b"content"), ())
    found.publish(replace(MANIFEST, id=snapshot, parts={"data": part}))
    return found


def test_what_was_written_is_listed_oldest_first_and_read(tmp_path: Path) -> None:
    filled(tmp_path, SECOND)
    found = filled(tmp_path, FIRST)
    manifests, errors = found.manifests()
    assert ([manifest.id for manifest in manifests], errors) == ([FIRST, SECOND], [])
    part = manifests[0].parts["data"]
    with found.read(FIRST, "data", part, (), encrypted=False) as content:
        assert content.read() == b"content"


def test_a_fresh_pair_opens_what_is_also_for_others(tmp_path: Path) -> None:
    found, pair, other = repository(tmp_path), fresh_pair(), fresh_pair()
    recipients = (other.recipient, pair.recipient)
    part = found.write(FIRST, "data", io.BytesIO(b"content"), recipients)
    for identity in (pair.identity, other.identity):
        with found.read(FIRST, "data", part, (identity,), encrypted=True) as content:
            assert content.read() == b"content"
    assert pair.identity not in repr(pair)


def test_another_vcluster_has_another_folder(tmp_path: Path) -> None:
    filled(tmp_path, FIRST)
    assert repository(tmp_path, name="b").manifests() == ([], [])
    assert repository(tmp_path, cluster="admin@west/1").manifests() == ([], [])


def test_any_name_of_a_host_cluster_makes_one_folder(tmp_path: Path) -> None:
    found = repository(tmp_path, cluster="../admin@west:6443")
    found.write(FIRST, "data", io.BytesIO(b"x"), ())
    (folder,) = tmp_path.iterdir()
    assert folder.name == "%2E.%2Fadmin%40west%3A6443"


@pytest.mark.parametrize(
    ("text", "words"), [("{", "damaged"), ('{"format": 99}', "has the format 99")]
)
def test_a_manifest_that_cannot_be_read_is_told_and_not_listed(
    tmp_path: Path, text: str, words: str
) -> None:
    filled(tmp_path, FIRST)
    found = filled(tmp_path, SECOND)
    (tmp_path / "c/n/a" / FIRST / "manifest.json").write_text(text)
    manifests, errors = found.manifests()
    assert [manifest.id for manifest in manifests] == [SECOND]
    assert len(errors) == 1
    assert words in errors[0]
    assert FIRST in errors[0]


def test_one_that_was_moved_is_not_taken_for_another(tmp_path: Path) -> None:
    found = filled(tmp_path, FIRST)
    (tmp_path / "c/n/a" / FIRST).rename(tmp_path / "c/n/a" / SECOND)
    assert found.manifests()[0] == []
    assert "Somebody moved it" in found.manifests()[1][0]


def test_sweep_removes_what_has_no_manifest(tmp_path: Path) -> None:
    found = filled(tmp_path, FIRST)
    found.write(SECOND, "data", io.BytesIO(b"cut off"), ())
    found.sweep()
    assert [path.name for path in (tmp_path / "c/n/a").iterdir()] == [FIRST]
    assert len(found.manifests()[0]) == 1


def test_a_deletion_that_is_cut_off_leaves_no_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = filled(tmp_path, FIRST)
    gone: list[str] = []

    def cut(self: Directory, name: str) -> None:
        if gone:
            raise FleetError("the target is gone")
        gone.append(name)
        (tmp_path / name).unlink()

    monkeypatch.setattr(Directory, "delete", cut)
    with pytest.raises(FleetError, match="target is gone"):
        found.delete(FIRST)
    assert found.manifests() == ([], [])


def test_altered_and_cut_off_parts_are_refused(tmp_path: Path) -> None:
    found = filled(tmp_path, FIRST)
    part = found.manifests()[0][0].parts["data"]
    path = tmp_path / "c/n/a" / FIRST / "data"
    whole = path.read_bytes()
    for content, words in ((whole[:-1], "cut off"), (whole[:-1] + b"\xff", "altered|damaged")):
        path.write_bytes(content)
        with (
            pytest.raises(FleetError, match=words),
            found.read(FIRST, "data", part, (), encrypted=False) as stream,
        ):
            stream.read()
            stream.read(1)
    path.unlink()
    with (
        pytest.raises(FleetError, match="cannot be read"),
        found.read(FIRST, "data", part, (), encrypted=False),
    ):
        pass
