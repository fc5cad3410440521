# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A vCluster with embedded etcd on paper: its replicas are its members."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from paper import NOTHING, by_hand, chart, installed, spec

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Claim,
    Observation,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.plan import (
    Plan,
    Step,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.planner import plan

EMBEDDED = {"type": "etcd_embedded"}
TELEMETRY = {"telemetry": {"enabled": False}}


def asking(replicas: int | None, **more: Any) -> Spec:
    return spec(**{"store": EMBEDDED, "replicas": replicas, **more})


def claims(*ordinals: int) -> tuple[Claim, ...]:
    return tuple(Claim(f"data-tenant-a-{n}", "5Gi", "standard", "Bound") for n in ordinals)


def running(replicas: int, **more: Any) -> Observation:
    """So many replicas after the last step of their install."""
    asked = asking(replicas, **more)
    values = plan(asked, NOTHING, chart()).steps[-1].values or {}
    found = replace(installed(asked, replicas=replicas), values=values)
    return found.seen(claims=claims(*range(replicas)))


def scaled_by_hand(seen: Observation, count: int) -> Observation:
    """A StatefulSet leaves the claims of pods that go."""
    pods = {"replicas": count, "ready": count, "updated": count, "total": count}
    return replace(by_hand(seen, **pods), claims=claims(*range(max(count, len(seen.claims)))))


def cut_off(seen: Observation, asked: int, status: str = "pending-upgrade") -> Observation:
    """With a revision of so many replicas that Helm did not finish, whatever it changed."""
    begun = running(asked).release
    assert begun
    return replace(seen, release=replace(begun, status=status, revision=4))


def ill(seen: Observation, ready: int) -> Observation:
    return by_hand(seen, ready=ready)


def count_in(step: Step) -> int:
    section = (step.values or {})["controlPlane"]["statefulSet"]["highAvailability"]
    return int(section["replicas"])


def said(found: Plan) -> list[tuple[str, int | None]]:
    """The kinds, with the count of replicas that Helm is run with."""
    return [(s.kind.value, count_in(s) if s.values is not None else None) for s in found.steps]
