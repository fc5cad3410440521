# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Leases: who leads, and since when nobody heard of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.leases import (
    age,
    leader_of,
)

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
BEFORE = {"creationTimestamp": "2026-11-24T11:00:00Z"}


@pytest.mark.parametrize(
    ("renewed", "seconds"),
    [
        ("2026-11-24T11:59:50.000000Z", 10.0),
        ("2026-11-24T11:59:50.500000Z", 9.5),
        ("2026-11-24T11:59:50Z", 10.0),
        ("2026-11-24T13:59:50.000000+02:00", 10.0),
        ("2026-11-24T12:00:30.000000Z", 0.0),
        (None, 3600.0),
    ],
)
def test_g55_an_age_is_taken_by_the_servers_clock_and_never_negative(
    renewed: str | None, seconds: float
) -> None:
    assert age({"metadata": BEFORE, "spec": {"renewTime": renewed}}, NOW) == seconds


@pytest.mark.parametrize(
    ("spec", "holder", "lasts", "fresh"),
    [
        ({"holderIdentity": "a-0", "leaseDurationSeconds": 15}, "a-0", 15, True),
        ({"holderIdentity": "a-0", "leaseDurationSeconds": 5}, "a-0", 5, False),
        ({"holderIdentity": "", "leaseDurationSeconds": 1}, "", 1, False),
        ({"holderIdentity": None}, "", 60, True),
        ({}, "", 60, True),
    ],
)
def test_g31_a_lease_that_was_given_up_has_no_holder(
    spec: dict[str, Any], holder: str, lasts: int, fresh: bool
) -> None:
    renewed = {"renewTime": "2026-11-24T11:59:50.000000Z"}
    found = leader_of({"metadata": BEFORE, "spec": {**renewed, **spec}}, NOW)
    assert (found.holder, found.lasts, found.age, found.fresh) == (holder, lasts, 10.0, fresh)
