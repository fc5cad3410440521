# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The protocols of the outside world. `_cluster` implements them; everything above is written against them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Protocol

from .care import Point
from .databases import Database, SqlDatabase
from .etcd import Etcd
from .migration import Migration
from .observation import Node, Observation, Proved, Workload
from .spec import Spec

Json = dict[str, Any]
Progress = Callable[[str], None]


class Process(Protocol):
    """A command in a container. It gets no sign that its input has ended."""

    def write(self, data: bytes) -> None:
        """Give it input.

        Raises:
            FleetError: It ended already, or the connection broke.
        """

    def output(self) -> Iterator[bytes]:
        """What it says, to its end.

        Raises:
            FleetError: It failed, with its own words, or the connection broke.
        """


class Api(Protocol):
    """A Kubernetes API server: a host cluster's, or one replica of a tenant's.

    Paths are those of the API (`/api/v1/namespaces/x/secrets/y`). Every method raises ApiError for an answer that
    stays an error, Unreachable when the server cannot be reached or refuses the credentials. Answers 429 and 5xx are
    tried again within a bounded time, Retry-After honoured (G47).
    """

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Json:
        """One object, or any JSON document."""

    def text(self, path: str, params: Mapping[str, str] | None = None) -> str:
        """A document that is not JSON (`/readyz`, pod logs)."""

    def find(self, path: str) -> Json | None:
        """One object, or None when it does not exist."""

    def list(
        self, path: str, params: Mapping[str, str] | None = None, *, metadata_only: bool = False
    ) -> Iterator[Json]:
        """The items of a list, fetched page by page."""

    def create(self, path: str, body: Json, read: float = 0.0) -> Json:
        """POST; ApiError 409 when it exists.

        Args:
            read: Seconds that its answer may take; 0 for as many as any other.
        """

    def replace(self, path: str, body: Json) -> Json:
        """PUT; ApiError 409 when the resourceVersion moved on."""

    def merge(self, path: str, body: Json) -> Json:
        """PATCH with a JSON merge patch."""

    def apply(self, path: str, body: Json, *, check: bool = False) -> Json:
        """PATCH, server-side apply of an object of ours: what somebody else has set since is taken over.

        With `check` nothing is changed, and the answer is what would be there (dryRun).
        """

    def delete(self, path: str, *, orphan: bool = False) -> None:
        """DELETE; an object that is gone already is no error. With `orphan` what belongs to it stays, by itself."""

    def watch(self, path: str, params: Mapping[str, str], seconds: float) -> Iterator[Json]:
        """Watch events until `seconds` passed or the server ends the stream."""

    def stream(self, path: str, body: Json) -> Iterator[Json]:
        """POST that is answered with many JSON documents, one a line (etcd's gateway); one that breaks raises."""

    def forward(self, namespace: str, pod: str, port: int) -> AbstractContextManager[Any]:
        """A socket to a port of a pod, through the API server's port-forward."""

    def execute(
        self, namespace: str, pod: str, command: Sequence[str]
    ) -> AbstractContextManager[Process]:
        """A command in the only container of a pod, through the API server."""

    @property
    def now(self) -> datetime:
        """The server's clock (Date header of its latest answer), never the controller's (G55)."""


class Replica(Api, Protocol):
    """The tenant's API at one control-plane pod."""

    @property
    def certificate(self) -> Mapping[str, Any]:
        """The verified serving certificate of the connection, as `ssl.SSLSocket.getpeercert` has it; empty before the
        first answer."""


@dataclass(frozen=True)
class ChartArchive:
    """A chart on disk.

    Attributes:
        path: The `.tgz`.
        digest: sha256 of the file.
        version: `version` of its Chart.yaml.
        schema: Its values.schema.json, parsed.
        defaults: Its values.yaml, parsed.
    """

    path: Path
    digest: str
    version: str
    schema: Json
    defaults: Json


@dataclass(frozen=True)
class Note:
    """What Helm writes down with a revision.

    Attributes:
        description: Shown by `helm history`; Helm's own words when empty.
        labels: On the release Secret.
    """

    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


NO_NOTE = Note()


class Helm(Protocol):
    """The helm command, 3.13 or later, or 4. Values travel as JSON files (0600), never in argv (G38, G58)."""

    @property
    def version(self) -> str:
        """Version of the program, for example `4.3.1`."""

    def pull(self, chart: str, version: str) -> ChartArchive:
        """Fetch a chart once a run into a checksummed cache (G53)."""

    def upgrade(
        self,
        name: str,
        namespace: str,
        chart: ChartArchive,
        values: Mapping[str, Any],
        seconds: int,
        note: Note = NO_NOTE,
    ) -> None:
        """`helm upgrade --install` without wait and never atomic (G22)."""

    def rollback(self, name: str, namespace: str, revision: int, seconds: int) -> None:
        """`helm rollback` to a revision."""

    def uninstall(self, name: str, namespace: str, seconds: int) -> None:
        """`helm uninstall`; a release that is gone already is no error. Only for what a drill installed."""

    def template(
        self,
        name: str,
        namespace: str,
        chart: ChartArchive,
        values: Mapping[str, Any],
        host_version: str,
    ) -> list[Json]:
        """The rendered objects (for --diff)."""


@dataclass(frozen=True)
class Backend:
    """A pod behind a Service.

    Attributes:
        port: The pod's own.
    """

    namespace: str
    pod: str
    port: int


