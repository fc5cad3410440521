# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Put data into the store of a stopped control plane, and compare what it holds then."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from .._cluster.streams import FromBeginning, Pieces, buffered
from .._cluster.unpacked import Ready, lasting, prepared, unpacked
from .._core.contents import Contents, Snapshot
from .._core.errors import FleetError
from .._core.etcd import KeyChange
from .._core.observation import Observation
from .._core.ports import HostCluster
from .._core.snapshot import Way
from .._core.spec import Spec
from .._stores.refill import Refill
from .._stores.registry import refill, taken_as
from .._stores.source import Source
from .plane import Plane
from .pods import look
from .taking import opened_store


def held_by(store: Source) -> Snapshot:
    """What a store holds, read to its end."""
    with unpacked(store.way, buffered(Pieces(store.pieces()))) as (_file, held):
        return held


@dataclass(frozen=True)
class Filling:
    """The store, about to take data.

    Attributes:
        observation: The values of its release say which store it is.
        plane: The control plane, which does not run.
        shell_image: An image with a shell: the control plane's own.
    """

    spec: Spec
    host: HostCluster
    observation: Observation
    plane: Plane
    shell_image: str

    def put_in(
        self,
        way: Way,
        file: IO[bytes],
        wanted: Snapshot,
        raise_by: int,
        changes: Callable[[], Iterator[KeyChange]],
    ) -> None:
        """The store holds the data when this returns, and was compared with it before it was changed.

        Args:
            file: Unpacked data of that way.
            wanted: What is in it.
            raise_by: What its revision is raised by (G61).
            changes: What has to be different in the store.
        """
        into = taken_as(self.observation, way)
        with prepared(way, into, file, wanted, raise_by, changes) as ready:
            refill(self.spec, self.observation, self._work(ready))

    def held(self) -> Snapshot:
        """What the store holds, as soon as its members answer."""

        def asked() -> Snapshot:
            with opened_store(self.spec, self.host, self.observation) as store:
                return held_by(store)

        return self.plane.answer("the store to answer", asked)

    def _work(self, ready: Ready) -> Refill:
        @contextmanager
        def content() -> Iterator[IO[bytes]]:
            yield buffered(FromBeginning(ready.file))

        return Refill(
            api=self.host.api,
            reach=self.host.reach(self.spec),
            pods=lambda: look(self.host.api, self.spec).pods,
            way=ready.way,
            items=lambda: lasting(ready.way, ready.file),
            content=content,
            size=os.fstat(ready.file.fileno()).st_size,
            sha256=hashlib.file_digest(FromBeginning(ready.file), "sha256").hexdigest(),
            revision=ready.revision,
            raise_by=ready.raise_by,
            compare=lambda: self._compare(ready.lasting, ready.revision),
            changes=ready.changes,
            shell_image=self.shell_image,
            until=self.plane.until,
            say=self.plane.say,
        )

    def _compare(self, wanted: Contents, revision: int) -> None:
        """What the store holds now is what it was filled with, above the old revision, before anyone is let in."""
        self.plane.say("comparing the store with the snapshot")
        found = self.held()
        if found.lasting != wanted:
            raise FleetError(
                f"{self.spec.title}: the store holds {found.lasting.keys} keys that no lease ends after the "
                f"restore, and the snapshot {wanted.keys}, or others.",
            )
        if found.revision < revision:
            raise FleetError(
                f"{self.spec.title}: the store is at revision {found.revision} after the restore, below "
                f"{revision}: clients would see no changes (G61).",
            )
