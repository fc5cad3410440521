# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tenant of the engine's tests, asked at each of its replicas."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from world import CERTIFICATES_END, NOW, RENEWED, World

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import Unreachable
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    Workload,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import (
    Json,
)


class TenantApi:
    """The API of one replica; all replicas serve the same objects unless told otherwise."""

    now = NOW

    def __init__(self, world: World, pod_name: str) -> None:
        self.world = world
        self.pod = pod_name
        names = ("localhost", "tenant-a.vcluster-tenant-a.svc")
        self.certificate = {
            "notAfter": CERTIFICATES_END.strftime("%b %d %H:%M:%S %Y GMT"),
            "subjectAltName": tuple(("DNS", name) for name in names),
        }

    def text(self, path: str, params: Any = None) -> str:
        if path == "/metrics":
            left = self.world.silent_after.get(self.pod, 1)
            if left < 1:
                raise Unreachable(f"Replica {self.pod} cannot be reached.")
            if self.pod in self.world.silent_after:
                self.world.silent_after[self.pod] = left - 1
            return self.world.metrics
        newest = self.world.newest
        broken = (
            self.world.broken_when is not None
            and newest
            and newest.values == self.world.broken_when
        )
        return "[-]etcd failed" if broken else "ok"

    def get(self, path: str, params: Any = None) -> Json:
        if path.endswith("/leases"):
            return {
                "items": [
                    self._identity(w, n) for w in self.world.workloads for n in range(w.replicas)
                ]
            }
        if path.endswith("/configmaps"):
            return {"metadata": {"resourceVersion": "1"}}
        return {"metadata": {"uid": "one-store"}}

    def _identity(self, item: Workload, number: int) -> Json:
        labels = {"kubernetes.io/hostname": f"{item.name}-{number}"}
        return {"metadata": {"labels": labels}, "spec": {"renewTime": RENEWED}}

    def find(self, path: str) -> Json | None:
        return self.world.tenant.get(path)

    def create(self, path: str, body: Json) -> Json:
        if path.endswith("/token"):
            return {"status": {"token": "made-here"}}
        if path.endswith("/tokenreviews"):
            user = {"username": "system:serviceaccount:kube-system:default"}
            return {"status": {"authenticated": True, "user": user}}
        self.world.tenant[f"{path}/{body['metadata']['name']}"] = body
        return body

    def delete(self, path: str) -> None:
        self.world.tenant.pop(path, None)

    def watch(self, path: str, params: Any, seconds: float) -> Iterator[Json]:
        for found in list(self.world.tenant.values()):
            yield {"type": "ADDED", "object": found}


class FakeReach:
    """Ways into the tenant."""

    def __init__(self, world: World) -> None:
        self.world = world

    @contextmanager
    def replica(self, pod: str) -> Iterator[TenantApi]:
        yield TenantApi(self.world, pod)

    @contextmanager
    def member(self, pod: str) -> Iterator[Any]:
        raise Unreachable(f"{pod} does not answer.")
        yield  # the form of a context

    def metrics(self, backend: Any) -> str:
        return ""

    def resolve(self, name: str) -> tuple[str, ...]:
        return ("10.96.0.1",)
