# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lock: one Lease a vCluster, renewed by a thread, taken over after its expiry by the server's clock (G24, G55)."""

from __future__ import annotations

import getpass
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

from .._core.errors import ApiError, FleetError, Locked
from .._core.ports import Api, Json, Lock
from .releases import lease_name

DURATION = 30
POLL = 2.0
_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"


def person() -> str:
    """`user@machine` of this process."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # containers run under ids that have no name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def holder() -> str:
    """How this run is named in the Lease: `user@host pid 123 run 1a2b3c4d`."""
    return f"{person()} pid {os.getpid()} run {uuid.uuid4().hex[:8]}"


class LeaseLock:
    """The Lease while this run holds it.

    Args:
        api: API of the host cluster.
        path: API path of the leases of the namespace.
        name: Name of the Lease.
        who: See holder.
        duration: Seconds after which others may take it when it is not renewed; renewed every third of it.
    """

    def __init__(self, api: Api, path: str, name: str, who: str, duration: int = DURATION) -> None:
        self._api = api
        self._collection = path
        self._path = f"{path}/{name}"
        self._name = name
        self._who = who
        self._duration = duration
        self._version = ""
        self._renewed = 0.0
        self._lost = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True, name=f"lease {name}")

    def check(self) -> None:
        """See Lock."""
        if not self._lost and time.monotonic() - self._renewed > self._duration:
            self._lost = f"it could not be renewed for {self._duration} s"
        if self._lost:
            raise Locked(
                f"The Lease {self._name} was lost: {self._lost}.",
                "Run again; the next run observes afresh and goes on.",
            )

    def take(self) -> str:
        """Take the Lease and begin to renew it; the present holder, in words, when somebody else has it."""
        lease = self._api.find(self._path)
        if lease is None:
            taken = self._try(lambda: self._api.create(self._collection, self._fresh()))
        else:
            occupied = self._occupied(lease)
            if occupied:
                return occupied
            version = lease["metadata"]["resourceVersion"]
            taken = self._try(lambda: self._patch(version, self._claim()))
        if taken is None:
            return "another run, at this moment"
        self._hold(taken)
        self._thread.start()
        return ""

    def release(self) -> None:
        """Give the Lease back; it stays, without a holder. One that was lost is left alone."""
        self._stop.set()
        self._thread.join(timeout=self._duration)
        if self._lost:
            return
        # A failure here only makes the next run wait for the expiry.
        with suppress(FleetError):
            self._write({"holderIdentity": None, "renewTime": None})

    def _keep(self) -> None:
        while not self._stop.wait(self._duration / 3):
            try:
                self._renew()
            except FleetError as error:
                if time.monotonic() - self._renewed > self._duration:
                    self._lost = str(error)
            if self._lost:
                return

    def _renew(self) -> None:
        renewed = self._write({"renewTime": self._now()})
        if renewed is not None:
            self._hold(renewed)

    def _write(self, spec: dict[str, Any]) -> Json | None:
        """Change the Lease as long as it is held; None when it is lost."""
        written = self._try(lambda: self._patch(self._version, spec))
        if written is not None:
            return written
        # Somebody wrote to it: an annotation, or a new holder.
        lease = self._api.find(self._path)
        if lease is None or lease["spec"].get("holderIdentity") != self._who:
            self._lost = (
                f"it is held by {lease['spec'].get('holderIdentity') if lease else 'nobody'} now"
            )
            return None
        return self._patch(lease["metadata"]["resourceVersion"], spec)

    def _hold(self, lease: Json) -> None:
        self._version = lease["metadata"]["resourceVersion"]
        self._renewed = time.monotonic()

    def _occupied(self, lease: Json) -> str:
        """Who holds it, in words; empty when it is free or has expired."""
        spec = lease.get("spec") or {}
        who, renewed = spec.get("holderIdentity"), spec.get("renewTime")
        if not who or who == self._who or not renewed:
            return ""
        expiry = _moment(renewed) + timedelta(seconds=spec.get("leaseDurationSeconds", DURATION))
        if self._api.now >= expiry:
            return ""
        return f"{who}, renewed at {renewed}"

    def _fresh(self) -> Json:
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name},
            "spec": self._claim(),
        }

    def _claim(self) -> dict[str, Any]:
        now = self._now()
        return {
            "holderIdentity": self._who,
            "leaseDurationSeconds": self._duration,
            "acquireTime": now,
            "renewTime": now,
        }

    def _patch(self, version: str, spec: dict[str, Any]) -> Json:
        body = {"metadata": {"resourceVersion": version}, "spec": spec}
        return self._api.merge(self._path, body)

    @staticmethod
    def _try(action: Callable[[], Json]) -> Json | None:
        try:
            return action()
        except ApiError as error:
            if not error.conflict:
                raise
            return None

    def _now(self) -> str:
        return self._api.now.strftime(_TIME)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


@contextmanager
def locked(
    api: Api,
    namespace: str,
    name: str,
    wait: float,
    sleep: Callable[[float], None] = time.sleep,
    duration: int = DURATION,
) -> Iterator[Lock]:
    """Hold the Lease of a vCluster.

    Args:
        wait: Seconds to wait for another run; 0 fails at once.

    Raises:
        Locked: Another run holds it; the message names it.
    """
    path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    lease = LeaseLock(api, path, lease_name(name), holder(), duration)
    end = time.monotonic() + wait
    while other := lease.take():
        if time.monotonic() >= end:
            raise Locked(
                f"vCluster {namespace}/{name} is being worked on by {other} "
                f"(Lease {namespace}/{lease_name(name)}).",
                f"Wait for it, or raise vcluster_timeouts.lock; a dead holder is taken over after {duration} s.",
            )
        sleep(min(POLL, max(0.0, end - time.monotonic())))
    try:
        yield lease
    finally:
        lease.release()
