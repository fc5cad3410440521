# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A snapshot becomes the vendor's archive: all of it, readable by its owner alone, and only when it changed."""

from __future__ import annotations

import itertools
import tarfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes import NOW, World
from saved import PAIR, PAIRS, Api, Host, Member, deploy

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import key_archive
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import answer
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.snapshot import (
    run_snapshot,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.snapshot_archive import (
    run_snapshot_archive,
)

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Run the engine over the snapshots of a vCluster; the host cluster is not asked."""
    deploy(world)
    moments = itertools.count()
    monkeypatch.setattr(Api, "now", property(lambda _self: NOW + timedelta(seconds=next(moments))))
    etcd = Member()

    def run_it(
        engine: Any = run_snapshot_archive, check: bool = False, **more: Any
    ) -> dict[str, Any]:
        def connect(_access: Any, _warn: Any) -> Host:
            assert engine is run_snapshot
            return Host(world, etcd)

        snapshots = {
            "directory": str(tmp_path / "target"),
            "recipients": [PAIR.recipient],
            "identity": PAIR.identity,
            **more.pop("snapshots", {}),
        }
        arguments = {"name": "tenant-a", "kubeconfig": "/k/hc1", "snapshots": snapshots}
        if engine is run_snapshot_archive:
            arguments |= {"snapshot": "latest", "dest": str(tmp_path / "out" / "a.tar.gz")}
        context = Context(check=check, connect=connect)
        return answer(engine, {**arguments, **more}, context)

    taken = run_it(run_snapshot)
    assert not taken.get("failed"), taken["msg"]
    return run_it


def test_it_holds_every_key_and_says_whose_they_are(run: Run, tmp_path: Path) -> None:
    result = run()
    assert result["changed"], result["msg"]
    path = Path(result["dest"])
    assert path.stat().st_mode & 0o777 == 0o600
    wanted = {key: value for key, value in PAIRS.items() if key.startswith(b"/")}
    with path.open("rb") as file:
        assert {key: value for key, value, _lease in key_archive.live(file)} == wanted
        found, release = key_archive.inspect(file), key_archive.release(file)
    assert (result["count"], result["digest"]) == (found.contents.keys, found.contents.digest)
    assert release is not None
    assert (release.name, release.namespace) == ("tenant-a", "vcluster-tenant-a")
    assert release.values["controlPlane"]["backingStore"]["etcd"]["deploy"]["enabled"] is True
    with tarfile.open(path) as archive:
        names = [name.lstrip("/") for name in archive.getnames()]
    assert names[0] == "vcluster/snapshot/release"


def test_the_same_again_changes_nothing(run: Run, tmp_path: Path) -> None:
    run()
    before = (tmp_path / "out" / "a.tar.gz").stat().st_mtime_ns
    assert not run()["changed"]
    assert (tmp_path / "out" / "a.tar.gz").stat().st_mtime_ns == before


@pytest.mark.parametrize("change", ["cut", "open"])
def test_one_that_is_damaged_or_open_to_others_is_written_again(
    run: Run, tmp_path: Path, change: str
) -> None:
    run()
    path = tmp_path / "out" / "a.tar.gz"
    if change == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    else:
        path.chmod(0o644)
    assert run()["changed"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert not run()["changed"]


def test_check_mode_writes_nothing(run: Run, tmp_path: Path) -> None:
    assert run(check=True)["changed"]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"snapshots": {"identity": None}}, "encrypted and no key is given"),
        ({"snapshots": {"directory": None}}, "no place for its snapshots"),
        ({"snapshot": "20260101T000000Z-00000000"}, "no snapshot 20260101T000000Z-00000000"),
        ({"dest": "/proc/nowhere/a.tar.gz"}, "cannot be written"),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_nothing(
    run: Run, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    result = run(**change)
    assert result["failed"]
    assert words in result["msg"]
    assert not (tmp_path / "out").exists()


def test_a_damaged_snapshot_leaves_the_archive_that_was_there(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "out" / "a.tar.gz"
    path.parent.mkdir()
    path.write_bytes(b"an older one")
    (data,) = (tmp_path / "target").rglob("data")
    data.write_bytes(data.read_bytes()[:-1])
    assert run()["failed"]
    assert [found.name for found in path.parent.iterdir()] == ["a.tar.gz"]
    assert path.read_bytes() == b"an older one"
