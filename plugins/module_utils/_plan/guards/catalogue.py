# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All guards that look at a planned vCluster. Names and types are checked before, in `_plan.inventory`."""

from __future__ import annotations

from ..._core.finding import Finding
from .autoscaling import AUTOSCALING_GUARDS
from .case import Case, Guard
from .chart_values import VALUE_GUARDS
from .lift import lifted
from .place import PLACE_GUARDS
from .stores import STORE_GUARDS
from .versions import VERSION_GUARDS

GUARDS: tuple[Guard, ...] = (
    *PLACE_GUARDS,
    *VERSION_GUARDS,
    *STORE_GUARDS,
    *VALUE_GUARDS,
    *AUTOSCALING_GUARDS,
)


def findings_of(case: Case) -> tuple[Finding, ...]:
    """What every guard has to say, in a stable order; `vcluster_allow` has turned refusals into warnings."""
    found = [finding for guard in GUARDS for finding in guard(case)]
    return lifted(found, case.spec.allow)
