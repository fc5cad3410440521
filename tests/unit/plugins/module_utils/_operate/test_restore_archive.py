# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A restore of what the vendor's tool wrote: by its keys, into any store, and of the right vCluster only."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import pytest
from fakes import World
from restores import LATER, Filled, Run, fill_volume, held, snapshots
from saved import CERTS, PAIRS, Member, Volume, deploy

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import (
    key_archive,
    sqlite_file,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate import filling
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.snapshot_info import (
    run_snapshot_info,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.refill import LEDGE, Refill


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """What `vcluster snapshot` wrote of PAIRS."""
    path = tmp_path / "tenant-a.tar.gz"
    release = key_archive.Release(
        "tenant-a", "vcluster-tenant-a", "vcluster", "0.36.1", {"sync": {"old": True}}
    )
    with path.open("wb") as file:
        key_archive.write(file, PAIRS.items(), release)
    return path


def of_archive(archive: Path, **names: str) -> dict[str, Any]:
    return {"snapshots": {"from": {"archive": str(archive), **names}}}


def test_an_archive_of_the_vendor_goes_into_an_etcd_by_its_keys(
    restore: Run,
    world: World,
    etcd: Member,
    filled: Filled,
    archive: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fill(spec: Any, observation: Any, work: Refill) -> None:
        world.change("the store is filled")
        etcd.hold(dict(work.items()), 60)
        work.compare()

    monkeypatch.setattr(filling, "refill", fill)
    certificates = world.objects[CERTS]
    result = restore(**of_archive(archive))
    assert not result.get("failed"), result["msg"]
    assert held(etcd, tmp_path) == PAIRS
    assert world.objects[CERTS] is certificates, "an archive has none"
    assert snapshots(tmp_path) == 2, "one of what was there before"
    assert result["snapshot"]["id"] == "tenant-a.tar.gz"
    assert "/sync/old" in result["other_values"]


def test_g61_an_archive_in_sqlite_is_above_all_that_clients_have_seen(
    restore: Run, world: World, volume: Volume, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filling, "refill", lambda _spec, _seen, work: fill_volume(volume, work))
    deploy(world, {})
    volume.hold(LATER, 5200)
    result = restore(store=volume, **of_archive(archive))
    assert not result.get("failed"), result["msg"]
    with volume.path.open("rb") as file:
        assert sqlite_file.inspect(file).revision == 5200 + LEDGE
        found = {key: value for key, value, _lease in sqlite_file.live(file)}
    assert found == {key: value for key, value in PAIRS.items() if key != b"compact_rev_key"}


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({"name": "other"}, "is of vCluster vcluster-tenant-a/tenant-a, and not of"),
        ({"namespace": "elsewhere"}, "is of vCluster vcluster-tenant-a/tenant-a, and not of"),
    ],
)
def test_an_archive_of_another_vcluster_touches_nothing(
    restore: Run, world: World, archive: Path, names: dict[str, str], words: str
) -> None:
    result = restore(**of_archive(archive, **names))
    assert result["failed"]
    assert words in result["msg"]
    assert world.log == []


@pytest.mark.parametrize("content", [None, b"", b"no archive"])
def test_an_archive_that_cannot_be_read_touches_nothing(
    restore: Run, world: World, archive: Path, content: bytes | None
) -> None:
    archive.unlink()
    if content is not None:
        archive.write_bytes(content)
    result = restore(**of_archive(archive))
    assert result["failed"]
    assert "cannot be read" in result["msg"] or "is damaged" in result["msg"]
    assert world.log == []


def test_an_archive_that_does_not_say_whose_it_is_needs_a_name(
    restore: Run, world: World, archive: Path, filled: Filled
) -> None:
    with tarfile.open(archive, "w:gz") as file:
        file.addfile(tarfile.TarInfo("/registry/a"))
    assert "is of vCluster unknown" in restore(**of_archive(archive))["msg"]
    assert world.log == []
    named = restore(check=True, **of_archive(archive, name="tenant-a"))
    assert named["outcome"] == "planned"


def test_an_archive_without_keys_empties_nobody(restore: Run, world: World, archive: Path) -> None:
    with tarfile.open(archive, "w:gz"):
        pass
    result = restore(**of_archive(archive, name="tenant-a"))
    assert result["failed"]
    assert "holds no keys" in result["msg"]
    assert world.log == []


def test_an_archive_is_the_only_snapshot_there_is(
    restore: Run, archive: Path, filled: Filled
) -> None:
    result = restore(snapshot=filled.taken, **of_archive(archive))
    assert result["failed"]
    assert f"snapshot {filled.taken} is asked for" in result["msg"]
    listed = restore(run_snapshot_info, **of_archive(archive))["snapshots"]
    assert [found["id"] for found in listed] == ["tenant-a.tar.gz"]
