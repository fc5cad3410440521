# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a newer server may have written to the store, by the pods that are there."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Release,
    Workload,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Access, Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.way_back import newer_ran

OLD, NEW = "0.35.3", "0.36.1"


def pods(*told: tuple[str, bool, str]) -> list[dict[str, Any]]:
    """Pods of the control plane: the tag of the syncer, whether it is ready, the state of the container."""
    return [
        {
            "metadata": {"name": f"t-{n}", "uid": str(n), "labels": {"app": "vcluster"}},
            "spec": {
                "containers": [
                    {"name": "syncer", "image": f"mirror.example.net/vcluster-pro:{tag}"},
                    {"name": "sidecar", "image": f"proxy:{n}"},
                ]
            },
            "status": {
                "conditions": [{"type": "Ready", "status": str(ready)}],
                "containerStatuses": [{"name": "syncer", "state": {state: {}}}],
            },
        }
        for n, (tag, ready, state) in enumerate(told)
    ]


OLD_READY, OLD_AWAY = (OLD, True, "running"), (OLD, False, "waiting")
NEW_WAITS, NEW_RUNS = (NEW, False, "waiting"), (NEW, False, "running")


@pytest.mark.parametrize(
    ("told", "ran"),
    [
        # Another registry and an injected container make no newer pod.
        ([OLD_READY, OLD_READY], False),
        ([OLD_READY, OLD_READY, NEW_WAITS], False),
        ([NEW_WAITS], False),
        ([OLD_READY, NEW_RUNS], True),
        ([NEW_WAITS, (NEW, False, "terminated")], True),
        # One may have been and gone.
        ([OLD_READY], True),
        ([OLD_READY, OLD_AWAY], True),
        ([], True),
    ],
)
def test_g25_whether_a_newer_server_may_have_written(told: Any, ran: bool) -> None:
    images = {"syncer": f"ghcr.io/loft-sh/vcluster-pro:{OLD}"}
    plane = Workload("control_plane", "Deployment", "t", 2, images=images)
    base = Release(1, "superseded", workloads=(plane,))

    class Api:
        def get(self, _path: str, _query: Any) -> dict[str, Any]:
            return {"items": pods(*told)}

    api: Any = Api()
    assert newer_ran(api, Spec("t", "t", "vcluster-t", "hc1", Access()), base) is ran
