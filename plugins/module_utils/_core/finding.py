# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A finding: what a guard has to say about one vCluster."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["refuse", "warn"]


@dataclass(frozen=True)
class Finding:
    """One remark of a guard.

    Attributes:
        guard: Id of the guard (`G01` ...), or `spec` for plain mistakes in the variables.
        severity: `refuse` ends the plan, `warn` is shown and the plan goes on.
        what: The fact, naming the variable or object and its value.
        why: What would happen otherwise.
        way_out: What to change. Names `vcluster_allow: [ID]` where the guard may be lifted.
    """

    guard: str
    severity: Severity
    what: str
    why: str = ""
    way_out: str = ""

    def __str__(self) -> str:
        text = " ".join(part for part in (self.what, self.why, self.way_out) if part)
        return f"{self.guard}: {text}"


def refuse(guard: str, what: str, why: str = "", way_out: str = "") -> Finding:
    """A finding that ends the plan."""
    return Finding(guard, "refuse", what, why, way_out)


def warn(guard: str, what: str, why: str = "", way_out: str = "") -> Finding:
    """A finding that is shown while the plan goes on."""
    return Finding(guard, "warn", what, why, way_out)


def refusals(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Those that end the plan."""
    return tuple(finding for finding in findings if finding.severity == "refuse")
