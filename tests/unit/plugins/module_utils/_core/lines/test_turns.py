# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A value is turned exactly, or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.lines.turns import (
    TURNS,
    NotExact,
)


@pytest.mark.parametrize(
    ("turn", "value", "turned"),
    [
        ("same", "24h", "24h"),
        ("same", [{"ports": []}], [{"ports": []}]),
        ("seconds", 3600, "3600s"),
        ("on", True, None),
        ("off", False, None),
        ("off", "", None),
        ("off", None, None),
        ("off", {"enabled": False, "schedule": "0 3 * * *"}, None),
        ("off", {"schedule": "0 3 * * *"}, None),
        ("drop", "auto", None),
    ],
)
def test_g17_a_value_is_turned(turn: str, value: Any, turned: Any) -> None:
    assert TURNS[turn](value) == turned


@pytest.mark.parametrize(
    ("turn", "value"),
    [
        ("seconds", 0),
        ("seconds", -5),
        ("seconds", True),
        ("seconds", "3600"),
        ("seconds", 1.5),
        ("on", False),
        ("on", "true"),
        ("on", None),
        ("off", True),
        ("off", "namespace"),
        ("off", {"enabled": True}),
    ],
)
def test_g17_a_value_that_does_not_fit_is_left(turn: str, value: Any) -> None:
    with pytest.raises(NotExact):
        TURNS[turn](value)
