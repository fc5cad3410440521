# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A database on its way into a volume: the pod's own commands over a folder, cut off anywhere."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from test_refill import FakeApi, content, until

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import Json
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.claim_pod import ClaimPod
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.refill import Refill
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.sqlite_refill import (
    refill_database,
    restore_pod,
)

NAMESPACE = "vcluster-a"
STATEFULSET = f"/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets/a"
CLAIM = f"/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims/data-a-0"
NEW = b"the new database"
OLD = {"state.db": b"old", "state.db-wal": b"old log", "state.db-shm": b"x", "pki": b"kept"}


def stateful_set(data: str = "/data") -> Json:
    syncer = {
        "name": "syncer",
        "image": "vcluster-pro:0.36.1",
        "securityContext": {"runAsUser": 0},
        "volumeMounts": [{"name": "data", "mountPath": data}],
    }
    labels = {"app": "vcluster", "release": "a"}
    return {
        "metadata": {"name": "a", "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"spec": {"containers": [syncer], "tolerations": [{"key": "x"}]}},
            "volumeClaimTemplates": [
                {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
            ],
        },
    }


def work(api: Any, sum_of: bytes = NEW) -> Refill:
    sha256 = hashlib.sha256(sum_of).hexdigest()
    reach: Any = None
    return Refill(
        api=api,
        reach=reach,
        pods=list,
        way="sqlite",
        items=lambda: iter(()),
        content=content,
        size=len(NEW),
        sha256=sha256,
        revision=0,
        raise_by=0,
        compare=lambda: None,
        changes=lambda: iter(()),
        shell_image="vcluster:0.36.1",
        until=until,
        say=lambda _text: None,
    )


def pod(data: str = "/data", sum_of: bytes = NEW) -> Json:
    api: Any = None
    place = ClaimPod(api, until, stateful_set(data), 0, "syncer")
    return restore_pod(place, work(api, sum_of))


def test_the_claim_is_filled_and_made_again_when_it_is_gone() -> None:
    api = FakeApi()
    api.objects[STATEFULSET] = stateful_set()
    refill_database(NAMESPACE, "a", work(api))
    assert api.log == ["create data-a-0", "create a-0-restore", "delete a-0-restore"]
    assert api.sent == {"a-0-restore": b"database"}
    assert api.objects[CLAIM]["metadata"]["labels"] == {"app": "vcluster", "release": "a"}


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    for name, old in OLD.items():
        tmp_path.joinpath(name).write_bytes(old)
    return tmp_path


def held(volume: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in volume.iterdir()}


def settle(volume: Path, text: Callable[[str], str] = str, sum_of: bytes = NEW) -> int:
    """Run what the last container runs, or a part of it."""
    (container,) = pod(str(volume), sum_of)["spec"]["containers"]
    *shell, command = container["command"]
    return subprocess.run([*shell, text(command)], capture_output=True, timeout=60).returncode


def test_nothing_of_the_old_one_is_played_into_the_new_one(volume: Path) -> None:
    volume.joinpath("restored.db").write_bytes(NEW)
    assert settle(volume) == 0
    assert held(volume) == {"state.db": NEW, "pki": b"kept"}


@pytest.mark.parametrize("got", [b"the new databasE", NEW[:-1], b""])
def test_what_has_another_sum_does_not_take_its_place(volume: Path, got: bytes) -> None:
    volume.joinpath("restored.db").write_bytes(got)
    assert settle(volume) != 0
    assert held(volume) == {**OLD, "restored.db": got}


@pytest.mark.parametrize("steps", range(1, 6))
def test_g48_cut_off_anywhere_it_is_done_again(volume: Path, steps: int) -> None:
    def cut(command: str) -> str:
        return " && ".join(command.split(" && ")[:steps])

    volume.joinpath("restored.db").write_bytes(NEW)
    settle(volume, cut)
    found = held(volume)
    assert found["state.db"] in (OLD["state.db"], NEW)
    if found["state.db"] == NEW:
        assert "state.db-wal" not in found, "the old log would spoil it"
    volume.joinpath("restored.db").write_bytes(NEW)
    assert settle(volume) == 0
    assert held(volume) == {"state.db": NEW, "pki": b"kept"}


@pytest.mark.parametrize("steps", range(1, 8))
def test_g44_what_says_the_same_comes_before_the_log_goes(volume: Path, steps: int) -> None:
    """Cut off anywhere: the old one is never without its log."""
    place = ClaimPod(cast("Any", None), until, stateful_set(str(volume)), 0, "syncer")
    (container,) = restore_pod(place, work(None), same=True)["spec"]["containers"]
    *shell, command = container["command"]
    volume.joinpath("restored.db").write_bytes(NEW)
    cut = " && ".join(command.split(" && ")[:steps])
    subprocess.run([*shell, cut], capture_output=True, timeout=60, check=True)
    found = held(volume)
    if found["state.db"] == OLD["state.db"]:
        assert found["state.db-wal"] == OLD["state.db-wal"]
    assert "restored.db" in found or found["state.db"] == NEW
    if steps == 7:
        assert found == {"state.db": NEW, "pki": b"kept"}


def test_the_pod_runs_where_and_as_whom_the_control_plane_does() -> None:
    found = pod()
    (receive,) = found["spec"]["initContainers"]
    assert found["spec"]["tolerations"] == [{"key": "x"}]
    assert receive["securityContext"] == {"runAsUser": 0}
    assert f"-ge {len(NEW)} ]" in receive["command"][-1], "it goes on when all is there"
    assert "state.db" not in receive["command"][-1], "the old one is not touched before"
    assert found["metadata"]["labels"] == {"app": "fleetops-restore", "release": "a"}
