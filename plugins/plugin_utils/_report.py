# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what Ansible knows of a run to the files of its report."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..module_utils._core.moments import moment_text
from ..module_utils._operate.report import Report, Seen, State, build_report, report_data
from ..module_utils._operate.report_markdown import report_markdown
from ._html import report_html
from ._inventory import plain
from ._runs import write_json, write_private
from ._waves import SOAK, halted_after, last_wave, outcome_of

NAMES = {"JSON": "report.json", "Markdown": "report.md", "HTML": "report.html"}


def report_of(
    hostvars: Mapping[str, Any],
    plan: Mapping[str, Any],
    command: str = "",
    state: State = "ended",
    started: frozenset[str] = frozenset(),
) -> Report:
    """The report of a run.

    Args:
        hostvars: With what the waves registered.
        plan: What the action `plan` returned.
        command: What goes on from here.
        started: Hosts whose turn came; they matter in a run that did not end.
    """
    content = json.loads(Path(plan["path"]).read_text())
    # Reading the variables of a host costs Ansible a millisecond: only of those that had something to do.
    busy = [host for hosts in plan.get("waves", {}).values() for host in hosts]
    found = {host: outcome_of(hostvars, host) for host in busy if host in hostvars}
    outcomes = {host: plain(outcome) for host, outcome in found.items() if outcome is not None}
    return build_report(
        content,
        Seen(
            outcomes,
            _halted(hostvars, plan, outcomes, state),
            command or command_line(sys.argv),
            str(plan.get("run") or ""),
            {wave: int(budget) for wave, budget in (plan.get("budgets") or {}).items()},
            _soaks(hostvars, {host: content["hosts"][host] for host in busy}),
            state,
            moment_text(datetime.now(UTC)),
            started,
            last_wave(plan),
        ),
    )


def _halted(
    hostvars: Mapping[str, Any],
    plan: Mapping[str, Any],
    outcomes: Mapping[str, Any],
    state: State,
) -> int:
    """The wave that broke its budget; in a run that did not end only of the waves that are over."""
    if state == "ended":
        return halted_after(hostvars, plan)
    waves: Mapping[str, Any] = plan.get("waves") or {}
    over = [int(wave) for wave, hosts in waves.items() if all(host in outcomes for host in hosts)]
    open_waves = [int(wave) for wave in waves if int(wave) not in over]
    return halted_after(hostvars, plan, min(open_waves)) if open_waves else 0


def _soaks(hostvars: Mapping[str, Any], hosts: Mapping[str, Any]) -> dict[int, Any]:
    """The soaks by wave: each is registered for the hosts it watched."""
    found: dict[int, Any] = {}
    for host, entry in hosts.items():
        soak = hostvars[host].get(SOAK) if host in hostvars else None
        if soak and host in (soak.get("watched") or ()):
            found.setdefault(int(entry["wave"]), plain(soak))
    return found


# Extra variables on the command line, also behind flags without a value; they may hold anything.
_EXTRA = re.compile(r"(-[bCDJkKv]*e|--e[a-z-]*=?)(.*)", re.DOTALL)


def command_line(arguments: Sequence[str]) -> str:
    """The command of this run, fit to be typed again; extra variables that stand in it are left out."""
    program = Path(arguments[0]).name if arguments else ""
    if program != "ansible-playbook":
        return "the same command"
    return " ".join([program, *_safe(arguments[1:])])


def _safe(arguments: Sequence[str]) -> Iterator[str]:
    rest = iter(arguments)
    for argument in rest:
        extra = _EXTRA.fullmatch(argument)
        if extra is None:
            yield shlex.quote(argument)
            continue
        option = extra[1].removesuffix("=")
        value = extra[2] or ("" if extra[1].endswith("=") else next(rest, ""))
        # A file is named by @; its content is its owner's affair.
        yield f"{option} {shlex.quote(value)}" if value.startswith("@") else f"{option} ..."


def write_report(folder: Path, report: Report) -> dict[str, str]:
    """Write all forms of the report (0600), each in one step; the paths by kind."""
    files = {kind: folder / name for kind, name in NAMES.items()}
    drafts = {kind: path.with_name(f".{path.name}.{os.getpid()}") for kind, path in files.items()}
    write_json(drafts["JSON"], report_data(report))
    write_private(drafts["Markdown"], report_markdown(report))
    write_private(drafts["HTML"], report_html(report))
    for kind, path in files.items():
        drafts[kind].replace(path)
    return {kind: str(path) for kind, path in files.items()}
