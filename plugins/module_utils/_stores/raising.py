# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Raise the revision of an etcd that holds nothing yet (G61): clients remember that of the store they come from."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import IO

from .._core.errors import FleetError
from .._core.etcd import Etcd
from .._core.ports import Reach
from .key_refill import write
from .refill import Delivery, refill_members
from .work import Work

SCRATCH = (
    b"/vcluster/fleetops-revision"  # below a prefix of the syncer's: it goes with all that is there
)
FEW = 2_000  # revisions that are sooner written than the members are stopped
MOST = 2_000_000  # that are written one by one; how long that takes was not measured


@dataclass(frozen=True)
class Raising(Work):
    """What it needs beside.

    Attributes:
        reach: Ways into the vCluster.
        shell_image: An image with a shell: the control plane's own.
    """

    reach: Reach
    shell_image: str


def raise_by_file(namespace: str, name: str, etcd: Etcd, revision: int, work: Raising) -> None:
    """By etcd's own tool, which counts in no time: all members begin again with what they hold.

    Args:
        name: Of their StatefulSet.
    """
    lacks = revision - _revision(etcd)
    if lacks <= FEW:
        _write(etcd, lacks)
        return
    members = int(work.api.get(_path(namespace, name))["spec"]["replicas"])
    work.say(f"raising the revision of {name} to {revision:,}")
    # Named, since each member reads it by itself, beside the others.
    with tempfile.NamedTemporaryFile() as file:
        for piece in etcd.snapshot():
            file.write(piece)
        file.flush()

        @contextmanager
        def content() -> Iterator[IO[bytes]]:
            with Path(file.name).open("rb") as own:
                yield own

        size = file.tell()
        shared = {field.name: getattr(work, field.name) for field in fields(Raising)}
        delivery = Delivery(**shared, content=content, size=size, sha256="")
        cluster = ",".join(f"{one.name}={url}" for one in etcd.members() for url in one.peer_urls)
        refill_members(namespace, name, members, delivery, lacks, cluster)


def raise_by_writes(title: str, etcd: Etcd, revision: int, work: Raising) -> None:
    """One write is one revision.

    Raises:
        FleetError: It would take hours.
    """
    lacks = revision - _revision(etcd)
    if lacks > MOST:
        raise FleetError(
            f"{title} is {lacks:,} revisions below {revision:,}: clients would see no changes (G61).",
            "Fill it by etcdutl snapshot restore with --bump-revision and --mark-compacted, then run again.",
        )
    if lacks > FEW:
        work.say(f"raising the revision of {title} to {revision:,}")
    _write(etcd, lacks)


def _write(etcd: Etcd, count: int) -> None:
    for _number in range(count):
        write(etcd, [(SCRATCH, b"")])


def _revision(etcd: Etcd) -> int:
    found = etcd.count()
    return found[0] if found else 0


def _path(namespace: str, name: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/statefulsets/{name}"
