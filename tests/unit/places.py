# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Places that keep snapshots, each with a look at it from outside."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from claim_host import CLAIM, ClaimHost

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.directory import UNFINISHED
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import Target
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import S3, Snapshots
from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.targets import open_target
from lab.s3 import S3Server

PREFIX = "fleet"


@dataclass(frozen=True)
class Place:
    """One place.

    Attributes:
        snapshots: How the inventory names it.
        target: Opens it, a bucket with some options changed.
        code: A program that opens it as `target`.
        everything: Names of all that lies there, what is unfinished included.
        begin: Begins a file as a run leaves it that is killed.
    """

    snapshots: Snapshots
    target: Callable[..., Target]
    code: str
    everything: Callable[[], list[str]]
    begin: Callable[[str], None]


def directory_place(folder: Path) -> Place:
    """A folder that is not there yet."""
    found = Snapshots(directory=str(folder))
    code = f"target = open_target(Snapshots(directory={str(folder)!r}))"
    return Place(found, lambda: open_target(found), code, *_looks(folder))


def claim_place(folder: Path) -> Place:
    """A claim of a host cluster."""
    host = ClaimHost(folder)
    code = (
        "from pathlib import Path\nfrom claim_host import ClaimHost\n"
        f"target = ClaimHost(Path({str(folder)!r})).target()"
    )
    return Place(Snapshots(claim=CLAIM), host.target, code, *_looks(host.folder))


def _looks(folder: Path) -> tuple[Callable[[], list[str]], Callable[[str], None]]:
    """See `Place.everything` and `Place.begin`, of a folder."""

    def everything() -> list[str]:
        return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())

    def begin(name: str) -> None:
        path = (folder / name).with_name(f"{UNFINISHED}1")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"half")

    return everything, begin


def bucket_place(server: S3Server) -> Place:
    """A folder of a new bucket."""
    options = server.bucket(f"b-{secrets.token_hex(8)}")
    client = server.client

    def everything() -> list[str]:
        kept = client.list_objects_v2(Bucket=options["bucket"]).get("Contents", [])
        unfinished = client.list_multipart_uploads(Bucket=options["bucket"]).get("Uploads", [])
        return sorted(found["Key"].removeprefix(f"{PREFIX}/") for found in (*kept, *unfinished))

    def begin(name: str) -> None:
        this = {"Bucket": options["bucket"], "Key": f"{PREFIX}/{name}"}
        upload = client.create_multipart_upload(**this)["UploadId"]
        client.upload_part(**this, UploadId=upload, PartNumber=1, Body=b"half")

    s3 = S3(**options, prefix=f"/{PREFIX}/")
    code = f"target = open_target(Snapshots(s3=S3(**{asdict(s3)!r})))"
    return Place(
        Snapshots(s3=s3),
        lambda **changed: open_target(Snapshots(s3=replace(s3, **changed))),
        code,
        everything,
        begin,
    )
