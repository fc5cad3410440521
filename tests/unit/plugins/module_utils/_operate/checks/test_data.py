# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks of the data: one store behind all replicas, and writes that all of them see."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from fakes import TenantApi, World
from scenes import result

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import ApiError
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.checks import data
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.checks.scene import Scene


def test_g05_replicas_on_different_stores_fail(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TenantApi, "get", lambda self, *_args: {"metadata": {"uid": self.pod}})
    found = result(data.checks(replace(scene, write=False)), "same_data")
    assert found.status == "fail"
    assert "different stores" in found.evidence


def test_a_write_that_another_replica_does_not_see_fails(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(self: TenantApi, path: str) -> Any:
        return None if self.pod == "tenant-a-1" else self.world.tenant.get(path)

    monkeypatch.setattr(TenantApi, "find", find)
    found = result(data.checks(scene), "write_and_read")
    assert found.status == "fail"
    assert "tenant-a-1 does not read what was written through tenant-a-0" in found.evidence


def test_the_proof_leaves_nothing_behind(scene: Scene, world: World) -> None:
    assert result(data.checks(scene), "write_and_read").status == "pass"
    assert world.tenant == {}


def test_reading_only_writes_nothing(scene: Scene) -> None:
    assert result(data.checks(replace(scene, write=False)), "write_and_read").status == "skip"


def test_a_watch_that_shows_nothing_fails_though_all_replicas_read_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TenantApi, "watch", lambda *_args: iter(()))
    found = result(data.checks(scene), "write_and_read")
    assert found.status == "fail"
    assert "no watch event of a write through tenant-a-0" in found.evidence
    assert "does not read" not in found.evidence


def test_a_write_that_is_taken_late_fails(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch shows it at once then: what counts is how long whoever writes has waited."""
    clock, create = [0.0], TenantApi.create

    def slow(self: TenantApi, path: str, body: Any) -> Any:
        clock[0] += 15
        return create(self, path, body)

    monkeypatch.setattr(TenantApi, "create", slow)
    monkeypatch.setattr(data.time, "monotonic", lambda: clock[0])
    found = result(data.checks(scene), "write_and_read")
    assert found.status == "fail"
    assert "saw a write through tenant-a-0 after" in found.evidence


def test_what_an_earlier_proof_left_is_not_taken_for_this_one(
    scene: Scene, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first try of a retried POST arrived, or a proof was cut off: what is read back decides."""

    def conflict(self: TenantApi, path: str, body: Any) -> Any:
        world.tenant[f"{path}/{body['metadata']['name']}"] = {"data": {"mark": "of another run"}}
        raise ApiError(409, "configmaps already exists")

    monkeypatch.setattr(TenantApi, "create", conflict)
    found = result(data.checks(scene), "write_and_read")
    assert found.status == "fail"
    assert "tenant-a-1 does not read what was written through tenant-a-0" in found.evidence
    assert world.tenant == {}


def test_a_write_that_is_refused_fails_with_its_words_and_leaves_nothing(
    scene: Scene, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: TenantApi, path: str, body: Any) -> Any:
        world.tenant[f"{path}/{body['metadata']['name']}"] = body
        raise ApiError(507, "etcdserver: mvcc: database space exceeded")

    monkeypatch.setattr(TenantApi, "create", refused)
    found = result(data.checks(scene), "write_and_read")
    assert (found.status, found.evidence) == ("fail", "etcdserver: mvcc: database space exceeded")
    assert world.tenant == {}


def test_each_replica_writes_and_each_other_reads(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, str]] = []
    create, find = TenantApi.create, TenantApi.find

    def creates(self: TenantApi, path: str, body: Any) -> Any:
        seen.append(("write", self.pod))
        return create(self, path, body)

    def finds(self: TenantApi, path: str) -> Any:
        seen.append((path.rpartition("fleetops-proof-")[2], self.pod))
        return find(self, path)

    monkeypatch.setattr(TenantApi, "create", creates)
    monkeypatch.setattr(TenantApi, "find", finds)
    assert result(data.checks(scene), "write_and_read").status == "pass"
    assert seen == [
        ("write", "tenant-a-0"),
        ("tenant-a-0", "tenant-a-1"),
        ("write", "tenant-a-1"),
        ("tenant-a-1", "tenant-a-0"),
    ]


def test_one_replica_reads_back_its_own_write(scene: Scene, world: World) -> None:
    alone = replace(scene, replicas={"tenant-a-0": TenantApi(world, "tenant-a-0")})
    assert {check.status for check in data.checks(alone)} == {"pass"}
    assert {check.status for check in data.checks(replace(scene, replicas={}))} == {"skip"}
