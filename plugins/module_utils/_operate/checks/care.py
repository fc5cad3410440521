# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the store is due for care; that is for `maintenance` to do, so it is a warning at most (G43, G44)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..._core.check import CheckResult, Status
from ..care import looked_at
from .scene import Scene, Verdict, run


def checks(scene: Scene) -> Iterator[CheckResult]:
    """`store_care`: size against what bounds it, growth, and what is due.

    Its facts: `used` (bytes), `care` (what is due, in words).
    """
    facts: dict[str, str] = {}
    result = run("store_care", lambda: _care(scene, facts))
    # Whoever cannot be asked fails other checks; that nobody tells how full the store is fails none.
    status: Status = "warn" if result.status == "fail" else result.status
    yield replace(result, status=status, facts=facts)


def _care(scene: Scene, facts: dict[str, str]) -> Verdict:
    release = scene.observation.release
    if release is None or release.values is None:
        return "skip", "there is no release to tell the store"
    found = looked_at(scene.spec, scene.observation, scene.live.pods, scene.reach, scene.host.now)
    if found is None:
        return "skip", "the store tells nothing of its size from here"
    if not found.condition.parts:
        return "skip", f"{found.words}: {found.condition.trouble}"
    facts |= {"used": str(found.condition.used), "care": found.due.words}
    if not found.due.words:
        return "pass", found.words
    return "warn", f"{found.words}; due: {found.due.words}"
