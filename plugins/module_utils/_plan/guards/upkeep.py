# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guards on the care of a store: what is not there, or is being worked on, is left alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..._core.care import MARGIN
from ..._core.finding import Finding, refuse
from ..._core.observation import Observation
from ..._core.spec import Spec

LEAST = {"free_mib": 0, "compaction_lag": MARGIN}


def care_findings(spec: Spec, observation: Observation) -> tuple[Finding, ...]:
    """It is there, and runs (G34)."""
    if observation.last_good is None:
        what = f"{spec.title} does not exist, so there is no store to care for."
        way_out = "Install it first: ansible-playbook fleetops.vcluster.site"
        return (refuse("spec", what, "", way_out),)
    if observation.paused:
        what = (
            f"{spec.title} is paused, sleeping or being restored (annotation {observation.paused})."
        )
        return (refuse("G34", what, "Its store does not run.", "Resume it first."),)
    return ()


def threshold_findings(options: Mapping[str, Any]) -> list[Finding]:
    """Thresholds that are numbers of what they are about."""
    shares = ("fragmentation", "full")
    findings = [
        refuse(
            "spec",
            f"vcluster_maintenance.{name} is {options[name]}: it is a percentage from 1 to 100.",
        )
        for name in shares
        if not 1 <= options.get(name, 1) <= 100
    ]
    return findings + [
        refuse(
            "spec", f"vcluster_maintenance.{name} is {value}: it is {LEAST.get(name, 1)} at least."
        )
        for name, value in options.items()
        if name not in (*shares, "allow_outage") and value < LEAST.get(name, 1)
    ]
