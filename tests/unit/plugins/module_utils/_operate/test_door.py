# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The edge of the engine: errors become results, and nothing secret leaves."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    Locked,
    Refused,
    Unreachable,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.finding import refuse
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import answer


def test_an_expected_error_is_a_result_with_its_outcome() -> None:
    def locked(arguments: Any, context: Any) -> dict[str, Any]:
        raise Locked("held by x.", "Wait.")

    result = answer(locked, {}, Context())
    assert result == {
        "failed": True,
        "changed": False,
        "outcome": "locked",
        "msg": "held by x. Wait.",
    }


def test_a_refusal_brings_its_findings() -> None:
    def refused(arguments: Any, context: Any) -> dict[str, Any]:
        raise Refused((refuse("G01", "what", "why", "out"),))

    found = answer(refused, {}, Context())["findings"]
    assert found == [
        {"guard": "G01", "severity": "refuse", "what": "what", "why": "why", "way_out": "out"}
    ]


def test_the_traceback_of_a_defect_goes_to_the_trace_only_and_is_masked() -> None:
    def broken(arguments: Any, context: Any) -> dict[str, Any]:
        raise ValueError("bad deep-secret")

    traces: list[str] = []
    result = answer(broken, {}, Context(trace=traces.append), ["deep-secret"])
    assert "Traceback" in traces[0]
    assert "ValueError" in result["msg"] and "(test_door.py:" in result["msg"]
    assert "deep-secret" not in traces[0] + str(result)


def test_g38_a_secret_of_the_arguments_is_masked_in_results_and_expected_errors() -> None:
    def leaks(arguments: Any, context: Any) -> dict[str, Any]:
        return {"changed": False, "seen": [{"deep": arguments["token"]}]}

    def fails(arguments: Any, context: Any) -> dict[str, Any]:
        raise Unreachable(f"401 for {arguments['token']}")

    for engine in (leaks, fails):
        result = answer(engine, {"token": "deep-secret"}, Context(), ["deep-secret"])
        assert "deep-secret" not in str(result)


def test_what_the_engine_learns_on_its_way_is_masked_too() -> None:
    def learns(arguments: Any, context: Any) -> dict[str, Any]:
        context.secrets.learn("deep-secret")
        raise ValueError("deep-secret")

    traces: list[str] = []
    result = answer(learns, {}, Context(trace=traces.append))
    assert "deep-secret" not in traces[0] + str(result)
    assert result["outcome"] == "failed"


def test_an_interrupt_is_nobodys_result() -> None:
    def interrupted(arguments: Any, context: Any) -> dict[str, Any]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        answer(interrupted, {}, Context())