class Dial(Protocol):
    """Ways to the members of an etcd that runs as pods."""

    def member(self, pod: str) -> AbstractContextManager[Etcd]:
        """One of them."""


class Reach(Dial, Protocol):
    """Ways into one vCluster, all through the host's API server, TLS verified."""

    def replica(self, pod: str) -> AbstractContextManager[Replica]:
        """The tenant's API at one control-plane pod."""

    def member(self, pod: str) -> AbstractContextManager[Etcd]:
        """One deployed etcd member."""

    def behind(self, endpoint: str) -> Sequence[Backend]:
        """The pods behind an address that names a Service of the host cluster; none where it names something else."""

    def metrics(self, backend: Backend) -> str:
        """What a pod counts, in the text format of Prometheus, at a port that tells it in the clear."""

    def external(
        self, endpoint: str, secret: str, keys: tuple[str, str, str], backend: Backend | None = None
    ) -> AbstractContextManager[Etcd]:
        """An etcd that the chart did not deploy: a pod behind its address, or the address dialled from the controller.

        `keys` are those of the authority, the client certificate and its key in a Secret of the namespace. The server's
        certificate has to carry the host of the address, either way.
        """

    def database(self) -> AbstractContextManager[Database]:
        """The SQLite database in the volume of the control plane; the copy goes with the context."""

    def sql(self, secret: str) -> AbstractContextManager[SqlDatabase]:
        """A database server, dialled from the controller with what a Secret of the namespace says."""

    def workload(self, kind: str, name: str) -> Workload | None:
        """A workload of the namespace that stands beside the release."""

    def resolve(self, name: str) -> tuple[str, ...]:
        """Addresses that the tenant's CoreDNS gives for a name, over a port-forward."""


@dataclass(frozen=True)
class Stored:
    """A file in a target.

    Attributes:
        name: Relative, with slashes.
        size: Bytes.
    """

    name: str
    size: int


class Target(Protocol):
    """A place that keeps snapshots: files by name, each written whole or not at all.

    Every method raises FleetError, with the place and the file, for what the place refuses.
    """

    @property
    def title(self) -> str:
        """What messages call it."""

    def write(self, name: str, content: IO[bytes]) -> None:
        """Write a file, replacing one of that name when all of it is there. Reads `content` to its end, as a stream."""

    def open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """Read a file from its beginning, as a stream."""

    def written(self, name: str) -> datetime:
        """When a file was written, by the place's clock."""

    def files(self, prefix: str) -> Iterator[Stored]:
        """The files below a folder, ordered by name."""

    def delete(self, name: str) -> None:
        """Delete a file; one that is gone already is no error."""

    def sweep(self, prefix: str) -> None:
        """Remove what a write that was cut off left below a folder; nobody else may be writing there."""


@dataclass(frozen=True)
class Fleet:
    """What the light pass saw on one host cluster.

    Attributes:
        observations: One per (namespace, name) that was asked for, `complete` False; an empty one where nothing is.
        failures: The error of a (namespace, name) that could not be looked at (namespace forbidden).
        notes: What a reader should know, for example that rights forced a list per namespace and what it cost.
    """

    observations: Mapping[tuple[str, str], Observation]
    failures: Mapping[tuple[str, str], Exception]
    notes: tuple[str, ...] = ()


class Lock(Protocol):
    """The Lease of one vCluster, held and renewed in the background."""

    def check(self) -> None:
        """Raise Locked when it was lost (renewal failed past its expiry, or somebody took it)."""


class HostCluster(Protocol):
    """One host cluster as the engine uses it. `_cluster/host.py: connect(access, warn)` makes it."""

    @property
    def api(self) -> Api:
        """Its API server."""

    @property
    def helm(self) -> Helm:
        """Helm against it."""

    def fleet(self, specs: Sequence[Spec], *, leases: bool = False) -> Fleet:
        """The light pass over vClusters: a fixed number of paged lists; `leases` lists the Leases too."""

    def observe(self, spec: Spec) -> Observation:
        """Everything about one vCluster, `complete` True."""

    def nodes(self) -> Sequence[Node] | None:
        """Those that take pods, looked at once; None where that cannot be told."""

    def lock(self, spec: Spec) -> AbstractContextManager[Lock]:
        """Take the Lease, waiting up to `spec.limits.lock`; Locked names the holder. Created in the namespace, which
        must exist."""

    def reach(self, spec: Spec) -> Reach:
        """Ways into the vCluster."""

    def forget(self, spec: Spec, revision: int) -> None:
        """Delete the record of a revision that was left in the middle; no object of the vCluster is touched (G23)."""

    def mark(
        self, spec: Spec, revision: int, digest: str, foreign: Sequence[str], proved: Proved
    ) -> None:
        """Note the foreign values of that revision on the Lease, then patch label `applied` and the time of the proof
        onto its release Secret."""

    def note_proof(self, spec: Spec, revision: int, proved: Proved) -> None:
        """Write the time of another proof of that revision onto its release Secret."""

    def note_points(self, spec: Spec, points: Sequence[Point]) -> None:
        """Note on the Lease how much the store held at each of these moments; what was noted before goes."""

    def note_migration(self, spec: Spec, migration: Migration | None) -> None:
        """Write down how far a store migration came; None forgets it."""

    def note_snapshot(self, spec: Spec, revision: int, snapshot: str) -> None:
        """Note on the Lease the snapshot with which a hop goes back to that revision, by its id."""
