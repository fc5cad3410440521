# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names that a vCluster can have."""

from __future__ import annotations

import pytest
from paper import spec

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import Refused


def test_g40_names_that_get_too_long() -> None:
    with pytest.raises(Refused) as refused:
        spec(name="a" * 47)
    assert {finding.guard for finding in refused.value.findings} == {"G40"}


@pytest.mark.parametrize("name", ["on", "y", "null", "123", "1e3"])
def test_g58_names_that_yaml_reads_as_something_else(name: str) -> None:
    with pytest.raises(Refused) as refused:
        spec(name=name)
    assert refused.value.findings[0].guard in ("G58", "spec")
