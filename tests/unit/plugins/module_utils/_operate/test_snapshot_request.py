# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An archive of the vendor's controller counts when it was read back; of one that does not nothing is left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from controller import (
    FOLDER,
    KEPT,
    SECRET_KEY,
    Bucket,
    Controller,
    HostApi,
    packed,
)
from fakes import Cut, World
from saved import ETCD, PAIRS, Fixed, Host, Member, Volume, deploy

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import key_archive
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.directory import Directory
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    ApiError,
    Unreachable,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import Json
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate import requesting
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import answer
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.snapshot_request import (
    run_snapshot_request,
)

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def controller() -> Controller:
    return Controller()


@pytest.fixture
def etcd() -> Member:
    return Member(keys=len(KEPT))


@pytest.fixture
def bucket(world: World, tmp_path: Path) -> Bucket:
    made = Bucket(tmp_path / "bucket")
    made.world = world
    return made


@pytest.fixture
def api(world: World, controller: Controller, bucket: Bucket) -> HostApi:
    return HostApi(world, controller, bucket)


@pytest.fixture
def run(
    world: World, etcd: Member, api: HostApi, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Run the engine over a vCluster and its controller."""
    deploy(world)
    monkeypatch.setattr(requesting, "PAUSE", 0.0)
    monkeypatch.setattr(requesting, "GONE", 0)

    def run_it(check: bool = False, store: Any = etcd, **more: Any) -> dict[str, Any]:
        said: list[str] = []
        warnings: list[str] = []
        host = Host(world, store)
        host.api = api
        context = Context(
            check=check,
            connect=lambda _access, _warn: host,
            targets=Fixed(bucket),
            progress=said.append,
            warn=warnings.append,
        )
        s3 = {"bucket": "backups", "access_key": "me", "secret_key": SECRET_KEY}
        arguments = {
            "name": "tenant-a",
            "kubeconfig": "/k/hc1",
            "snapshots": {"s3": s3},
            "timeouts": {"total": 1},
            "allow": ["G38"],
            **more,
        }
        result = answer(run_snapshot_request, arguments, context)
        assert SECRET_KEY not in str((result, said, warnings))
        return {**result, "said": said, "warnings": warnings}

    return run_it


def requests(world: World) -> list[str]:
    """Secrets and ConfigMaps of requests that are there."""
    return [path for path in world.objects if "-snapshot-request-" in path]


def archives(bucket: Directory) -> list[str]:
    return [stored.name for stored in bucket.files("")]


def test_it_is_asked_for_read_back_and_counted(
    run: Run, world: World, controller: Controller, bucket: Bucket, etcd: Member
) -> None:
    result = run()
    assert not result.get("failed"), result["msg"]
    (name,) = archives(bucket)
    assert name.startswith(f"{FOLDER}/20261124T120000Z-")
    assert (result["key"], result["url"]) == (name, f"s3://backups/{name}")
    assert (result["count"], result["phase"], result["compared"]) == (3, "Completed", True)
    with bucket.open(name) as file:
        assert result["digest"] == key_archive.inspect(file).contents.digest
    assert requests(world) == []
    assert controller.options["s3"]["secret-access-key"] == SECRET_KEY
    release = controller.options["release"]
    assert (release["releaseName"], release["releaseNamespace"]) == (
        "tenant-a",
        "vcluster-tenant-a",
    )
    assert any("says CreatingEtcdBackup" in line for line in result["said"])
    assert world.log == [
        "create Secret",
        "create ConfigMap",
        "delete secrets",
        "unmark the request",
        "delete configmaps",
    ]


def test_sqlite_does_not_say_how_many_keys_it_holds(run: Run, world: World, tmp_path: Path) -> None:
    deploy(world, {})
    volume = Volume(world, tmp_path / "state.db")
    volume.hold(PAIRS, 40)
    result = run(store=volume)
    assert not result.get("failed"), result["msg"]
    assert result["compared"] is False
    assert "does not tell" in result["msg"]


def test_an_etcd_that_compacted_meanwhile_does_not_either(run: Run, etcd: Member) -> None:
    etcd.keys = None
    assert run()["compared"] is False


@pytest.mark.parametrize(
    ("writes", "words"),
    [
        (None, "cannot be read"),
        (b"no archive", "archive is damaged"),
        (packed(KEPT)[:-9], "archive is damaged"),
        (packed(KEPT, "other"), "is of vCluster vcluster-other/other"),
        (packed({}), "holds 0 keys, and not namespace kube-system"),
        (packed({b"/registry/a": b"1"}), "holds 1 keys, and not namespace kube-system"),
        (
            packed({b"/registry/namespaces/kube-system": b"3"}),
            "holds 1 keys, and etcd member tenant-a-etcd-0 held 3 to 3 from revision 40 to 40",
        ),
    ],
    ids=["none", "other", "cut", "another's", "empty", "partial", "fewer"],
)
def test_g26_one_that_cannot_be_relied_on_is_not_kept(
    run: Run, world: World, controller: Controller, bucket: Bucket, writes: bytes | None, words: str
) -> None:
    controller.writes = writes
    result = run()
    assert result["failed"]
    assert words in result["msg"]
    assert archives(bucket) == []
    assert requests(world) == []


@pytest.mark.parametrize("phase", ["Failed", "PartiallyFailed", "Canceled"])
def test_what_the_controller_says_is_the_error(
    run: Run, world: World, controller: Controller, bucket: Bucket, phase: str
) -> None:
    controller.phases = ("", phase)
    controller.error = f"api error NoSuchBucket: no backups for {SECRET_KEY}"
    result = run()
    assert result["failed"]
    assert f"({phase}): api error NoSuchBucket" in result["msg"]
    assert archives(bucket) == [], "half an archive may have been written"
    assert requests(world) == []


@pytest.mark.parametrize(
    ("phases", "words"),
    [
        (("",), "no controller has taken it up yet, 1 of 1 replicas ready"),
        (("", "CreatingEtcdBackup"), "the controller says CreatingEtcdBackup"),
    ],
)
def test_a_wait_ends_and_says_what_was_seen(
    run: Run, world: World, controller: Controller, phases: tuple[str, ...], words: str
) -> None:
    controller.phases = phases
    result = run()
    assert result["failed"]
    assert words in result["msg"]
    assert "no archive after 1 s" in result["msg"]
    assert requests(world) == []


def test_a_request_that_somebody_deletes_is_said(
    run: Run, world: World, api: HostApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HostApi, "find", lambda _self, _path: None)
    assert "is gone before its archive was written" in run()["msg"]
    assert requests(world) == []


def test_a_first_attempt_that_was_not_answered_is_no_other_request(
    run: Run, api: HostApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = HostApi.create

    def twice(self: HostApi, path: str, body: Json) -> Json:
        create(self, path, body)
        raise ApiError(409, "there is one already")

    monkeypatch.setattr(HostApi, "create", twice)
    assert not run().get("failed")


def test_g38_a_secret_that_cannot_be_deleted_is_said_and_the_rest_goes(
    run: Run, world: World, api: HostApi, controller: Controller, bucket: Bucket
) -> None:
    controller.phases = ("Failed",)
    api.fails["secrets"] = Unreachable("hc1 does not answer.")
    result = run()
    assert "(Failed)" in result["msg"]
    assert "with the keys of the bucket" in result["warnings"][-1]
    assert [path.split("/")[-2] for path in requests(world)] == ["secrets"]
    assert archives(bucket) == []
    api.fails.clear()
    controller.phases = ("Completed",)
    assert not run().get("failed")
    assert requests(world) == []


def test_one_whose_secret_stays_does_not_count(
    run: Run, world: World, api: HostApi, bucket: Bucket
) -> None:
    api.fails["secrets"] = Unreachable("hc1 does not answer.")
    assert run()["failed"]
    assert archives(bucket) == []


def test_a_controller_that_holds_on_to_a_request_is_said(
    run: Run, world: World, controller: Controller, bucket: Bucket
) -> None:
    controller.phases, controller.holds = ("CreatingEtcdBackup",), True
    result = run()
    assert "no archive after" in result["msg"]
    assert "still holds on to tenant-a-snapshot-request-" in result["warnings"][-1]
    again = run()
    assert again["failed"]
    assert "still holds on to" in again["msg"], "it works them off one after the other"
    controller.phases, controller.holds = ("Completed",), False
    assert not run().get("failed")
    assert requests(world) == []
    assert len(archives(bucket)) == 1


@pytest.mark.parametrize("number", range(1, 6))
def test_g48_what_a_killed_run_left_is_removed_by_the_next(
    run: Run, world: World, bucket: Bucket, number: int
) -> None:
    world.cut_before = number
    with pytest.raises(Cut):
        run()
    left = archives(bucket)
    assert len(left) == (number > 2), "the controller goes on"
    world.cut_before = 0
    result = run()
    assert not result.get("failed"), result["msg"]
    kept = left if number == 5 else []  # that one was read back, and its Secret was gone
    assert archives(bucket) == sorted([*kept, result["key"]])
    assert [path for path in requests(world) if "/secrets/" in path] == []
    assert len(requests(world)) == len(kept)


def test_check_mode_asks_nobody(run: Run, world: World) -> None:
    result = run(check=True)
    assert (result["changed"], result["outcome"]) == (True, "planned")
    assert world.log == []


def test_it_is_refused_while_planning_and_under_the_lock(run: Run, world: World) -> None:
    assert run(snapshots={"directory": "/b"})["outcome"] == "refused"
    world.holder = "somebody"
    assert run()["outcome"] == "locked"
    world.holder = ""
    world.deploy("tenant-a", "0.30.4", ETCD)
    assert run()["outcome"] == "refused"
    assert world.log == []


def test_the_authorities_of_the_service_go_with_it(
    run: Run, controller: Controller, tmp_path: Path
) -> None:
    s3 = {"bucket": "backups", "endpoint": "https://s3:9000", "ca_cert": str(tmp_path / "ca.crt")}
    missing = run(snapshots={"s3": s3})
    assert "ca.crt cannot be read" in missing["msg"]
    (tmp_path / "ca.crt").write_text("-----BEGIN")
    assert not run(snapshots={"s3": s3}).get("failed")
    assert controller.options["s3"]["ca-cert"] == "-----BEGIN"
    assert "access-key-id" not in controller.options["s3"]
