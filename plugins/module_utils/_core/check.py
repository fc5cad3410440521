# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A check result: one line of the proof."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Status = Literal["pass", "warn", "fail", "skip"]


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check.

    Attributes:
        id: Stable name of the check, for example `etcd_members`.
        status: `skip` carries its reason in `evidence`.
        evidence: What was seen, naming the object (pod, member, lease).
        seconds: How long the check took.
        facts: What was read, for programs: `ends` of `certificates` (RFC 3339), `used` (bytes) and
            `care` (words) of `store_care`.
    """

    id: str
    status: Status
    evidence: str
    seconds: float = 0.0
    facts: Mapping[str, str] = field(default_factory=dict)


def failed(results: Iterable[CheckResult]) -> tuple[CheckResult, ...]:
    """The checks that failed."""
    return tuple(result for result in results if result.status == "fail")
