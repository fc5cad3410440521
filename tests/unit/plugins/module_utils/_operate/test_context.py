# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets and the edges of the engine."""

from __future__ import annotations

from typing import Any

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import Locked, Refused
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.finding import refuse
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import (
    Context,
    Secrets,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.door import answer
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.options import spec_of


def test_g38_known_secrets_are_masked_wherever_they_stand() -> None:
    secrets = Secrets()
    secrets.learn({"a": ["deep-secret"]}, None, 5)
    masked = secrets.mask({"msg": "x deep-secret y", "list": ["deep-secret"]})
    assert "deep-secret" not in str(masked)


def test_a_text_too_short_to_be_a_secret_masks_nothing() -> None:
    secrets = Secrets()
    secrets.learn("ab")
    assert secrets.mask("about") == "about"


def test_progress_and_warnings_are_masked() -> None:
    said: list[str] = []
    context = Context(progress=said.append)
    context.secrets.learn("deep-secret")
    context.say("helm says deep-secret")
    assert "deep-secret" not in said[0]


def test_a_spec_teaches_its_token_and_its_vaulted_values() -> None:
    context = Context()
    spec_of(
        {
            "name": "t",
            "api_host": "https://h",
            "api_token": "t0ken-text",
            "values": {"a": [{"b": "vaulted-text"}]},
            "secret_paths": ["/a/0/b", "/gone"],
        },
        context,
    )
    masked = context.secrets.mask("t0ken-text vaulted-text")
    assert "t0ken-text" not in masked
    assert "vaulted-text" not in masked


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
    result = answer(broken, {}, Context(), ["deep-secret"], traces.append)
    assert "Traceback" in traces[0]
    assert "deep-secret" not in traces[0] + str(result)
