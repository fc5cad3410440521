# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replace what kine's table on a server holds, in one transaction: a run that is cut off leaves all of the old."""

from __future__ import annotations

from .._core.databases import SqlDatabase
from .._core.ports import Json
from .refill import Refill

REPLICAS = "fleetops.vcluster/replicas"  # annotation: how many there were before they were stopped


def refill_table(namespace: str, kine: str, database: SqlDatabase, refill: Refill) -> None:
    """The table holds the data when this returns, and kine serves it.

    Args:
        kine: Name of its Deployment, which may not exist: the vendor's own runs within the control plane.
    """
    pods = _Kine(refill, f"/apis/apps/v1/namespaces/{namespace}/deployments/{kine}", kine)
    pods.stop()
    refill.say(f"filling {database.title}")
    with refill.content() as content:
        database.refill(content)
    refill.compare()
    pods.start()


class _Kine:
    """kine's Deployment."""

    def __init__(self, refill: Refill, path: str, name: str) -> None:
        self._refill, self._path, self._name = refill, path, name

    def stop(self) -> None:
        found = self._refill.api.find(self._path)
        if found is None:
            return
        asked = found["spec"].get("replicas", 1)
        if asked:
            self._refill.say("stopping kine, which remembers the revision")
            note = {"annotations": {REPLICAS: str(asked)}}
            self._refill.api.merge(self._path, {"metadata": note, "spec": {"replicas": 0}})
        self._refill.until(f"{self._name} to stop", lambda: not self._status().get("replicas"))

    def start(self) -> None:
        found = self._refill.api.find(self._path)
        if found is None:
            return
        asked = int((found["metadata"].get("annotations") or {}).get(REPLICAS, "2"))
        body = {"metadata": {"annotations": {REPLICAS: None}}, "spec": {"replicas": asked}}
        self._refill.api.merge(self._path, body)
        self._refill.until(
            f"{self._name} to serve", lambda: self._status().get("readyReplicas", 0) == asked
        )

    def _status(self) -> Json:
        status: Json = self._refill.api.get(self._path).get("status") or {}
        return status
