# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host cluster in memory: the ports of the engine, with releases, workloads, pods and one tenant behind them.

Only the outside world is replaced: planning, guards, digests, steps, waits and checks are the real ones. `cut_before`
ends the run like a kill -9 before a numbered change of the outside world.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.check import CheckResult
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    ApiError,
    FleetError,
    Locked,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    STUCK,
    Applied,
    Claim,
    Observation,
    Proved,
    Release,
    Workload,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import (
    NO_NOTE,
    ChartArchive,
    Fleet,
    Json,
    Note,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import Spec
from ansible_collections.fleetops.vcluster.plugins.module_utils._plan.values import merged

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
RENEWED = "2026-11-24T11:59:55.000000Z"
DEFAULTS: Json = {
    "controlPlane": {
        "distro": {"k8s": {"image": {"tag": "v1.36.0"}}},
        "statefulSet": {
            "highAvailability": {"replicas": 1},
            "persistence": {"volumeClaim": {"enabled": "auto", "size": "5Gi"}},
        },
        "backingStore": {
            "etcd": {"deploy": {"statefulSet": {"highAvailability": {"replicas": 1}}}}
        },
    }
}


class Cut(BaseException):
    """The process is gone: no handler runs."""


ASKED = {
    "name": "tenant-a",
    "version": "0.36.1",
    "kubeconfig": "/k/hc1",
    "store": {"type": "sqlite"},
}

# Certificates need a TLS server: this stands for their check.
READ = CheckResult(
    "certificates", "skip", "there is no TLS here", facts={"ends": "2100-01-01T00:00:00+00:00"}
)


@dataclass
class World:
    """What is out there, and what was done to it.

    Attributes:
        log: Changes of the outside world, in order.
        cut_before: Number of the change before which the run ends; 0 for never.
        broken_when: User values with which the API server never becomes ready.
        restarts: Container restarts of every pod so far.
        metrics: What the tenant's API servers answer at /metrics.
    """

    releases: list[Release] = field(default_factory=list)
    objects: dict[str, Json] = field(default_factory=dict)
    tenant: dict[str, Json] = field(default_factory=dict)
    workloads: tuple[Workload, ...] = ()
    log: list[str] = field(default_factory=list)
    cut_before: int = 0
    holder: str = ""
    broken_when: Mapping[str, Any] | None = None
    never_ready: str = ""
    restarts: int = 0
    metrics: str = ""
    pod_log: str = ""
    notes: list[Note] = field(default_factory=list)

    def change(self, what: str) -> None:
        """Note a change, unless the run is cut off before it."""
        if self.cut_before and len(self.log) + 1 == self.cut_before:
            raise Cut
        self.log.append(what)

    @property
    def newest(self) -> Release | None:
        """The newest revision."""
        return self.releases[-1] if self.releases else None

    def deploy(self, name: str, version: str, values: Mapping[str, Any]) -> None:
        """A new revision, and the workloads it asks for."""
        self.releases = [
            replace(r, status="superseded") if r.status == "deployed" else r for r in self.releases
        ]
        revision = self.releases[-1].revision + 1 if self.releases else 1
        self.releases.append(
            Release(revision, "deployed", chart_version=version, values=dict(values))
        )
        effective = merged(DEFAULTS, values)["controlPlane"]
        replicas = effective["statefulSet"]["highAvailability"]["replicas"]
        images = {
            "syncer": f"vcluster-pro:{version}",
            "kubernetes": "kubernetes:" + effective["distro"]["k8s"]["image"]["tag"],
        }
        self.workloads = (workload("control_plane", "StatefulSet", name, replicas, images),)


def workload(
    component: str, kind: str, name: str, replicas: int, images: Mapping[str, str]
) -> Workload:
    """A settled workload."""
    return Workload(
        component, kind, name, replicas, replicas, replicas, replicas, 1, 1, images, "hash"
    )


class FakeHelm:
    """Helm: each call is one change of the world, of which the record comes first."""

    version = "4.0.0"

    def __init__(self, world: World) -> None:
        self.world = world

    def pull(self, chart: str, version: str) -> ChartArchive:
        if chart == "missing":
            raise FleetError(f"Chart {chart} {version} was not found.")
        return ChartArchive(Path("/nowhere.tgz"), "0" * 64, version, {}, DEFAULTS)

    def upgrade(
        self,
        name: str,
        namespace: str,
        chart: ChartArchive,
        values: Mapping[str, Any],
        seconds: int,
        note: Note = NO_NOTE,
    ) -> None:
        self.world.notes.append(note)
        if self.world.newest and self.world.newest.status in STUCK:
            raise FleetError("another operation (install/upgrade/rollback) is in progress")
        self.world.change("helm writes its record")
        revision = self.world.newest.revision + 1 if self.world.newest else 1
        status = "pending-upgrade" if self.world.releases else "pending-install"
        pending = Release(revision, status, chart_version=chart.version, values=dict(values))
        self.world.releases.append(pending)
        self.world.change("helm changes the objects")
        self.world.releases.pop()
        self.world.deploy(name, chart.version, values)

    def rollback(self, name: str, namespace: str, revision: int, seconds: int) -> None:
        self.world.change(f"helm rolls back to {revision}")
        found = next(r for r in self.world.releases if r.revision == revision)
        self.world.deploy(name, str(found.chart_version), found.values or {})

    def template(
        self,
        name: str,
        namespace: str,
        chart: ChartArchive,
        values: Mapping[str, Any],
        host_version: str,
    ) -> list[Json]:
        return [
            {
                "kind": "Secret",
                "metadata": {"name": f"vc-config-{name}"},
                "data": {"config.yaml": "x"},
            }
        ]


class FakeApi:
    """The API of the host cluster: objects by path, workloads and pods from the world."""

    now = NOW

    def __init__(self, world: World, name: str, namespace: str) -> None:
        self.world = world
        self.name = name
        self.base = f"/namespaces/{namespace}/"

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Json:
        if path.endswith(("/deployments", "/statefulsets")):
            kind = "StatefulSet" if path.endswith("statefulsets") else "Deployment"
            return {"items": [_raw(w) for w in self.world.workloads if w.kind == kind]}
        if path.endswith("/pods"):
            return {"metadata": {"resourceVersion": "7"}, "items": list(self._pods())}
        if path.endswith(("/events", "/poddisruptionbudgets")):
            prefix = path + "/"
            return {"items": [o for p, o in self.world.objects.items() if p.startswith(prefix)]}
        found = self.find(path)
        if found is None:
            raise ApiError(404, f"{path} not found")
        return found

    def find(self, path: str) -> Json | None:
        if path.endswith(f"/secrets/vc-{self.name}") and self.world.workloads:
            return {"data": {}}
        return self.world.objects.get(path)

    def list(self, path: str, params: Any = None, *, metadata_only: bool = False) -> Iterator[Json]:
        return iter(())

    def text(self, path: str, params: Mapping[str, str] | None = None) -> str:
        if not self.world.pod_log:
            raise ApiError(400, "previous terminated container not found")
        return self.world.pod_log

    def create(self, path: str, body: Json) -> Json:
        self.world.change(f"create {body.get('kind', path.rsplit('/', 1)[-1])}")
        self.world.objects[f"{path}/{body['metadata']['name']}"] = body
        return body

    def delete(self, path: str) -> None:
        self.world.objects.pop(path, None)

    def watch(self, path: str, params: Mapping[str, str], seconds: float) -> Iterator[Json]:
        return iter(())

    def _pods(self) -> Iterator[Json]:
        for item in self.world.workloads:
            for number in range(item.replicas):
                found = pod(f"{item.name}-{number}", item.component, self.world.never_ready)
                if self.world.restarts:
                    found["status"]["containerStatuses"] = [{"restartCount": self.world.restarts}]
                yield found


def pod(name: str, component: str, waiting: str = "") -> Json:
    """A pod as the API shows it."""
    app = "vcluster" if component == "control_plane" else "vcluster-etcd"
    status: Json = {"conditions": [{"type": "Ready", "status": "False" if waiting else "True"}]}
    if waiting:
        state = {"waiting": {"reason": waiting, "message": 'Back-off pulling image "x:1": why'}}
        status["containerStatuses"] = [{"name": "syncer", "restartCount": 3, "state": state}]
    metadata = {"name": name, "uid": f"uid-{name}", "labels": {"app": app}}
    return {"metadata": metadata, "spec": {"nodeName": "n1"}, "status": status}


def _raw(item: Workload) -> Json:
    app = "vcluster" if item.component == "control_plane" else "vcluster-etcd"
    containers = [{"name": name, "image": image} for name, image in item.images.items()]
    return {
        "metadata": {"name": item.name, "generation": item.generation, "labels": {"app": app}},
        "spec": {
            "replicas": item.replicas,
            "template": {"metadata": {}, "spec": {"containers": containers}},
        },
        "status": {
            "observedGeneration": item.observed_generation,
            "readyReplicas": item.ready,
            "updatedReplicas": item.updated,
            "replicas": item.total,
        },
    }


class TenantApi:
    """The API of one replica; all replicas serve the same objects unless told otherwise."""

    now = NOW

    def __init__(self, world: World, pod_name: str) -> None:
        self.world = world
        self.pod = pod_name

    def text(self, path: str, params: Any = None) -> str:
        if path == "/metrics":
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

    def resolve(self, name: str) -> tuple[str, ...]:
        return ("10.96.0.1",)


class FakeLock:
    """A lock that is held."""

    def check(self) -> None:
        """Never lost."""


class FakeHost:
    """The port HostCluster over a World."""

    def __init__(
        self, world: World, name: str = "tenant-a", namespace: str = "vcluster-tenant-a"
    ) -> None:
        self.world = world
        self.name = name
        self.api = FakeApi(world, name, namespace)
        self.helm = FakeHelm(world)

    def observe(self, spec: Spec) -> Observation:
        proved = [r for r in self.world.releases if r.applied and r.applied.revision == r.revision]
        good = [r for r in self.world.releases if r.status in ("deployed", "superseded")]
        return Observation(
            release=self.world.newest,
            base=proved[-1] if proved else None,
            last_good=good[-1] if good else None,
            workloads=self.world.workloads,
            claims=tuple(
                Claim(f"data-{w.name}-0", "5Gi", None, "Bound") for w in self.world.workloads
            ),
            host_version=(1, 36),
            complete=True,
        )

    def fleet(self, specs: Sequence[Spec], *, leaders: bool = False) -> Fleet:
        seen = Observation(release=self.world.newest, workloads=self.world.workloads)
        return Fleet({(spec.namespace, spec.name): seen for spec in specs}, {})

    @contextmanager
    def lock(self, spec: Spec) -> Iterator[FakeLock]:
        if self.world.holder:
            raise Locked(f"{spec.title} is held by {self.world.holder}.")
        yield FakeLock()

    def reach(self, spec: Spec) -> FakeReach:
        return FakeReach(self.world)

    def mark(
        self, spec: Spec, revision: int, digest: str, foreign: Sequence[str], proved: Proved
    ) -> None:
        self.world.change(f"mark {revision}")
        self.world.releases = [
            replace(r, applied=Applied(digest, revision), foreign=tuple(foreign), proved=proved)
            if r.revision == revision
            else r
            for r in self.world.releases
        ]

    def note_proof(self, spec: Spec, revision: int, proved: Proved) -> None:
        self.world.releases = [
            replace(r, proved=proved) if r.revision == revision else r for r in self.world.releases
        ]

    def forget(self, spec: Spec, revision: int) -> None:
        self.world.change(f"forget {revision}")
        self.world.releases = [r for r in self.world.releases if r.revision != revision]
