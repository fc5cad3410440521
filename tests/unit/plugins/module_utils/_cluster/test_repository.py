# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots in a target: whole ones are listed, everything else is swept."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from places import Place

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.directory import Directory
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.repository import (
    Repository,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.seal import fresh_pair
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.contents import Contents
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import Target
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.snapshot import Manifest
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access, Spec

NOW = datetime(2026, 3, 17, 9, 30, tzinfo=UTC)
FIRST, SECOND = "20260317T093000Z-1a2b3c4d", "20260318T093000Z-00000000"
MANIFEST = Manifest(
    FIRST, "a", "n", "c", NOW, "etcd", "etcd_deployed", "", "", "", 1,
    Contents(1, "ab" * 32), (), {}, "", "", "", "", NOW,
)  # fmt: skip


def repository(target: Target, name: str = "a", cluster: str = "c") -> Repository:
    return Repository(target, Spec(name, name, "n", cluster, Access()))


def filled(target: Target, snapshot: str) -> Repository:
    """With one snapshot of one part."""
    found = repository(target)
    part = found.write(snapshot, "data", io.BytesIO(b"content"), ())
    found.publish(replace(MANIFEST, id=snapshot, parts={"data": part}))
    return found


def test_what_was_written_is_listed_oldest_first_and_read(place: Place) -> None:
    filled(place.target(), SECOND)
    found = filled(place.target(), FIRST)
    manifests, errors = found.manifests()
    assert ([manifest.id for manifest in manifests], errors) == ([FIRST, SECOND], [])
    part = manifests[0].parts["data"]
    with found.read(FIRST, "data", part, (), encrypted=False) as content:
        assert content.read() == b"content"


def test_a_fresh_pair_opens_what_is_also_for_others(place: Place) -> None:
    found, pair, other = repository(place.target()), fresh_pair(), fresh_pair()
    recipients = (other.recipient, pair.recipient)
    part = found.write(FIRST, "data", io.BytesIO(b"content"), recipients)
    for identity in (pair.identity, other.identity):
        with found.read(FIRST, "data", part, (identity,), encrypted=True) as content:
            assert content.read() == b"content"
    assert pair.identity not in repr(pair)


def test_another_vcluster_has_another_folder(place: Place) -> None:
    target = place.target()
    filled(target, FIRST)
    for other in (repository(target, name="ab"), repository(target, cluster="admin@west/1")):
        assert other.manifests() == ([], [])
        other.sweep()
    assert len(repository(target).manifests()[0]) == 1


def test_any_name_of_a_host_cluster_makes_one_folder(tmp_path: Path) -> None:
    found = repository(Directory(tmp_path), cluster="../admin@west:6443")
    found.write(FIRST, "data", io.BytesIO(b"x"), ())
    (folder,) = tmp_path.iterdir()
    assert folder.name == "%2E.%2Fadmin%40west%3A6443"


@pytest.mark.parametrize(
    ("text", "words"), [("{", "damaged"), ('{"format": 99}', "has the format 99")]
)
def test_a_manifest_that_cannot_be_read_is_told_and_not_listed(
    tmp_path: Path, text: str, words: str
) -> None:
    filled(Directory(tmp_path), FIRST)
    found = filled(Directory(tmp_path), SECOND)
    (tmp_path / "c/n/a" / FIRST / "manifest.json").write_text(text)
    manifests, errors = found.manifests()
    assert [manifest.id for manifest in manifests] == [SECOND]
    assert len(errors) == 1
    assert words in errors[0]
    assert FIRST in errors[0]


def test_one_that_was_moved_is_not_taken_for_another(tmp_path: Path) -> None:
    found = filled(Directory(tmp_path), FIRST)
    (tmp_path / "c/n/a" / FIRST).rename(tmp_path / "c/n/a" / SECOND)
    assert found.manifests()[0] == []
    assert "Somebody moved it" in found.manifests()[1][0]


def test_g48_sweep_removes_what_has_no_manifest(place: Place) -> None:
    found = filled(place.target(), FIRST)
    kept = place.everything()
    assert kept == [f"c/n/a/{FIRST}/data", f"c/n/a/{FIRST}/manifest.json"]
    found.write(SECOND, "private", io.BytesIO(b"the run ended after it"), ())
    place.begin(f"c/n/a/{SECOND}/data")
    assert len(place.everything()) == 4
    assert len(found.manifests()[0]) == 1
    found.sweep()
    assert place.everything() == kept
    assert len(found.manifests()[0]) == 1


def test_it_is_no_snapshot_before_its_manifest_and_none_after_it(place: Place) -> None:
    found = filled(place.target(), FIRST)
    part = found.write(SECOND, "data", io.BytesIO(b"content"), ())
    assert [manifest.id for manifest in found.manifests()[0]] == [FIRST]
    found.publish(replace(MANIFEST, id=SECOND, parts={"data": part}))
    assert [manifest.id for manifest in found.manifests()[0]] == [FIRST, SECOND]
    found.delete(FIRST)
    assert [manifest.id for manifest in found.manifests()[0]] == [SECOND]
    assert place.everything() == [f"c/n/a/{SECOND}/data", f"c/n/a/{SECOND}/manifest.json"]


def test_a_deletion_that_is_cut_off_leaves_no_snapshot(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = place.target()
    found = filled(target, FIRST)
    gone: list[str] = []
    delete = target.delete

    def cut(name: str) -> None:
        if gone:
            raise FleetError("the target is gone")
        gone.append(name)
        delete(name)

    monkeypatch.setattr(target, "delete", cut)
    with pytest.raises(FleetError, match="target is gone"):
        found.delete(FIRST)
    assert found.manifests() == ([], [])
    assert place.everything() == [f"c/n/a/{FIRST}/data"]


def test_g26_a_part_that_was_cut_off_or_altered_is_refused_wherever_it_lies(place: Place) -> None:
    target = place.target()
    found = filled(target, FIRST)
    part = found.manifests()[0][0].parts["data"]
    with target.open(f"c/n/a/{FIRST}/data") as file:
        whole = file.read()
    for content, words in ((whole[:-1], "cut off"), (whole[:-1] + b"\xff", "altered|damaged")):
        target.write(f"c/n/a/{FIRST}/data", io.BytesIO(content))
        with (
            pytest.raises(FleetError, match=words),
            found.read(FIRST, "data", part, (), encrypted=False) as stream,
        ):
            stream.read()
            stream.read(1)
    target.delete(f"c/n/a/{FIRST}/data")
    with (
        pytest.raises(FleetError, match="cannot be read"),
        found.read(FIRST, "data", part, (), encrypted=False),
    ):
        pass
