# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that only says its pods run: a hundred settled vClusters cost an API server, no kubelet.

The host cluster's own controllers and scheduler do the rest, so what the collection reads is what
they write.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import Api

NODE = "bench"
PERIOD = 2.0  # seconds; a node is given up after 40


class FakeNode(threading.Thread):
    """Registers the node, renews its lease and calls every pod that lands on it ready."""

    def __init__(self, api: Api) -> None:
        super().__init__(daemon=True)
        self._api = api
        self._ended = threading.Event()
        self._ready: set[str] = set()

    def run(self) -> None:
        capacity = {"cpu": "10k", "memory": "100Ti", "ephemeral-storage": "100Ti", "pods": "10k"}
        labels = {"kubernetes.io/hostname": NODE}
        self._api.create("/api/v1/nodes", {"metadata": {"name": NODE, "labels": labels}})
        conditions = [{"type": "Ready", "status": "True", "reason": "Bench"}]
        status = {"capacity": capacity, "allocatable": capacity, "conditions": conditions}
        self._api.merge(f"/api/v1/nodes/{NODE}/status", {"status": status})
        self._api.merge(f"/api/v1/nodes/{NODE}", {"spec": {"taints": None}})
        path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
        self._api.create(path, {"metadata": {"name": NODE}, "spec": self._lease()})
        while not self._ended.wait(PERIOD):
            self._api.merge(f"{path}/{NODE}", {"spec": self._lease()})
            for pod in self._api.list("/api/v1/pods", {"fieldSelector": f"spec.nodeName={NODE}"}):
                if pod["metadata"]["uid"] not in self._ready:
                    self._make_ready(pod)

    def end(self) -> None:
        """Stop; the node is then soon not ready."""
        self._ended.set()
        self.join(10)

    def _lease(self) -> dict[str, Any]:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        return {"holderIdentity": NODE, "leaseDurationSeconds": 40, "renewTime": now}

    def _make_ready(self, pod: dict[str, Any]) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        names = [container["name"] for container in pod["spec"]["containers"]]
        images = {c["name"]: c["image"] for c in pod["spec"]["containers"]}
        status = {
            "phase": "Running",
            "podIP": f"10.99.{len(self._ready) // 250}.{len(self._ready) % 250 + 1}",
            "startTime": now,
            "conditions": [
                {"type": kind, "status": "True", "lastTransitionTime": now}
                for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")
            ],
            "containerStatuses": [
                {
                    "name": name,
                    "image": images[name],
                    "imageID": "",
                    "ready": True,
                    "started": True,
                    "restartCount": 0,
                    "state": {"running": {"startedAt": now}},
                }
                for name in names
            ],
        }
        path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
        self._api.merge(f"{path}/status", {"status": status})
        self._ready.add(pod["metadata"]["uid"])
