# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who changed what, in which run and why: written on the release itself, where the next person looks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._cluster.lock import person
from .._core.observation import OURS
from .._core.plan import Step
from .._core.ports import Note

# Label values of Kubernetes (apimachinery, validation): what does not fit stands in the description only.
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
PREFIX = "fleetops.vcluster/"
LONGEST = 400


@dataclass(frozen=True)
class Audit:
    """One run.

    Attributes:
        run: Its id, the name of its folder; empty outside a playbook with a plan.
        by: Who started it.
        reason: A ticket, or why in words.
    """

    run: str
    by: str
    reason: str

    def note(self, step: Step, digest: str) -> Note:
        """What goes with the revision that a step makes.

        Args:
            digest: Of the plan that is carried out.
        """
        parts = [f"{OURS}{step.kind.value} by {self.by}"]
        parts += [f"run {self.run}"] if self.run else []
        parts += [self.reason] if self.reason else []
        found = {"run": self.run, "plan": digest, "reason": self.reason}
        labels = {PREFIX + key: text for key, text in found.items() if _LABEL.fullmatch(text)}
        return Note(", ".join(parts)[:LONGEST], labels)


def audit_of(arguments: Mapping[str, Any]) -> Audit:
    """The audit of a module's arguments."""
    return Audit(
        arguments.get("run") or "", arguments.get("by") or person(), arguments.get("reason") or ""
    )
