# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action `status`: all hosts of the play at once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.utils.display import Display

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.metrics import openmetrics
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.plan_fleet import (
    plan_fleet,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.status import (
    STATES,
    Status,
    status_data,
    status_of,
    status_table,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.verbs import LOOK
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._fleet import asked_of
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._fleet_action import FleetAction

display = Display()
FORMATS = {
    "table": lambda found: status_table(found) + "\n",
    "json": lambda found: json.dumps(status_data(found), indent=1) + "\n",
    "openmetrics": openmetrics,
}
ARGUMENTS = {
    "format": {"type": "str", "choices": list(FORMATS), "default": "table"},
    "dest": {"type": "path"},
}


class ActionModule(FleetAction):
    """Looks at every vCluster of the play. One that cannot be looked at is data, never a failure of this task."""

    argument_spec = ARGUMENTS

    def fleet(self, options: Mapping[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        context = Context(check=True, warn=display.warning)
        fleet = plan_fleet(asked_of(variables, context).entries, context, LOOK)
        found = [status_of(entry) for entry in fleet.entries]
        text = context.secrets.mask(FORMATS[options["format"]](found))
        return {**self.show(text, options["dest"]), **_counts(found)}


def _counts(found: Sequence[Status]) -> dict[str, Any]:
    """The result: small, because it is kept for every host of the play and may be printed."""
    counts = Counter(status.state for status in found)
    return {
        "states": {state: counts[state] for state in STATES if counts[state]},
        "not_well": [status.host for status in found if status.state != "proved"],
    }
