# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a guard looks at: values as the templates see them, now and then."""

from __future__ import annotations

from typing import Any

import pytest
from paper import NOTHING, chart, plane, spec

from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.guards.case import Case

SIZE = ("controlPlane", "statefulSet", "persistence", "volumeClaim", "size")


def case(live: dict[str, Any], values: dict[str, Any]) -> Case:
    return Case(spec(), NOTHING, chart(), live, values, None, None, None)


@pytest.mark.parametrize(
    ("live", "values", "changed"),
    [
        ({}, {}, False),
        ({}, plane(*SIZE[1:], value="5Gi"), False),
        (plane(*SIZE[1:], value="5Gi"), {}, False),
        (plane(*SIZE[1:], value="8Gi"), {}, True),
        ({}, plane(*SIZE[1:], value=None), True),
    ],
)
def test_a_value_said_as_the_chart_has_it_is_no_change(
    live: dict[str, Any], values: dict[str, Any], changed: bool
) -> None:
    assert case(live, values).changed(SIZE) is changed


def test_a_value_comes_from_the_chart_where_nobody_said_one() -> None:
    assert case({}, {}).value(SIZE) == "5Gi"
    assert case({}, plane(*SIZE[1:], value="8Gi")).value(SIZE) == "8Gi"
    assert case({}, plane(*SIZE[1:], value=None)).value(SIZE, "none") == "none"
