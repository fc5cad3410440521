# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Certificates that end soon are renewed by a restart (G36)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from .._core.observation import Observation
from .._core.plan import Kind, Step
from .._core.spec import Spec
from .disruption import hop_cost


def due(spec: Spec, observation: Observation) -> bool:
    """Whether the first certificate ends within the days that are asked for, by the host cluster's clock (G55)."""
    ends, now = observation.certificates_end, observation.seen_at
    return ends is not None and now is not None and ends_soon(spec, ends, now)


def ends_soon(spec: Spec, ends: datetime, now: datetime) -> bool:
    """Whether a certificate is one to be renewed."""
    return bool(spec.renew_before) and ends - now <= timedelta(days=spec.renew_before)


def renewal_steps(spec: Spec, observation: Observation, version: str) -> Iterator[Step]:
    """The step that renews them, where that is due.

    Args:
        observation: A complete one.
        version: Of the chart that runs.
    """
    first = observation.certificates.first
    if first is None or not due(spec, observation):
        return
    entry, ends = first
    etcd = observation.workload("etcd")
    cost = hop_cost(observation.workload("control_plane"), etcd.replicas if etcd else 0)
    reason = f"certificate {entry} ends on {ends:%Y-%m-%d}"
    yield Step(Kind.RENEW, reason, disruption=cost, version=version)
