# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pod that copies a database: what it may, and who can read what it sends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from copying import NAMESPACE, PODS, FakeApi, stateful_set
from kine_rows import Kine

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.sqlite_copy import (
    _NAMES,
    FILE,
    _copy,
    copy_pod,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.claim_pod import ClaimPod


def place() -> ClaimPod:
    api: Any = None
    return ClaimPod(api, lambda _what, _holds: None, stateful_set(), 0, "syncer")


def test_the_pod_runs_beside_the_control_plane_and_changes_nothing() -> None:
    pod = copy_pod(place(), "n2", _copy("/data", 5), _NAMES, "x")
    spec = pod["spec"]
    (container,) = spec["initContainers"]
    assert spec["nodeName"] == "n2"
    assert spec["volumes"][0] == {
        "name": "data",
        "persistentVolumeClaim": {"claimName": "data-a-0"},
    }
    assert container["volumeMounts"][0] == {"name": "data", "mountPath": "/data", "readOnly": True}
    assert container["image"] == "vcluster-pro:0.36.1"
    assert container["securityContext"] == {"runAsUser": 0}
    assert spec["tolerations"] == [{"key": "x"}]
    assert spec["nodeSelector"] == {"disk": "ssd"}, "it runs while nothing else may"
    assert spec["imagePullSecrets"] == [{"name": "pull"}]
    assert spec["securityContext"] == {"fsGroup": 12}
    assert spec["automountServiceAccountToken"] is False
    assert pod["metadata"]["labels"]["app"] != "vcluster", "the StatefulSet must not adopt it"
    assert "nodeName" not in copy_pod(place(), "", _copy("/data", 1), _NAMES, "x")["spec"]


@pytest.mark.parametrize("word", ["wrong", "", "x" * 64])
def test_g38_nobody_else_in_the_cluster_can_read_what_the_pod_sends(
    tmp_path: Path, word: str
) -> None:
    """Where its nc knows no -s it listens on all addresses; the password is in no object, only its sum is."""
    api = FakeApi(tmp_path)
    Kine(api.data / FILE).put("/registry/a", b"1")
    api.old = True
    known: Any = copy_pod(place(), "n2", _copy("/data", 1), _NAMES, "the password")
    assert "the password" not in json.dumps(known)
    api.create(PODS, known)
    for line, answers in ((word, False), ("the password", True)):
        with api.forward(NAMESPACE, "a-0-copy", 9731) as connection:
            connection.settimeout(30)
            connection.sendall(f"{line}\n".encode())
            assert bool(connection.recv(1000)) == answers
    (container,) = known["spec"]["containers"]
    assert [mount["name"] for mount in container["volumeMounts"]] == ["work"]
    assert "nc -l -s 127.0.0.1 -p 9731" in container["command"][-1]
