# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The vendor's controller in a control plane, as far as snapshot requests go, and the bucket that it writes to."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fakes import World
from saved import PAIRS, Api

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster import key_archive
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.directory import Directory
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import Json

FOLDER = "hc1/vcluster-tenant-a/tenant-a_archives"
UNPROVED = "fleetops.vcluster/unproved-archive"
SECRET_KEY = "s3cret-s3cret"
KEPT = {
    **{key: v for key, v in PAIRS.items() if key.startswith(b"/")},
    b"/registry/namespaces/kube-system": b"3",
}


def packed(pairs: Mapping[bytes, bytes], name: str = "tenant-a") -> bytes:
    file = io.BytesIO()
    release = key_archive.Release(name, f"vcluster-{name}", "vcluster", "0.36.1", {})
    key_archive.write(file, pairs.items(), release)
    return file.getvalue()


@dataclass
class Controller:
    """What the vendor's controller does, a phase each time somebody looks.

    Attributes:
        phases: What it says, in order; the last one for ever.
        writes: The archive that it writes before it says the last one.
        error: Its words for a failure.
        holds: It never lets go of a request.
        options: What it was given.
    """

    phases: tuple[str, ...] = ("", "CreatingEtcdBackup", "Completed")
    writes: bytes | None = field(default_factory=lambda: packed(KEPT))
    error: str = ""
    holds: bool = False
    options: Json = field(default_factory=dict)
    looks: int = 0


class HostApi(Api):
    """The API of the host cluster, with that controller behind it."""

    def __init__(self, world: World, controller: Controller, bucket: Directory) -> None:
        super().__init__(world, "tenant-a", "vcluster-tenant-a")
        self.controller = controller
        self.bucket = bucket
        self.fails: dict[str, Exception] = {}

    def create(self, path: str, body: Json) -> Json:
        super().create(path, body)
        if path.endswith("/secrets"):
            self.controller.options = json.loads(body["stringData"]["snapshotOptions"])
            self.controller.looks = 0
        return body

    def find(self, path: str) -> Json | None:
        found = super().find(path)
        if found and "/configmaps/" in path and "snapshotRequest" in found.get("data", {}):
            self._work(found)
        return found

    def _work(self, config_map: Json) -> None:
        controller = self.controller
        phase = controller.phases[min(controller.looks, len(controller.phases) - 1)]
        controller.looks += 1
        if phase == controller.phases[-1] and controller.writes is not None:
            self.bucket.write(controller.options["s3"]["key"], io.BytesIO(controller.writes))
        document = json.loads(config_map["data"]["snapshotRequest"])
        document["status"] = {"phase": phase, "error": {"message": controller.error}}
        config_map["data"]["snapshotRequest"] = json.dumps(document)

    def list(self, path: str, params: Any = None, *, metadata_only: bool = False) -> Iterator[Json]:
        if path.endswith(("/secrets", "/configmaps")):
            assert metadata_only, "keys are not read"
            assert params == {
                "labelSelector": f"{UNPROVED},vcluster.loft.sh/vcluster-name=tenant-a"
            }
            for name, item in list(self.world.objects.items()):
                labels = item.get("metadata", {}).get("labels", {})
                if name.startswith(f"{path}/") and UNPROVED in labels:
                    yield {"metadata": item["metadata"]}

    def merge(self, path: str, body: Json) -> Json:
        if "/configmaps/" not in path:
            return super().merge(path, body)
        self.world.change("unmark the request")
        assert body == {"metadata": {"labels": {UNPROVED: None}}}
        del self.world.objects[path]["metadata"]["labels"][UNPROVED]
        return {}

    def delete(self, path: str) -> None:
        kind = path.rsplit("/", 2)[1]
        self.world.change(f"delete {kind}")
        if kind in self.fails:
            raise self.fails[kind]
        if not (self.controller.holds and kind == "configmaps"):
            super().delete(path)


class Bucket(Directory):
    """A bucket, in a folder."""

    world: World

    def delete(self, name: str) -> None:
        self.world.change("delete archive")
        super().delete(name)
