# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Have the vendor's controller write an archive into the bucket, and read it back before it counts (G26).

The Secret of a request holds the keys of the bucket, so it goes whatever happens. Both objects carry a label of ours
until the archive was read back; what has it when the next run begins was cut off, and goes together with its archive.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .._cluster import key_archive
from .._cluster.charts import CHART
from .._cluster.repository import archives_of
from .._cluster.unpacked import unpacked
from .._core.contents import Contents
from .._core.errors import ApiError, FleetError, TimedOut
from .._core.moments import moment_text
from .._core.observation import Observation
from .._core.ports import HostCluster, Json, Lock, Target
from .._core.s3_url import S3Url
from .._core.snapshot import fresh_id
from .._core.snapshot_request import (
    COMPLETED,
    ENDED,
    NAME_LABEL,
    UNPROVED,
    Request,
    Status,
    name_of,
    status_of,
)
from .._core.spec import S3, Spec
from .context import Context
from .planning import present
from .pods import look
from .taking import opened_store
from .wait import Deadline, came, describe

PAUSE = 1.0  # seconds between two looks
GONE = 30  # seconds until the controller lets go of a request that was deleted
# Kubernetes makes it as it starts, and nobody can delete it.
ALWAYS_THERE = b"/registry/namespaces/kube-system"
# The archive is of a revision soon after the request; a store that writes faster than this is not asked further.
REVISIONS = 5000


@dataclass(frozen=True)
class Archive:
    """One that was read back.

    Attributes:
        url: Where it is.
        contents: Its keys and values.
        compared: Whether its store said that it held as many keys at a revision of that time.
    """

    url: S3Url
    contents: Contents
    compared: bool


