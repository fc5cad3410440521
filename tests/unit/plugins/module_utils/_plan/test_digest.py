# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What makes a proved vCluster another one, and what does not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import assume, given
from paper import Running, installed, said, spec, trees

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Applied
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.digest import (
    applied_digest,
    unchanged,
)


@given(trees)
def test_the_digest_knows_what_is_asked_for(raw: dict[str, Any]) -> None:
    seen = Running().seen()
    asked = spec(values=raw)
    assert applied_digest(asked, seen) == applied_digest(
        spec(values=json.loads(json.dumps(raw))), seen
    )
    assume(said(raw) != said({**raw, "telemetry": {"enabled": True}}))
    other = spec(values={**raw, "telemetry": {"enabled": True}})
    assert applied_digest(asked, seen) != applied_digest(other, seen)


def test_a_proved_vcluster_is_unchanged_until_somebody_touches_it() -> None:
    asked = spec()
    seen = installed(asked).seen()
    assert seen.release is not None
    applied = Applied(applied_digest(asked, seen), seen.release.revision)
    proved = replace(seen, release=replace(seen.release, applied=applied))
    assert unchanged(asked, proved)
    assert not unchanged(spec(values={"telemetry": {"enabled": False}}), proved)
    scaled = tuple(replace(w, replicas=3, ready=3, updated=3, total=3) for w in seen.workloads)
    assert not unchanged(asked, replace(proved, workloads=scaled))
    newer = replace(seen.release, revision=4, applied=applied)
    assert not unchanged(asked, replace(proved, release=newer)), (
        "G49: the label is another revision's"
    )
