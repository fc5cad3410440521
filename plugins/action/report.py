# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action `report`: what a run planned and what came of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.report import (
    Report,
    build_report,
    report_data,
    report_text,
)
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._html import report_html
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._inventory import plain
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._runs import (
    write_json,
    write_private,
)
from ansible_collections.fleetops.vcluster.plugins.plugin_utils._waves import (
    halted_after,
    outcome_of,
    plan_of,
)

display = Display()


class ActionModule(ActionBase):
    """Writes the report beside the plan file, as JSON and HTML (0600), and prints it."""

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
        report = self._report(hostvars, plan)
        folder = Path(plan["path"]).parent
        files = {"JSON": str(folder / "report.json"), "HTML": str(folder / "report.html")}
        write_json(Path(files["JSON"]), report_data(report))
        write_private(Path(files["HTML"]), report_html(report))
        display.display(report_text(report, files))
        return {
            **result,
            "changed": False,
            "failed_hosts": [line.host for line in report.failures],
            "not_reached": [line.host for line in report.left],
            "json": files["JSON"],
            "html": files["HTML"],
        }

    def _report(self, hostvars: Mapping[str, Any], plan: Mapping[str, Any]) -> Report:
        content = json.loads(Path(plan["path"]).read_text())
        found = {host: outcome_of(hostvars, host) for host in content["hosts"] if host in hostvars}
        outcomes = {host: plain(outcome) for host, outcome in found.items() if outcome is not None}
        command = str(self._task.args.get("command") or "the same command")
        return build_report(content, outcomes, halted_after(hostvars, plan), command)
