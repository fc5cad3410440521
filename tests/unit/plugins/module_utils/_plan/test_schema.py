# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The chart's own schema, asked before Helm is."""

from __future__ import annotations

from typing import Any

import pytest
from paper import NOTHING, chart, refusing, spec

from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        ({"nosuch": {}}, ""),
        ({"nosuch": 1}, "/nosuch"),
        ({"telemetry": {"enable": True}}, "/telemetry/enable"),
        ({"telemetry": {"enabled": "yes"}}, "/telemetry/enabled"),
    ],
)
def test_g17_the_charts_schema_is_asked_first(raw: dict[str, Any], place: str) -> None:
    found = plan(spec(values=raw), NOTHING, chart())
    assert refusing(found) == ({"G17"} if place else set())
    assert place in "".join(finding.what for finding in found.refusals)


def test_g17_a_key_that_went_names_what_to_do() -> None:
    raw = {"sleepMode": {"enabled": True}}
    found = plan(spec(values=raw), NOTHING, chart())
    assert refusing(found) == {"G17"}
    assert "sleep" in found.refusals[0].way_out
