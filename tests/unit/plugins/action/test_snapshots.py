# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action `snapshots`: what each vCluster of a fleet has, and what is wrong with it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from ansible_collections.fleetops.vcluster.plugins.action.snapshots import ActionModule
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.contents import Contents
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.snapshot import (
    Manifest,
    Part,
    to_text,
)

KEY = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"


def save(folder: Path, host: str, hours: float, number: int = 1, **changes: Any) -> Path:
    """A manifest as a backup leaves it; returns its path."""
    taken = datetime.now(UTC) - timedelta(hours=hours)
    identifier = f"{taken:%Y%m%dT%H%M%SZ}-0000000{number}"
    given: dict[str, Any] = {
        "id": identifier,
        "name": host,
        "namespace": f"vcluster-{host}",
        "cluster": "hc1",
        "taken_at": taken,
        "way": "etcd",
        "store": "etcd_deployed",
        "store_version": "3.6.8",
        "chart_version": "0.36.1",
        "kubernetes_version": "1.36.3",
        "revision": 40,
        "contents": Contents(3, "0" * 64),
        "recipients": (KEY,),
        "parts": {"data": Part(2_000_000, "0" * 64), "private": Part(500, "0" * 64)},
        "run": "",
        "by": "",
        "reason": "",
        "safety_of": "",
        "verified_at": taken,
        **changes,
    }
    path = folder / "hc1" / f"vcluster-{host}" / host / identifier / "manifest.json"
    path.parent.mkdir(parents=True)
    path.write_text(to_text(Manifest(**given)))
    return path


@pytest.fixture
def hosts(tmp_path: Path) -> dict[str, dict[str, Any]]:
    """A fleet in which everything that can be wrong is."""
    place = {"vcluster_kubeconfig": "/nowhere/hc1", "vcluster_cluster": "hc1"}
    asked = {**place, "vcluster_snapshots": {"directory": str(tmp_path), "rpo": 7200}}
    save(tmp_path, "fine", 1)
    save(tmp_path, "fine", 30, number=2)
    save(tmp_path, "open", 1, recipients=())
    save(tmp_path, "late", 30)
    save(tmp_path, "torn", 1)
    save(tmp_path, "torn", 2, number=2).write_text("{")
    save(tmp_path, "before", 1, safety_of="20260101T000000Z-00000000")
    away = {**place, "vcluster_snapshots": {"directory": str(tmp_path / "a-file")}}
    (tmp_path / "a-file").write_text("")
    names = ("fine", "open", "late", "torn", "before", "empty")
    return {
        **dict.fromkeys(names, asked),
        "nowhere": place,
        "typo": {**asked, "vcluster_replica": 3},
        "away": away,
        "bastion": {"ansible_host": "x"},
    }


def run(hosts: dict[str, dict[str, Any]], check: bool = False, **args: Any) -> dict[str, Any]:
    task = MagicMock(args=args, async_val=0, check_mode=check)
    action = ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), None)
    return action.run(task_vars={"ansible_play_hosts_all": list(hosts), "hostvars": hosts})


def test_each_has_one_state_and_what_is_wrong_is_said(
    hosts: dict[str, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    result = run(hosts)
    assert not result.get("failed")
    text = capsys.readouterr().out
    rows = [re.split(r"  +", line.strip()) for line in text.splitlines() if line.startswith("  ")]
    states = {row[0]: row[-1] for row in rows if len(row) == 6}
    assert {host: state for host, state in states.items() if host != "away"} == {
        "fine": "saved",
        "open": "not encrypted",
        "late": "old",
        "torn": "damaged",
        "before": "none",
        "empty": "none",
        "nowhere": "refused",
        "typo": "refused",
    }
    assert result["not_saved"][:4] == ["late", "torn", "before", "empty"]
    assert result["states"]["saved"] == 1
    assert "nowhere: " in text and "no place for its snapshots" in " ".join(text.split())
    words = [line for line in text.splitlines() if "/" not in line]  # paths are not broken
    assert max(map(len, words)) <= 80


def test_ages_and_sizes_are_told(hosts: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    assert run(hosts, check=True, dest=str(path), format="json")["changed"]
    assert not path.exists()
    assert run(hosts, dest=str(path), format="json")["changed"]
    found = {one["host"]: one for one in json.loads(path.read_text())}
    fine = found["fine"]
    assert (fine["count"], fine["size"], fine["in_all"]) == (2, 2_000_500, 4_001_000)
    assert 3600 <= fine["age"] < 3700
    assert found["before"]["count"] == 0, (
        "what a restore took for itself is none that was asked for"
    )
    assert found["before"]["in_all"] == 2_000_500
