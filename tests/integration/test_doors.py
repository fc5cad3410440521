# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Both doors give the same result: the action in-process, and the module as it is shipped to another machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = [pytest.mark.lab]

CONNECTIONS = Path(__file__).parent / "connection_plugins"
ASKED = {
    "vcluster_version": "0.36.1",
    "vcluster_kubernetes_version": "1.36.3",
    "vcluster_store": {"type": "sqlite"},
}
# Differ between two runs of the same thing.
VOLATILE = {"seconds", "evidence", "used", "ansible_facts", "deprecations", "warnings", "exception"}


def results(fleet: Any, folder: Path, task: dict[str, Any], connection: str) -> dict[str, Any]:
    """What a task returns over a connection."""
    path = folder / f"{connection}.json"
    variables = {
        "ansible_connection": connection,
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
    }
    copy = {"content": "{{ result | to_json }}", "dest": str(path), "mode": "0600"}
    play = {
        "hosts": "it-sqlite",
        "gather_facts": False,
        "tasks": [
            {**task, "vars": variables, "register": "result", "ignore_errors": True},
            {"ansible.builtin.copy": copy, "check_mode": False, "connection": "local"},
        ],
    }
    playbook = folder / f"{connection}.yml"
    playbook.write_text(yaml.safe_dump([play]))
    fleet.play_file(playbook).succeeded()
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def stable(value: Any) -> Any:
    """The value without what differs from run to run."""
    if isinstance(value, dict):
        return {k: stable(v) for k, v in value.items() if k not in VOLATILE and k != "invocation"}
    if isinstance(value, list):
        return [stable(item) for item in value]
    return value


@pytest.mark.parametrize(
    "task",
    [
        {"fleetops.vcluster.control_plane": {"from_inventory": True}},
        {"fleetops.vcluster.control_plane": {"from_inventory": True, "replicas": 3}},
        {
            "fleetops.vcluster.control_plane": {
                "from_inventory": True,
                "values": {"telemetry": {"enabled": False}},
            },
            "check_mode": True,
            "diff": True,
        },
        {"fleetops.vcluster.control_plane_info": {"from_inventory": True}},
        {"fleetops.vcluster.verify": {"from_inventory": True}},
        {"fleetops.vcluster.verify": {"from_inventory": True, "context": "nobody"}},
        {"fleetops.vcluster.control_plane": {"name": "x", "store": {"type": "oracle"}}},
        {"fleetops.vcluster.backend_etcd": {"from_inventory": True, "etcd": {"members": 2}}},
        {"fleetops.vcluster.tls_secrets": {"namespace": "a b", "name": "x"}},
    ],
    ids=[
        "unchanged",
        "refused",
        "check",
        "info",
        "verify",
        "unreachable",
        "wrong-argument",
        "even",
        "certificates",
    ],
)
def test_both_doors_give_the_same_result(
    make_fleet: Any, tmp_path: Path, task: dict[str, Any]
) -> None:
    fleet = make_fleet({"hc1": {"it-sqlite": ASKED}})
    fleet.surroundings["ANSIBLE_CONNECTION_PLUGINS"] = str(CONNECTIONS)
    fleet.play("site").succeeded()
    assert stable(results(fleet, tmp_path, task, "local")) == stable(
        results(fleet, tmp_path, task, "elsewhere")
    )
