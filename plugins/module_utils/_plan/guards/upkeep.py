# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guards on the care of a store: what is not there, or is being worked on, is left alone."""

from __future__ import annotations

from ..._core.finding import Finding, refuse
from ..._core.observation import Observation
from ..._core.spec import Spec


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
