# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report of a run that may end anywhere: written now and then, and once more when it ends without its report play."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..module_utils._operate.report import State
from ..module_utils._operate.report_text import report_text
from ._progress import Progress
from ._report import report_of, write_report
from ._waves import OUTCOME, PLAN, SOAK

PREFIX = "fleetops.vcluster."
TURNS = frozenset({"control_plane", "snapshot", "restore", "drill"})  # what a wave carries out
WATCHED = TURNS | {"plan", "soak", "report"}
# Seconds between two reports of a run that goes on. SIGTERM and SIGKILL let nobody write a last one.
PAUSE = 2.0
# Writing may take this share of the run's time, beside the end of each wave.
SHARE = 0.05


@dataclass
class _Run:
    """What is known of the run.

    Attributes:
        plan: What the action `plan` returned.
        progress: How far its waves are.
        hosts: What the waves registered, by host, as in `hostvars`.
        started: Hosts whose turn came.
        reported: The report play was here.
        due: When the next report is written, by the monotonic clock.
    """

    plan: Mapping[str, Any]
    progress: Progress
    hosts: dict[str, dict[str, Any]] = field(default_factory=dict)
    started: set[str] = field(default_factory=set)
    reported: bool = False
    due: float = 0.0

    def wave_is_over(self, host: str) -> bool:
        """Whether all of the host's wave have a result."""
        waves = (hosts for hosts in self.plan.get("waves", {}).values() if host in hosts)
        return any(all(OUTCOME in self.hosts.get(h, ()) for h in hosts) for hosts in waves)


class Recorder:
    """Keeps what the results of a run say, and writes it down."""

    def __init__(self) -> None:
        # Without a plan it is somebody's own playbook, or one that changes nothing.
        self._run: _Run | None = None

    def wants(self, action: str) -> bool:
        """Whether results of this action matter."""
        return action.startswith(PREFIX) and action.removeprefix(PREFIX) in WATCHED

    def started(self, action: str, host: str) -> None:
        """A host's task begins."""
        if self._run and action.removeprefix(PREFIX) in TURNS:
            self._run.started.add(host)
            self._run.progress.started(host)
            self._write_if_due(self._run)

    def finished(self, action: str, host: str, result: Mapping[str, Any]) -> str:
        """A host's task has a result; a line about the progress, if there is one to say."""
        name = action.removeprefix(PREFIX)
        if name == "plan" and "path" in result:
            self._run = _Run(dict(result), Progress(result))
        elif self._run:
            self._note(self._run, name, host, dict(result))
            if name in TURNS:
                return self._run.progress.finished(host, bool(result.get("failed")))
        return ""

    def _note(self, run: _Run, name: str, host: str, result: dict[str, Any]) -> None:
        if name == "report":
            run.reported = "failed_hosts" in result
        elif name in TURNS:
            run.hosts.setdefault(host, {})[OUTCOME] = result
            if run.wave_is_over(host):
                run.due = 0.0
            self._write_if_due(run)
        elif name == "soak":
            for watched in result.get("watched") or ():
                run.hosts.setdefault(watched, {})[SOAK] = result

    def _write_if_due(self, run: _Run) -> None:
        begin = time.monotonic()
        if begin >= run.due and not run.reported:
            self._write(run, "running")
            end = time.monotonic()
            run.due = end + max(PAUSE, (end - begin) / SHARE)

    def ended(self, state: State) -> str:
        """The run is over: its report as text, unless there is one already or nothing was begun."""
        if self._run is None or self._run.reported or not self._run.started:
            return ""
        self._run.reported = True
        return self._write(self._run, state)

    def _write(self, run: _Run, state: State) -> str:
        planned = (host for hosts in run.plan.get("waves", {}).values() for host in hosts)
        hosts = {host: {PLAN: run.plan, **run.hosts.get(host, {})} for host in planned}
        try:
            report = report_of(hosts, run.plan, state=state, started=frozenset(run.started))
            return report_text(report, write_report(Path(run.plan["path"]).parent, report))
        except OSError as error:
            # The run matters more than its report.
            return f"The report could not be written: {error}"
