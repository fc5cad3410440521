# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of restores share: a store that is filled, and looks at it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from fakes import World
from saved import PAIRS, Member, Volume

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import (
    etcd_file,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.unpacked import live
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.refill import Refill

LATER = {**PAIRS, b"/registry/c": b"3"}
RESTORING = "loft.sh/restoring"
Run = Callable[..., dict[str, Any]]


class Filled:
    """What the store was filled with; `fails` says what goes wrong on the way, one after the other."""

    def __init__(self, world: World, etcd: Member, folder: Path) -> None:
        self.world, self.etcd, self.folder = world, etcd, folder
        self.taken = ""
        self.raised: list[int] = []
        self.fails: list[Exception | None] = []

    def __call__(self, spec: Any, observation: Any, work: Refill) -> None:
        plane = self.world.workloads[0]
        assert (plane.replicas, plane.annotations[RESTORING]) == (0, "true")
        self.world.change("the store is filled")
        failure = self.fails.pop(0) if self.fails else None
        if failure:
            raise failure
        with work.content() as content:
            path = self.folder / "filled"
            path.write_bytes(content.read())
        with path.open("rb") as file:
            found = etcd_file.inspect(file)
            file.seek(0)
            pairs = dict(live("etcd", file))
        # Its servers run again then, however they were stopped.
        self.world.workloads = tuple(
            replace(w, replicas=1, ready=1, updated=1, total=1) if w.component == "etcd" else w
            for w in self.world.workloads
        )
        self.raised.append(work.raise_by)
        self.etcd.hold(pairs, found.revision + work.raise_by)
        work.compare()
        self.changes = list(work.changes())


def held(etcd: Member, tmp_path: Path) -> dict[bytes, bytes]:
    path = tmp_path / "held"
    path.write_bytes(etcd.stream)
    with path.open("rb") as file:
        return dict(live("etcd", file))


def snapshots(tmp_path: Path) -> int:
    return len(list((tmp_path / "target").rglob("manifest.json")))


def fill_volume(volume: Volume, work: Refill) -> None:
    with work.content() as content:
        volume.path.write_bytes(content.read())
    work.compare()
    assert list(work.changes()) == [], "they are in the data already"
