# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters that the plays name."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from ansible_collections.fleetops.vcluster.plugins.filter.waves import FilterModule

ROOT = Path(__file__).resolve().parents[4]


def test_every_filter_is_documented() -> None:
    for name in FilterModule().filters():
        page = yaml.safe_load((ROOT / "plugins" / "filter" / f"{name}.yml").read_text())
        assert page["DOCUMENTATION"]["name"] == name


def test_the_playbooks_name_filters_that_there_are() -> None:
    named = {
        found
        for path in (ROOT / "playbooks").glob("*.yml")
        for found in re.findall(r"\| fleetops\.vcluster\.(\w+)", path.read_text())
    }
    assert named == set(FilterModule().filters())


def test_a_wave_without_plan_is_empty() -> None:
    assert FilterModule().filters()["wave_hosts"]({}, 1) == []
