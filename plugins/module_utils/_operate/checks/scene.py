# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the checks look at, and how one is run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ..._core.check import CheckResult, Status
from ..._core.errors import FleetError, defect
from ..._core.observation import Observation, Pod
from ..._core.ports import Api, Reach, Replica
from ..._core.spec import Spec
from ..pods import Live

Verdict = tuple[Status, str]


@dataclass(frozen=True)
class Scene:
    """One vCluster while it is being proved.

    Attributes:
        spec: What was asked.
        observation: What was observed before the checks.
        live: Workloads and pods now.
        host: The API of the host cluster.
        reach: Ways into the vCluster.
        replicas: The tenant's API at each ready control-plane pod, by pod name.
        unreached: The error of each replica that could not be reached.
        write: Whether the proof may write a ConfigMap in the tenant.
        unready: Why each of the replicas is not ready, asked through its own port-forward; empty when it is.
    """

    spec: Spec
    observation: Observation
    live: Live
    host: Api
    reach: Reach
    replicas: Mapping[str, Replica]
    unreached: Mapping[str, FleetError]
    write: bool = True
    unready: Mapping[str, str] = field(default_factory=dict)

    @property
    def planes(self) -> tuple[Pod, ...]:
        """The control-plane pods that are not going away."""
        return tuple(
            pod for pod in self.live.pods if pod.component == "control_plane" and not pod.deleting
        )


def run(check_id: str, check: Callable[[], Verdict]) -> CheckResult:
    """Run one check; an error on the way is a failure with its words, also one of ours: the others go on."""
    began = time.monotonic()
    try:
        status, evidence = check()
    except FleetError as error:
        status, evidence = "fail", str(error)
    except Exception as error:
        status, evidence = "fail", defect(error)
    return CheckResult(check_id, status, evidence, round(time.monotonic() - began, 3))


def all_of(problems: list[str], evidence: str) -> Verdict:
    """Pass with the evidence, or fail with the problems."""
    return ("fail", "; ".join(problems)) if problems else ("pass", evidence)
