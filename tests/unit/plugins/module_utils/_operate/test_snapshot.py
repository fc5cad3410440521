# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A snapshot counts only when it was read back; of one that does not, nothing is left."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from bolt_pages import etcd_snapshot
from fakes import NOW, FakeApi, World
from saved import ETCD, PAIR, PAIRS, Fixed, Host, Member, deploy

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.directory import Directory
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.repository import (
    Repository,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    ApiError,
    Unreachable,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.snapshot import Part
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import (
    Access,
    Snapshots,
    Spec,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import answer
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.snapshot import (
    run_snapshot,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.snapshot_info import (
    run_snapshot_info,
)

Take = Callable[..., dict[str, Any]]


@pytest.fixture
def take(world: World, etcd: Member, tmp_path: Path) -> Take:
    deploy(world)

    def run(engine: Any = run_snapshot, check: bool = False, **more: Any) -> dict[str, Any]:
        warnings: list[str] = []
        target = more.pop("target", None)
        options = {
            "directory": str(tmp_path / "target"),
            "recipients": [PAIR.recipient],
            **more.pop("snapshots", {}),
        }
        context = Context(
            check=check, connect=lambda _access, _warn: Host(world, etcd), warn=warnings.append
        )
        if target:
            context = Context(connect=context.connect, targets=Fixed(target))
        arguments = {"name": "tenant-a", "kubeconfig": "/k/hc1", "snapshots": options, **more}
        return {**answer(engine, arguments, context), "warnings": warnings}

    return run


def left(tmp_path: Path) -> list[str]:
    return sorted(p.name for p in (tmp_path / "target").rglob("*") if p.is_file())


def test_g27_it_holds_the_data_the_values_and_the_certificates(
    take: Take, tmp_path: Path, etcd: Member
) -> None:
    result = take(reason="CHG-1", run="r1", by="me")
    assert result["changed"]
    assert not result.get("failed"), result["msg"]
    found = result["snapshot"]
    assert left(tmp_path) == ["data", "manifest.json", "private"]
    assert (found["revision"], found["contents"]["keys"]) == (40, 3)
    assert (found["store"], found["store_version"]) == ("etcd_deployed", "3.6.8")
    assert (found["chart_version"], found["kubernetes_version"]) == ("0.36.1", "1.36.0")
    assert (found["run"], found["by"], found["reason"]) == ("r1", "me", "CHG-1")
    assert found["taken_at"].startswith(f"{NOW:%Y-%m-%dT%H:%M:%S}")
    assert etcd.asked == [0, 40], "the revision before it, then the keys at its own"
    assert "3 keys at revision 40" in result["msg"]
    spec = Spec("tenant-a", "tenant-a", "vcluster-tenant-a", "hc1", Access())
    repository = Repository(Directory(tmp_path / "target"), spec)
    with repository.read(
        found["id"], "private", Part(**found["parts"]["private"]), (PAIR.identity,), encrypted=True
    ) as content:
        private = json.loads(content.read())
    assert private == {"values": ETCD, "certificates": {"ca.key": "c2VjcmV0LWtleQ=="}}


def test_nothing_of_it_lies_in_the_target_in_clear(take: Take, tmp_path: Path) -> None:
    take()
    everything = b"".join(p.read_bytes() for p in (tmp_path / "target").rglob("*") if p.is_file())
    for secret in (b"c2VjcmV0LWtleQ", b"/registry/a", b"backingStore"):
        assert secret not in everything


def test_g38_in_clear_only_with_consent(take: Take, tmp_path: Path) -> None:
    refused = take(snapshots={"recipients": []})
    assert refused["outcome"] == "refused"
    assert left(tmp_path) == []
    allowed = take(snapshots={"recipients": []}, allow=["G38"])
    assert not allowed.get("failed")
    assert "G38" in allowed["warnings"][0]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"stream": etcd_snapshot(PAIRS, 40)[:-40]}, "damaged"),
        ({"stream": b""}, "damaged"),
        ({"stream": etcd_snapshot({}, 40), "before": 0}, "holds 0 keys"),
        ({"stream": etcd_snapshot(PAIRS, 39)}, "ends at revision 39, and 40 was there before"),
        ({"keys": 4}, "holds 3 keys, and etcd member tenant-a-etcd-0 4 at revision 40"),
        ({"ends": ApiError(500, "The member ended its snapshot.")}, "ended its snapshot"),
        ({"ends": Unreachable("hc1 does not answer.")}, "does not answer"),
    ],
)
def test_g26_one_that_is_empty_partial_or_old_is_never_listed(
    take: Take, tmp_path: Path, etcd: Member, fault: dict[str, Any], words: str
) -> None:
    take()
    before = left(tmp_path)
    for name, value in fault.items():
        setattr(etcd, name, value)
    result = take()
    assert result["failed"]
    assert words in result["msg"]
    assert left(tmp_path) == before
    assert len(take(run_snapshot_info)["snapshots"]) == 1


def test_a_revision_that_was_compacted_since_is_no_fault(take: Take, etcd: Member) -> None:
    etcd.keys = None
    assert not take().get("failed")


class Lying(Directory):
    """A target that keeps something else than it was given."""

    def write(self, name: str, content: Any) -> None:
        super().write(name, content)
        if name.endswith("/data"):
            path = self._path(name)
            path.write_bytes(path.read_bytes()[:-1])


def test_g26_what_the_target_does_not_give_back_does_not_count(take: Take, tmp_path: Path) -> None:
    result = take(target=Lying(tmp_path / "target"))
    assert "cut off" in result["msg"]
    assert left(tmp_path) == []


def test_check_mode_asks_the_store_and_writes_nothing(
    take: Take, tmp_path: Path, etcd: Member
) -> None:
    result = take(check=True)
    assert (result["changed"], result["outcome"]) == (True, "planned")
    assert "would take a snapshot of etcd member tenant-a-etcd-0" in result["msg"]
    assert left(tmp_path) == []
    assert etcd.asked == [0]


def test_what_a_run_that_was_cut_off_left_is_swept(take: Take, tmp_path: Path) -> None:
    folder = tmp_path / "target/hc1/vcluster-tenant-a/tenant-a/20260101T000000Z-00000000"
    folder.mkdir(parents=True)
    (folder / "data").write_bytes(b"half")
    take()
    assert left(tmp_path) == ["data", "manifest.json", "private"]


def test_those_that_no_rule_keeps_go(take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    first = take()["snapshot"]["id"]
    monkeypatch.setattr(FakeApi, "now", NOW + timedelta(seconds=1))
    second = take(snapshots={"keep_count": 1})
    assert second["deleted"] == [first]
    listed = take(run_snapshot_info)["snapshots"]
    assert [found["id"] for found in listed] == [second["snapshot"]["id"]]
    assert listed[0] == second["snapshot"]


def test_a_held_vcluster_and_one_that_is_not_there_are_said(
    take: Take, world: World, tmp_path: Path
) -> None:
    world.holder = "somebody"
    assert take()["outcome"] == "locked"
    world.releases.clear()
    assert "does not exist" in take()["msg"]
    assert left(tmp_path) == []


def test_without_a_target_nothing_is_listed(take: Take) -> None:
    assert take(run_snapshot_info, snapshots={"directory": None})["outcome"] == "refused"
    assert take(run_snapshot_info)["snapshots"] == []
    assert Snapshots(identity="AGE-SECRET-KEY-1X").__repr__().count("AGE") == 0
