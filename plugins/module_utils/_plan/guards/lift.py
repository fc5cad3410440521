# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guards that `vcluster_allow` lifts, each by its own id."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ..._core.finding import Finding, refuse

# The rest protects data or fails anyway: lifting it would only move the failure to the cluster.
LIFTABLE = frozenset({"G02", "G07", "G14", "G20", "G38", "G60"})
# What is no guard, and is done only where it is allowed by its name.
VERBS = frozenset({"migrate"})


def allow_findings(allowed: Iterable[str]) -> list[Finding]:
    """Ids in `vcluster_allow` that lift nothing."""
    return [
        refuse(
            "spec",
            f"vcluster_allow names {guard}, which cannot be lifted.",
            "",
            f"Liftable: {', '.join(sorted(LIFTABLE | VERBS))}.",
        )
        for guard in sorted(set(allowed) - LIFTABLE - VERBS)
    ]


def lifted(findings: Iterable[Finding], allowed: Iterable[str]) -> tuple[Finding, ...]:
    """The findings with the refusals of allowed guards turned into warnings."""
    consent = LIFTABLE & set(allowed)
    return tuple(
        replace(finding, severity="warn", way_out=f"Lifted by vcluster_allow: [{finding.guard}].")
        if finding.severity == "refuse" and finding.guard in consent
        else finding
        for finding in findings
    )