@dataclass(frozen=True)
class Requesting:
    """One request on its way."""

    spec: Spec
    s3: S3
    host: HostCluster
    observation: Observation
    target: Target
    context: Context
    lock: Lock
    deadline: Deadline

    def sweep(self) -> None:
        """Remove what runs that were cut off left. Only under the vCluster's lock."""
        query = {"labelSelector": f"{UNPROVED},{NAME_LABEL}={self.spec.name}"}
        found = {
            item["metadata"]["labels"][UNPROVED]
            for kind in ("secrets", "configmaps")
            for item in self.host.api.list(self._path(kind), query, metadata_only=True)
        }
        for identifier in sorted(found):
            self._remove(identifier)
        self.target.sweep(archives_of(self.spec))

    def archive(self) -> Archive:
        """Ask for one, wait for it, read it back. Nothing is left of one that fails.

        Raises:
            FleetError: The controller wrote none, or not one that can be relied on.
        """
        now = self.host.api.now
        identifier = fresh_id(now)
        request = Request(self.spec, self.s3, identifier, self._file(identifier), moment_text(now))
        before = self._revision()
        try:
            self._ask(request)
            self._wait(request)
            archive = self._read_back(request, before)
            self.lock.check()
            self._settle(request)
        except BaseException:
            try:
                self._remove(identifier)
            except FleetError as error:
                self.context.warn(
                    f"{self.spec.host}: Secret {self.spec.namespace}/{request.name}, with the keys of the bucket, or "
                    f"an archive may be left: {error} The next run removes them."
                )
            raise
        return archive

    def _ask(self, request: Request) -> None:
        good = present(self.spec, self.observation.last_good)
        said = key_archive.said(
            key_archive.Release(
                self.spec.name,
                self.spec.namespace,
                CHART,
                good.chart_version or "",
                dict(good.values or {}),
            )
        )
        # As the vendor's tool does it, the Secret first: the controller looks for it at once.
        self._create("secrets", request.secret(said, _certificates(self.s3)))
        self._create("configmaps", request.config_map())

    def _create(self, kind: str, body: Json) -> None:
        try:
            self.host.api.create(self._path(kind), body)
        except ApiError as error:
            if not error.conflict:  # its own first attempt, which was not answered
                raise

    def _wait(self, request: Request) -> None:
        told = ""
        while (status := self._status(request)).phase not in ENDED:
            words = (
                f"the controller says {status.phase}"
                if status.phase
                else "no controller has taken it up yet"
            )
            if words != told:
                self.context.say(f"{self.spec.host}: request {request.name}: {words}")
                told = words
            if not self.deadline.left:
                pods = describe(self.host.api, self.spec, look(self.host.api, self.spec))
                raise TimedOut(
                    f"{self.spec.title}: no archive after {self.deadline.seconds:.0f} s. Seen last: {words}, {pods}.",
                    "Look at the log of the leading control-plane pod; raise vcluster_timeouts.total if it only takes "
                    "longer.",
                )
            self.lock.check()
            time.sleep(PAUSE)
        if status.phase != COMPLETED:
            raise FleetError(
                f"{self.spec.title}: its controller wrote no archive to {request.url} ({status.phase}): "
                f"{status.error.rstrip('.') or 'it gives no reason'}.",
                "Check vcluster_snapshots.s3: the control plane has to get to the bucket with what it says.",
            )

    def _status(self, request: Request) -> Status:
        found = self.host.api.find(self._path("configmaps", request.name))
        if found is None:
            raise FleetError(
                f"{self.spec.title}: ConfigMap {self.spec.namespace}/{request.name} is gone before its archive was "
                "written.",
                "Somebody deleted it; run again.",
            )
        return status_of(found)

    def _read_back(self, request: Request, before: int | None) -> Archive:
        """What is in the bucket is a whole archive of this vCluster."""
        self.context.say(f"{self.spec.host}: reading the archive back")
        with (
            self.target.open(request.file) as content,
            unpacked("keys", content) as (file, found),
        ):
            of = key_archive.release(file)
            whole = any(key == ALWAYS_THERE for key, _value, _lease in key_archive.live(file))
        keys = found.contents.keys
        if of is None or (of.namespace, of.name) != (self.spec.namespace, self.spec.name):
            whose = f"{of.namespace}/{of.name}" if of else "none that it names"
            raise self._unfit(request, f"is of vCluster {whose}")
        if not whole:
            raise self._unfit(request, f"holds {keys} keys, and not namespace kube-system")
        return Archive(request.url, found.contents, self._compared(request, keys, before))

    def _compared(self, request: Request, keys: int, before: int | None) -> bool:
        """Whether the store held as many keys at a revision since the request: an archive is of one.

        Raises:
            FleetError: It says that it never did.
        """
        if before is None:
            return False
        counts: list[int] = []
        with opened_store(self.spec, self.host, self.observation) as store:
            after = store.revision or before
            last = min(after, before + REVISIONS)
            for revision in range(before, last + 1):
                count = store.count(revision, key_archive.KEYS)
                if count is None:  # SQLite tells none, and etcd none of what it compacted
                    return False
                if count == keys:
                    return True
                counts.append(count)
        if last < after:
            return False
        raise self._unfit(
            request,
            f"holds {keys} keys, and {store.title} held {min(counts)} to {max(counts)} from revision {before} to "
            f"{after}",
        )

    def _unfit(self, request: Request, what: str) -> FleetError:
        return FleetError(
            f"{self.spec.title}: the archive {request.url} {what}.",
            "It is not kept. Run again; if it stays so, run fleetops.vcluster.verify.",
        )

    def _revision(self) -> int | None:
        """The archive will hold all that was acknowledged until now."""
        with opened_store(self.spec, self.host, self.observation) as store:
            return store.revision

    def _settle(self, request: Request) -> None:
        """The archive counts from here on: nothing of ours is left of the request, and the next run sweeps nothing."""
        self.host.api.delete(self._path("secrets", request.name))
        path = self._path("configmaps", request.name)
        self.host.api.merge(path, {"metadata": {"labels": {UNPROVED: None}}})
        with suppress(FleetError):  # the vendor's controller deletes it after a day
            self.host.api.delete(path)

    def _remove(self, identifier: str) -> None:
        """Remove a request and its archive, each whatever becomes of the others."""
        name = name_of(self.spec, identifier)
        path = self._path("configmaps", name)
        _each(
            lambda: self.host.api.delete(self._path("secrets", name)),
            lambda: self.host.api.delete(path),
            lambda: self._let_go(path),
            lambda: self.target.delete(self._file(identifier)),
        )

    def _let_go(self, path: str) -> None:
        """Wait until the controller works on it no longer: it might write the archive after that was deleted."""
        if not came(lambda: self.host.api.find(path) is None, Deadline(GONE), PAUSE):
            raise FleetError(
                f"{self.spec.title}: after {GONE} s its controller still holds on to {path.rsplit('/', 1)[-1]}, a "
                "request that was deleted.",
                "Look at the log of the leading control-plane pod, or restart it; then run again.",
            )

    def _file(self, identifier: str) -> str:
        return f"{archives_of(self.spec)}/{identifier}.tar.gz"

    def _path(self, kind: str, name: str = "") -> str:
        path = f"/api/v1/namespaces/{self.spec.namespace}/{kind}"
        return f"{path}/{name}" if name else path


def _each(*actions: Callable[[], object]) -> None:
    """Do all of them; the first error in the end."""
    errors: list[FleetError] = []
    for action in actions:
        try:
            action()
        except FleetError as error:
            errors.append(error)
    if errors:
        raise errors[0]


def _certificates(s3: S3) -> str:
    """The authorities that the controller has to trust."""
    if s3.ca_cert is None:
        return ""
    try:
        return Path(s3.ca_cert).expanduser().read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise FleetError(
            f"vcluster_snapshots.s3.ca_cert {s3.ca_cert} cannot be read: {error}.",
            "It is a file of certificates in PEM form.",
        ) from error
