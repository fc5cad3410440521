# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action `proof`: all hosts of the play at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.utils.display import Display

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.metrics import (
    proof_openmetrics,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.proofs import (
    proofs_text,
    prove_all,
    span_of,
)
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._files import publish
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._fleet import asked_of
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._fleet_action import FleetAction
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._runs import (
    PROOF_FILE,
    base_folder,
    new_run,
    write_json,
)

display = Display()
ARGUMENTS = {
    "due": {"type": "str"},
    "concurrency": {"type": "int", "default": 10},
    "directory": {"type": "path"},
    "dest": {"type": "path"},
}


class ActionModule(FleetAction):
    """Proves every vCluster of the play in this one process. One that fails is data, never a failure of this task."""

    argument_spec = ARGUMENTS

    def fleet(self, options: Mapping[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        due = span_of(options["due"]) if options.get("due") else None
        if options.get("due") and due is None:
            raise AnsibleActionFail(
                f"due is {options['due']!r}; it is a span such as 90s, 30m, 24h or 7d"
            )
        context = Context(check=self._task.check_mode, warn=display.warning)
        entries = asked_of(variables, context).entries
        proofs = prove_all(entries, context, options["concurrency"], due)
        display.display(context.secrets.mask(proofs_text(proofs)))
        folder = new_run(Path(options["directory"] or base_folder()))
        write_json(folder / PROOF_FILE, context.secrets.mask(dict(proofs.results)))
        changed = False
        if options["dest"]:
            text = proof_openmetrics(proofs.results, entries)
            changed = publish(Path(options["dest"]), text, check=self._task.check_mode).changed
        return {
            "changed": changed,
            "failures": context.secrets.mask(proofs.failed),
            "not_due": list(proofs.not_due),
            "path": str(folder / PROOF_FILE),
        }
