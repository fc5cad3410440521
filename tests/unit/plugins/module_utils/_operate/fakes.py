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
from dataclasses import replace
from pathlib import Path
from typing import Any

from tenants import FakeReach, TenantApi
from world import ASKED, DEFAULTS, NOW, RENEWED, Cut, World, workload

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.autoscalers import (
    autoscalers,
    groups_served,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.certificates import (
    certificates,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.care import Point
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    ApiError,
    FleetError,
    Locked,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.migration import Migration
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import (
    SCALED_LABEL,
    STUCK,
    Applied,
    Claim,
    Observation,
    Proved,
    Release,
    Scaled,
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

__all__ = [
    "ASKED",
    "DEFAULTS",
    "NOW",
    "Cut",
    "FakeApi",
    "FakeHelm",
    "FakeHost",
    "FakeLock",
    "FakeReach",
    "TenantApi",
    "World",
    "pod",
    "workload",
]


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
        asked = self.world.asked(name, chart.version, values)
        pending = Release(
            revision, status, chart_version=chart.version, values=dict(values), workloads=asked
        )
        self.world.releases.append(pending)
        self.world.change("helm changes the objects")
        self.world.workloads = self.world.with_annotations(asked)
        self.world.change("helm finishes its record")
        self.world.releases.pop()
        self.world.deploy(name, chart.version, values)
        newest = self.world.releases[-1]
        self.world.releases[-1] = replace(newest, description=note.description)
        if label := note.labels.get(SCALED_LABEL):
            count, at = map(int, label.split("-at-"))
            newest = self.world.releases[-1]
            self.world.releases[-1] = replace(newest, scaled=Scaled(count, at))

    def rollback(self, name: str, namespace: str, revision: int, seconds: int) -> None:
        self.world.change(f"helm rolls back to {revision}")
        found = next(r for r in self.world.releases if r.revision == revision)
        self.world.deploy(name, str(found.chart_version), found.values or {})

    def uninstall(self, name: str, namespace: str, seconds: int) -> None:
        self.world.change(f"helm uninstalls {namespace}/{name}")
        self.world.releases, self.world.workloads = [], ()

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
        if path.endswith("podautoscalers"):
            prefix = path + "/"
            return {"items": [o for p, o in self.world.objects.items() if p.startswith(prefix)]}
        if path.startswith("/apis/") and path.count("/") == 2:
            served = path.removeprefix("/apis/") in self.world.api_groups
            return {"kind": "APIGroup"} if served else None
        elects = path.endswith(f"/leases/vcluster-{self.name}-controller")
        if elects and path not in self.world.objects:
            holder = {"holderIdentity": f"{self.name}-0-x", "renewTime": RENEWED}
            return {"spec": {**holder, "leaseDurationSeconds": 60}}
        secret = path.endswith(f"/secrets/vc-{self.name}") and self.world.workloads
        return self.world.objects.get(path, {"data": {}} if secret else None)

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

    def apply(self, path: str, body: Json) -> Json:
        self.world.change(f"apply {body['kind']}")
        # The controller's part: it measures at once.
        conditions = [{"type": name, "status": "True"} for name in self.world.conditions]
        self.world.objects[path] = {**body, "status": {"conditions": conditions}}
        return self.world.objects[path]

    def delete(self, path: str) -> None:
        if "podautoscalers/" in path:
            self.world.change(f"delete {path.rsplit('/', 2)[1]}")
        self.world.objects.pop(path, None)

    def watch(self, path: str, params: Mapping[str, str], seconds: float) -> Iterator[Json]:
        return iter(())

    def _pods(self) -> Iterator[Json]:
        for item in self.world.workloads:
            for number in range(item.replicas):
                found = pod(f"{item.name}-{number}", item.component, self.world.never_ready)
                if self.world.restarts:
                    found["status"]["containerStatuses"] = [{"restartCount": self.world.restarts}]
                server = "syncer" if item.component == "control_plane" else "etcd"
                running = {"name": server, "restartCount": 0, "state": {"running": {}}}
                found["status"].setdefault("containerStatuses", [running])
                images = item.images.items()
                found["spec"]["containers"] = [{"name": n, "image": i} for n, i in images]
                yield found


def pod(name: str, component: str, waiting: str = "") -> Json:
    """A pod as the API shows it."""
    app = "vcluster" if component == "control_plane" else "vcluster-etcd"
    status: Json = {"conditions": [{"type": "Ready", "status": "False" if waiting else "True"}]}
    if waiting:
        state = {"waiting": {"reason": waiting, "message": 'Back-off pulling image "x:1": why'}}
        restarts = 0 if "Image" in waiting else 3
        status["containerStatuses"] = [{"name": "syncer", "restartCount": restarts, "state": state}]
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
            seen_at=NOW,
            certificates=certificates(self.api, spec.namespace, spec.name),  # type: ignore[arg-type]
            autoscalers=autoscalers(self.api, spec, self.world.workloads),  # type: ignore[arg-type]
            api_groups=groups_served(self.api, spec),  # type: ignore[arg-type]
            points=self.world.points,
            migration=self.world.migration,
            complete=True,
        )

    def nodes(self) -> None:
        return None

    def fleet(self, specs: Sequence[Spec], *, leases: bool = False) -> Fleet:
        seen = Observation(release=self.world.newest, workloads=self.world.workloads, seen_at=NOW)
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
            replace(
                r,
                applied=Applied(digest, revision),
                foreign=tuple(foreign),
                proved=proved,
                snapshot="",
            )
            if r.revision == revision
            else r
            for r in self.world.releases
        ]

    def note_proof(self, spec: Spec, revision: int, proved: Proved) -> None:
        self.world.releases = [
            replace(r, proved=proved) if r.revision == revision else r for r in self.world.releases
        ]

    def note_points(self, spec: Spec, points: Sequence[Point]) -> None:
        self.world.points = tuple(points)

    def note_migration(self, spec: Spec, migration: Migration | None) -> None:
        self.world.change(f"note {migration.phase if migration else None}")
        self.world.migration = migration

    def note_snapshot(self, spec: Spec, revision: int, snapshot: str) -> None:
        self.world.releases = [
            replace(r, snapshot=snapshot) if r.revision == revision else r
            for r in self.world.releases
        ]

    def forget(self, spec: Spec, revision: int) -> None:
        self.world.change(f"forget {revision}")
        self.world.releases = [r for r in self.world.releases if r.revision != revision]
