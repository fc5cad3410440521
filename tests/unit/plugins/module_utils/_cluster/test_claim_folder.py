# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pod that a claim is used through; what holds for every target is in test_target.py."""

from __future__ import annotations

import io
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest
from claim_host import CLAIM, ClaimHost

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import claim_folder
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.claim_folder import (
    ALIVE,
    APP,
    LIFE,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    FleetError,
    TimedOut,
)


@pytest.fixture
def host(tmp_path: Path) -> ClaimHost:
    return ClaimHost(tmp_path)


def test_one_pod_serves_all_until_it_is_closed(host: ClaimHost) -> None:
    target = host.target()
    assert host.pods == {}
    target.write("a/data", io.BytesIO(b"x"))
    assert [file.name for file in target.files("")] == ["a/data"]
    (name,) = host.pods
    assert set(host.asked) == {name}
    target.close()
    target.close()
    assert host.pods == {}


def test_the_pod_mounts_the_claim_and_has_the_image_of_the_control_plane(host: ClaimHost) -> None:
    target = host.target()
    list(target.files(""))
    (pod,) = host.pods.values()
    (container,) = pod["spec"]["containers"]
    assert container["image"] == host.image
    assert pod["spec"]["volumes"][0]["persistentVolumeClaim"] == {"claimName": "backups"}
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert pod["metadata"]["labels"]["app"] == APP


def test_an_image_that_is_named_needs_no_control_plane(host: ClaimHost) -> None:
    host.image = ""
    with pytest.raises(FleetError, match=r"vcluster_snapshots\.claim\.image"):
        list(host.target().files(""))
    list(host.target(replace(CLAIM, image="busybox:1.37")).files(""))
    (pod,) = host.pods.values()
    assert pod["spec"]["containers"][0]["image"] == "busybox:1.37"


@pytest.mark.parametrize(("mode", "together"), [("ReadWriteOnce", True), ("ReadWriteMany", False)])
def test_pods_go_to_one_node_where_only_one_can_have_the_volume(
    host: ClaimHost, mode: str, together: bool
) -> None:
    host.modes = [mode]
    list(host.target().files(""))
    (pod,) = host.pods.values()
    assert ("affinity" in pod["spec"]) is together


def test_a_pod_that_ended_is_replaced(host: ClaimHost) -> None:
    target = host.target()
    list(target.files(""))
    (first,) = host.pods.values()
    first["status"]["phase"] = "Succeeded"
    list(target.files(""))
    assert len(host.pods) == 1
    assert len(set(host.asked)) == 2


def test_g48_the_ended_pods_of_killed_runs_go(host: ClaimHost) -> None:
    host.pods = {
        "left": {"metadata": {"name": "left"}, "status": {"phase": "Succeeded"}},
        "busy": {"metadata": {"name": "busy"}, "status": {"phase": "Running"}},
    }
    target = host.target()
    list(target.files(""))
    target.close()
    assert list(host.pods) == ["busy"]


def test_a_claim_that_is_not_there_is_named(host: ClaimHost) -> None:
    host.claims.clear()
    with pytest.raises(FleetError, match="claim saved/backups on host cluster hc1 does not exist"):
        list(host.target().files(""))
    assert host.pods == {}


def test_a_pod_that_does_not_run_says_why_and_goes(
    host: ClaimHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim_folder, "PAUSE", 0.01)
    host.phase = "Pending"
    target = host.target()
    target._seconds = 0.05
    with pytest.raises(FleetError, match="does not run: its phase is Pending") as raised:
        list(target.files(""))
    assert isinstance(raised.value.__cause__, TimedOut)
    assert host.pods == {}


def test_missing_rights_are_named(host: ClaimHost) -> None:
    host.refused = 403
    with pytest.raises(FleetError, match=r"docs/rbac/claim-role\.yaml"):
        list(host.target().files(""))
    assert host.pods == {}


def test_what_the_volume_refuses_is_said_in_its_own_words(host: ClaimHost) -> None:
    (host.folder / "b").write_text("in the way")
    with pytest.raises(FleetError, match=r"b/data cannot be written in the claim .*mkdir: .*b"):
        host.target().write("b/data", io.BytesIO(b"x" * 100))
    assert [path.name for path in host.folder.iterdir()] == ["b"]


def test_the_pod_ends_some_minutes_after_it_was_last_asked(tmp_path: Path) -> None:
    life = LIFE.replace(ALIVE, str(tmp_path / "alive")).replace("-mmin -5", "-newermt '-1 seconds'")
    began = time.monotonic()
    subprocess.run(["sh", "-c", life.replace("sleep 5", "sleep 0.2")], check=True, timeout=20)
    assert 0.5 < time.monotonic() - began < 15
