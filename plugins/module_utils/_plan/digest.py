# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Digests: of what was proved (the `applied` label), and of a plan."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, is_dataclass
from enum import Enum
from typing import Any

from .._core.observation import Observation, Workload
from .._core.spec import Spec
from .autoscaling import in_bounds
from .renewal import due

# Raise it when what is laid in by default changes: every vCluster is then compared in full once.
DEFAULTS_VERSION = 1
LENGTH = 20
ANY = -1  # as many replicas as an autoscaler likes

# How to get there, how long to wait, how to prove it and where to save it ask nothing of the vCluster itself.
_NOT_ASKED = frozenset(
    {"host", "cluster", "access", "limits", "allow", "proof", "rollback", "state", "secret_paths"}
    | {"renew_before", "hops", "snapshots", "maintenance", "move_from", "decision"}
)


def applied_digest(spec: Spec, observation: Observation) -> str:
    """What the label says of a proved revision: the spec, the referenced Secrets and the live workloads.

    Taken from the light pass alone, so that the next run recognises an unchanged vCluster without reading a release.
    """
    asked = {key: value for key, value in asdict(spec).items() if key not in _NOT_ASKED}
    workloads = [
        {
            "kind": workload.kind,
            "name": workload.name,
            "replicas": _replicas(spec, workload),
            "images": dict(workload.images),
            "hash": workload.config_hash,
        }
        for workload in sorted(observation.workloads, key=lambda found: (found.kind, found.name))
    ]
    return digest(
        {
            "defaults": DEFAULTS_VERSION,
            "spec": asked,
            "references": dict(observation.references),
            "workloads": workloads,
        }
    )


def _replicas(spec: Spec, workload: Workload) -> int:
    """How many are asked for: any count within the bounds of the autoscaler is (G10)."""
    asked = spec.autoscaling
    scaled = asked and asked.horizontal and workload.component == "control_plane"
    return ANY if scaled and in_bounds(spec, workload.replicas) else workload.replicas


def unchanged(spec: Spec, observation: Observation) -> bool:
    """Whether nothing differs from the last proof, and no certificate ends: then nothing is planned or read.

    The label counts only for its own revision: Helm copies labels into the next one (G49).
    """
    release = observation.release
    if release is None or release.applied is None or not release.finished:
        return False
    return (
        release.status == "deployed"
        and not observation.paused
        and not due(spec, observation)
        and bool(observation.workloads)
        and all(workload.settled for workload in observation.workloads)
        and release.applied.digest == applied_digest(spec, observation)
    )


def digest(content: Any) -> str:
    """The first 20 hex digits of the sha256 of the content as canonical JSON."""
    text = json.dumps(_plain(content), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]


def _plain(value: Any) -> Any:
    """JSON types only; sets and tuples as lists, in an order of their own."""
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): _plain(below) for key, below in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(_plain(below) for below in value)
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        return [_plain(below) for below in value]
    return value
