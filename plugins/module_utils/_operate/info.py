# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine of module `control_plane_info`: what is there, read only."""

from __future__ import annotations

from dataclasses import asdict

from .._core.observation import Pod
from .._core.ports import HostCluster
from .._core.spec import Spec
from .._plan.mask import mask
from .context import Context
from .door import Arguments, Result
from .options import spec_of
from .pods import look
from .render import live_as_data


def run_info(arguments: Arguments, context: Context) -> Result:
    """Observe one vCluster in full and say what is there, secrets masked."""
    spec = spec_of(arguments, context)
    host = context.host(spec.access)
    observation = host.observe(spec)
    release = observation.release
    exists = release is not None or bool(observation.workloads)
    values = dict(release.values or {}) if release else {}
    info = {
        "name": spec.name,
        "namespace": spec.namespace,
        "cluster": spec.cluster,
        "exists": exists,
        **live_as_data(observation),
        "chart_version": release.chart_version if release else None,
        "migration": observation.migration.as_data if observation.migration else None,
        "values": mask(values, spec.secret_paths),
        "pods": [asdict(pod) for pod in _pods(spec, host)] if exists else [],
        "claims": [asdict(claim) for claim in observation.claims],
    }
    return {"changed": False, "exists": exists, "control_plane": info}


def _pods(spec: Spec, host: HostCluster) -> tuple[Pod, ...]:
    """All of them, also those that have ended."""
    live = look(host.api, spec)
    return (*live.pods, *live.aside)
