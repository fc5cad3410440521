# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays the StatefulSet controller where there is none: every changed template is rolled out at once.

It runs in the bench's own process, so none of it is counted.
"""

from __future__ import annotations

import threading

from simulated import rolled_out

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import ApiError
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import Api

PATH = "/apis/apps/v1/statefulsets"
WATCH = 5.0  # seconds of one watch; the end waits that long


class Settler(threading.Thread):
    """Watches the StatefulSets of one host cluster and writes their status."""

    def __init__(self, api: Api) -> None:
        super().__init__(daemon=True)
        self._api = api
        self._ended = threading.Event()
        self.settled = 0

    def run(self) -> None:
        version = self._api.get(PATH, {"limit": "1"})["metadata"]["resourceVersion"]
        while not self._ended.is_set():
            try:
                for event in self._api.watch(PATH, {"resourceVersion": version}, WATCH):
                    version = event["object"]["metadata"]["resourceVersion"]
                    self._settle(event["object"])
            except ApiError:  # the start is too old: from the present on
                version = self._api.get(PATH, {"limit": "1"})["metadata"]["resourceVersion"]

    def end(self) -> None:
        self._ended.set()
        self.join(2 * WATCH)

    def _settle(self, item: dict[str, object]) -> None:
        metadata, status = item["metadata"], item.get("status") or {}
        assert isinstance(metadata, dict) and isinstance(status, dict)
        if status.get("observedGeneration") == metadata["generation"]:
            return
        path = f"/apis/apps/v1/namespaces/{metadata['namespace']}/statefulsets/{metadata['name']}"
        self._api.merge(f"{path}/status", {"status": rolled_out(item, metadata["generation"])})
        self.settled += 1
