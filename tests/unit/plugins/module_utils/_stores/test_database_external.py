# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A database outside of the vCluster: seen, named and left alone."""

from __future__ import annotations

from typing import Any

import pytest
from members import reach, spec

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Observation
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.registry import (
    checks,
    store_in,
)


def database(**external: Any) -> dict[str, Any]:
    section = {"enabled": True, **external}
    return {"controlPlane": {"backingStore": {"database": {"external": section}}}}


@pytest.mark.parametrize(
    ("values", "refused"),
    [
        (database(dataSource="aurora"), []),
        (database(connector="mine"), []),
        (database(dataSource=""), ["G59"]),
        (database(), ["G59"]),
    ],
)
def test_g33_g59_what_a_licensed_store_lacks_is_told(
    values: dict[str, Any], refused: list[str]
) -> None:
    found = store_in(values)
    findings = found.findings(values)
    assert found.type == "database_external"
    assert [f.guard for f in findings if f.severity == "warn"] == ["G33"]
    assert [f.guard for f in findings if f.severity == "refuse"] == refused


def test_g03_another_connector_is_another_store() -> None:
    one, other = database(connector="one"), database(connector="other")
    assert store_in(one).identity(one) != store_in(other).identity(other)
    assert not store_in(one).change_findings(one, other)


def test_it_is_proved_by_nothing_here_and_says_so() -> None:
    values = database(connector="mine")
    (found,) = checks(spec(), Observation(), [], reach({}), values)
    assert (found.id, found.status) == ("store", "skip")
    assert "database_external" in found.evidence
