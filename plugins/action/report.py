# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action `report`: what a run planned and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.report_text import (
    report_text,
)
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._report import (
    report_of,
    write_report,
)
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._waves import plan_of

display = Display()


class ActionModule(ActionBase):
    """Writes the report beside the plan file, as JSON, Markdown and HTML (0600), and prints it."""

    BYPASS_HOST_LOOP = True
    _VALID_ARGS = frozenset({"command"})

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        result: dict[str, Any] = super().run(None, task_vars)
        hostvars = (task_vars or {})["hostvars"]
        plan = plan_of(hostvars)
        if not plan:
            return {**result, "changed": False, "skipped": True, "msg": "There was no plan."}
        report = report_of(hostvars, plan, str(self._task.args.get("command") or ""))
        files = write_report(Path(plan["path"]).parent, report)
        display.display(report_text(report, files))
        return {
            **result,
            "changed": False,
            "failed_hosts": [line.host for line in report.failures],
            "not_reached": [line.host for line in report.left],
            **{kind.lower(): path for kind, path in files.items()},
        }
