# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Helm's error texts, reworded so that the cause comes first."""

from __future__ import annotations

from .._core.errors import HelmError

_WAYS_OUT = (
    (
        "another operation (install/upgrade/rollback) is in progress",
        "An earlier run was cut off; plan again, the plan then begins with a repair.",
    ),
    (
        "cannot re-use a name that is still in use",
        "Plan again: a release of that name appeared meanwhile.",
    ),
    (
        "invalid ownership metadata",
        "The object exists and belongs to somebody else; remove it or choose another namespace.",
    ),
    ("is forbidden", "Grant the right, see the minimal ClusterRole in the documentation."),
    (
        "no chart version found",
        "Check vcluster_version against the versions that the chart repository holds.",
    ),
    (
        "is not a valid chart repository",
        "Check vcluster_chart: it must be the address of a chart repository.",
    ),
    ("no such host", "Check vcluster_chart and the network: its host name cannot be resolved."),
    ("connection refused", "Check that the server is up and its address is right."),
    (
        "no matches for kind",
        "The host cluster lacks a resource type that the values ask for; install it first.",
    ),
)


def explain(command: list[str], output: str) -> HelmError:
    """The error of a failed command.

    Helm prints warnings, then `Error: ...`. For values that break the schema, its first line is generic and the
    causes follow, one a line.
    """
    lines = [line.strip() for line in output.strip().splitlines() if line.strip()]
    text = _schema_causes(lines) or _error_lines(lines) or "no output"
    subject = (
        " ".join(command[:2]) if len(command) > 1 and not command[1].startswith("-") else command[0]
    )
    way_out = next((way for sign, way in _WAYS_OUT if sign in text), "")
    return HelmError(f"helm {subject} failed: {text}", way_out)


def _schema_causes(lines: list[str]) -> str:
    if not any("meet the specifications of the schema" in line for line in lines):
        return ""
    causes = [
        line.removeprefix("- ").replace("at '':", "at the top:")
        for line in lines
        if line.startswith("- ")
    ]
    return "values the chart's schema refuses: " + "; ".join(causes) if causes else ""


def _error_lines(lines: list[str]) -> str:
    start = next((i for i, line in enumerate(lines) if line.startswith("Error: ")), None)
    if start is None:
        return " ".join(lines[-3:])
    return " ".join(lines[start:]).removeprefix("Error: ")
