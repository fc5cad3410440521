# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host cluster with one claim: a folder. Commands in its pod run here, in the shell of this machine."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.claim_folder import (
    ALIVE,
    ROOT,
    ClaimFolder,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    ApiError,
    FleetError,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.spec import (
    Access,
    Claim,
    Spec,
)

CLAIM = Claim("backups", "saved")
SPEC = Spec("a", "a", "vcluster-a", "hc1", Access())


class LocalProcess:
    """A command of this machine as the port `Process` has it."""

    def __init__(self, command: Sequence[str]) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe)

    def write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        if self._process.poll() is not None:
            list(self.output())
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except BrokenPipeError:
            list(self.output())
            raise

    def output(self) -> Iterator[bytes]:
        assert self._process.stdout is not None and self._process.stderr is not None
        while piece := self._process.stdout.read(1 << 16):
            yield piece
        said = self._process.stderr.read().decode().strip()
        if self._process.wait(20):
            raise FleetError(f"A command in pod saved/x failed: {said}.")

    def close(self) -> None:
        """The command loses its connection, and ends: as in a pod, nothing it began goes on."""
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()
        self._process.wait(20)


class ClaimHost:
    """Its API server.

    Args:
        folder: What the claim holds.

    Attributes:
        pods: Those that are there, by name.
        asked: Pods that a command ran in.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "volume"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._alive = folder / "alive"
        self.modes = ["ReadWriteOnce"]
        self.claims = {CLAIM.name}
        self.phase = "Running"
        self.pods: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.refused = 0
        self.image = "registry/vcluster:0.36.1"

    def get(self, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        return self.pods[path.rsplit("/", 1)[1]]

    def find(self, path: str) -> dict[str, Any] | None:
        name = path.rsplit("/", 1)[1]
        if "/persistentvolumeclaims/" in path:
            return {"spec": {"accessModes": self.modes}} if name in self.claims else None
        if "/pods/" in path:
            return self.pods.get(name)
        if "/statefulsets/" in path and self.image:
            container = {"name": "syncer", "image": self.image}
            return {"spec": {"template": {"spec": {"containers": [container]}}}}
        return None

    def list(self, path: str, params: Mapping[str, str] | None = None) -> Iterator[dict[str, Any]]:
        return iter(list(self.pods.values()))

    def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if self.refused:
            raise ApiError(self.refused, "Host cluster hc1: POST of a pod was refused.")
        self.pods[body["metadata"]["name"]] = {**body, "status": {"phase": self.phase}}
        return body

    def delete(self, path: str) -> None:
        self.pods.pop(path.rsplit("/", 1)[1], None)

    @contextmanager
    def execute(self, namespace: str, pod: str, command: Sequence[str]) -> Iterator[LocalProcess]:
        assert namespace == CLAIM.namespace
        assert pod in self.pods
        self.asked.append(pod)
        here = {ROOT: str(self.folder), ALIVE: str(self._alive)}
        shell, flag, script, *arguments = command
        for theirs, ours in here.items():
            script = script.replace(theirs, ours)
        process = LocalProcess([shell, flag, script, *arguments])
        try:
            yield process
        finally:
            process.close()

    def target(self, claim: Claim = CLAIM) -> ClaimFolder:
        """The claim as a target."""
        api: Any = self
        return ClaimFolder(api, SPEC, claim, 2.0)
