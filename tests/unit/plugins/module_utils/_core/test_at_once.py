# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several are asked at the same time; an error of one is not lost."""

from __future__ import annotations

from threading import Barrier

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.at_once import at_once
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import FleetError


def test_all_are_asked_before_one_has_answered() -> None:
    together = Barrier(3, timeout=10)

    def question(number: int) -> int:
        together.wait()
        return number * number

    assert list(at_once({"c": 3, "a": 1, "b": 2}, question).items()) == [
        ("c", 9),
        ("a", 1),
        ("b", 4),
    ]
    assert at_once({}, question) == {}


def test_the_error_of_the_first_that_fails_is_raised_when_all_have_ended() -> None:
    ended = []

    def question(number: int) -> None:
        ended.append(number)
        if number > 1:
            raise FleetError(f"no answer from {number}")

    with pytest.raises(FleetError, match="no answer from 2"):
        at_once({"a": 1, "b": 2, "c": 3}, question)
    assert sorted(ended) == [1, 2, 3]
