# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action `silence`: whose alerts, when nobody's, and that the wave goes on whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest.mock import MagicMock

import pytest
from alertmanager_service import Service

from ansible_collections.fleetops.vcluster.plugins.action.silence import ActionModule


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.close()


def hosts(url: str, **more: Any) -> dict[str, dict[str, Any]]:
    plan = {
        "fleetops_plan": {"waves": {"1": ["a", "b", "bad"], "2": ["c"]}, "run": "r1"}
        | {"refused": {"bad": "why"}}
    }
    asked = {"vcluster_kubeconfig": "/k/hc1", "vcluster_silence": {"url": url}}
    return {name: {**plan, **asked, **more} for name in ("a", "b", "bad", "c")}


def run(variables: dict[str, Any], check: bool = False, **args: Any) -> dict[str, Any]:
    task = MagicMock(args={"wave": 1, **args}, async_val=0, check_mode=check)
    action = ActionModule(task, MagicMock(), MagicMock(), MagicMock(), MagicMock(), None)
    result = action.run(task_vars={"ansible_play_hosts_all": ["a"], "hostvars": variables})
    assert not result.get("failed")
    return dict(result)


def test_the_wave_is_silenced_and_what_was_refused_is_not(service: Service) -> None:
    variables = hosts(service.url)
    result = run(variables)
    assert result["changed"] is True
    (body,) = service.silences.values()
    assert [matcher["value"] for matcher in body["matchers"]] == [
        "a|b",
        r"vcluster\-a|vcluster\-b",
    ]
    assert body["comment"] == "fleetops.vcluster, run r1, wave 1"
    for variable in variables.values():
        variable["fleetops_silence"] = result
    assert run(variables, state="absent")["ended"] == [result["silences"][0]["id"]]
    assert service.silences == {}


def test_nothing_is_done_without_need(service: Service) -> None:
    assert run(hosts(service.url), check=True)["skipped"]
    without = hosts(service.url)
    for variables in without.values():
        del variables["vcluster_silence"]
    assert run(without)["skipped"]
    assert run(without, state="absent")["skipped"]
    assert service.asked == []


def test_an_alertmanager_that_is_away_holds_up_no_wave(service: Service) -> None:
    service.close()
    variables = hosts(service.url)
    result = run(variables)
    assert (result["changed"], result["silences"]) == (False, [])
    for variable in variables.values():
        variable["fleetops_silence"] = result
    assert run(variables, state="absent")["changed"] is False
