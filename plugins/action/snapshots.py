# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action `snapshots`: all hosts of the play at once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from ansible.utils.display import Display

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.snapshot_list import (
    STATES,
    listed,
    listed_data,
    listed_table,
)
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._fleet import asked_of
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._fleet_action import FleetAction

display = Display()
FORMATS = {
    "table": lambda found: listed_table(found) + "\n",
    "json": lambda found: json.dumps(listed_data(found), indent=1) + "\n",
}
ARGUMENTS = {
    "format": {"type": "str", "choices": list(FORMATS), "default": "table"},
    "dest": {"type": "path"},
}


class ActionModule(FleetAction):
    """Lists what every vCluster of the play has. One whose target cannot be read is data, never a failure."""

    argument_spec = ARGUMENTS

    def fleet(self, options: Mapping[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        context = Context(check=True, warn=display.warning)
        with closing(context):
            found = listed(asked_of(variables, context).entries, context, datetime.now(UTC))
        text = context.secrets.mask(FORMATS[options["format"]](found))
        counts = Counter(one.state for one in found)
        return {
            **self.show(text, options["dest"]),
            "states": {state: counts[state] for state in STATES if counts[state]},
            "not_saved": [one.host for one in found if one.state not in ("saved", "not encrypted")],
        }
