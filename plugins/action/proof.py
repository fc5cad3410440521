# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action `proof`: all hosts of the play at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.context import Context
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.proofs import (
    proofs_text,
    prove_all,
    span_of,
)
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._fleet import asked_of
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
}


class ActionModule(ActionBase):
    """Proves every vCluster of the play in this one process. One that fails is data, never a failure of this task."""

    BYPASS_HOST_LOOP = True

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        result: dict[str, Any] = super().run(None, task_vars)
        validation = ArgumentSpecValidator(ARGUMENTS).validate(dict(self._task.args))
        options = validation.validated_parameters
        errors = list(validation.error_messages)
        due = span_of(options["due"]) if options.get("due") else None
        if options.get("due") and due is None:
            errors.append(f"due is {options['due']!r}; it is a span such as 90s, 30m, 24h or 7d")
        if errors:
            raise AnsibleActionFail("; ".join(errors))
        context = Context(check=self._task.check_mode, warn=display.warning)
        entries = asked_of(task_vars or {}, context).entries
        proofs = prove_all(entries, context, options["concurrency"], due)
        display.display(context.secrets.mask(proofs_text(proofs)))
        folder = new_run(Path(options["directory"] or base_folder()))
        write_json(folder / PROOF_FILE, context.secrets.mask(dict(proofs.results)))
        return {
            **result,
            "changed": False,
            "failures": context.secrets.mask(proofs.failed),
            "not_due": list(proofs.not_due),
            "path": str(folder / PROOF_FILE),
        }
