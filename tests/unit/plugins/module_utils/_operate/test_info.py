# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is there, read only, with its secrets masked."""

from __future__ import annotations

from typing import Any

import pytest
from fakes import FakeHost, World

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import answer
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.info import run_info

ASKED = {"name": "tenant-a", "kubeconfig": "/k/hc1"}


def info(world: World, **more: Any) -> dict[str, Any]:
    context = Context(connect=lambda _access, _warn: FakeHost(world))
    result = answer(run_info, {**ASKED, **more}, context)
    assert result["changed"] is False
    assert world.log == []
    assert result["exists"] is result["control_plane"]["exists"]
    return dict(result["control_plane"])


def test_one_that_is_not_there_is_no_error() -> None:
    found = info(World())
    assert (found["exists"], found["release"], found["store"]) == (False, "absent", "")
    assert (found["pods"], found["claims"], found["values"]) == ([], [], {})


def test_what_runs_is_told(world: World) -> None:
    world.deploy("tenant-a", "0.36.1", {"telemetry": {"enabled": False}})
    found = info(world)
    assert (found["exists"], found["release"], found["revision"]) == (True, "deployed", 1)
    assert (found["chart_version"], found["version"]) == ("0.36.1", "0.36.1")
    assert (found["kubernetes"], found["replicas"], found["store"]) == ("1.36.0", "1/1", "sqlite")
    assert [pod["name"] for pod in found["pods"]] == ["tenant-a-0"]
    assert [claim["name"] for claim in found["claims"]] == ["data-tenant-a-0"]
    assert found["values"] == {"telemetry": {"enabled": False}}
    assert found["proved"] is False


def test_workloads_without_a_release_are_there(world: World) -> None:
    world.deploy("tenant-a", "0.36.1", {})
    world.releases.clear()
    found = info(world)
    assert (found["exists"], found["release"], found["chart_version"]) == (True, "absent", None)


@pytest.mark.parametrize("more", [{}, {"secret_paths": ["/controlPlane/plain"]}])
def test_g38_values_are_masked(world: World, more: dict[str, Any]) -> None:
    external = {"enabled": True, "dataSource": "mysql://u:s3cret-pass@db/x"}
    database = {"database": {"external": external}}
    plain = {"plain": "s3cret-pass"} if more else {}
    world.deploy("tenant-a", "0.36.1", {"controlPlane": {"backingStore": database, **plain}})
    found = info(world, **more)
    assert found["store"] == "mysql"
    assert "s3cret-pass" not in str(found)
