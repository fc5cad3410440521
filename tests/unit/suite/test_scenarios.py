# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every scenario has vClusters: one without an inventory does nothing, and is green."""

from __future__ import annotations

from pathlib import Path

import yaml

SCENARIOS = Path(__file__).resolve().parents[3] / "molecule"
# Its vClusters are found, not written down.
FOUND = "adopt"


def test_every_scenario_has_an_inventory() -> None:
    (play,) = yaml.safe_load((SCENARIOS / "default" / "create.yml").read_text())
    fleets = play["vars"]["fleets"]
    named = {path.parent.name for path in SCENARIOS.glob("*/converge.yml")} - {FOUND}
    assert named == {name for name, hosts in fleets.items() if hosts}
