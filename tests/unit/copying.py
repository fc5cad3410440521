# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host cluster with SQLite in a claim: the pod that copies it runs here, in the shell of this machine."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kine_rows import Kine

from ansible_collections.fleetops.vcluster.plugins.module_utils._core.contents import (
    Tally,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import (
    ApiError,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import STOPPED
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import Json

NAMESPACE = "vcluster-a"
STATEFULSET = f"/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets/a"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
COPY = f"{PODS}/a-0-copy"
CLAIM = f"/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims/data-a-0"


def stateful_set(replicas: int = 1) -> Json:
    """As 0.36.1 renders it, shortened."""
    syncer = {
        "name": "syncer",
        "image": "vcluster-pro:0.36.1",
        "imagePullPolicy": "IfNotPresent",
        "securityContext": {"runAsUser": 0},
        "volumeMounts": [
            {"name": "binaries", "mountPath": "/binaries"},
            {"name": "data", "mountPath": "/data"},
        ],
    }
    labels = {"app": "vcluster", "release": "a"}
    return {
        "metadata": {"name": "a", "namespace": NAMESPACE, "labels": labels, "generation": 3},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "spec": {
                    "containers": [syncer],
                    "tolerations": [{"key": "x"}],
                    "nodeSelector": {"disk": "ssd", STOPPED: "true"},
                    "imagePullSecrets": [{"name": "pull"}],
                    "securityContext": {"fsGroup": 12},
                }
            },
            "volumeClaimTemplates": [
                {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}
            ],
        },
    }


NETCAT = f"""#!{sys.executable}
# As nc does it, over a socket that is connected already.
import os, select, socket, sys
if "-s" in sys.argv and os.environ["OLD"] == "1":
    sys.exit("nc: invalid option -- 's'")
connection, left = socket.socket(fileno=int(os.environ["SOCKET"])), int(os.environ["CUT"])
while left > 0:
    for ready in select.select([0, connection], [], [])[0]:
        piece = os.read(0, min(left, 65536)) if ready == 0 else connection.recv(65536)
        if not piece:
            left = 0
        elif ready == 0:
            left -= len(piece)
            connection.sendall(piece)
        else:
            os.write(1, piece)
connection.shutdown(socket.SHUT_RDWR)
"""


class FakeApi:
    """A namespace whose pods run their commands here: /data and /work are folders of the test.

    Attributes:
        deaf: How often nobody listens yet.
        cut: How many bytes come at most.
        old: Its nc knows no -s.
        meanwhile: What happens while the pod copies.
    """

    def __init__(self, folder: Path, replicas: int = 1) -> None:
        self.data, self.work, self.programs = (folder / name for name in ("data", "work", "bin"))
        for place in (self.data, self.programs):
            place.mkdir()
        netcat = self.programs / "nc"
        netcat.write_text(NETCAT)
        netcat.chmod(0o755)
        self.old = False
        self.objects: dict[str, Json] = {STATEFULSET: stateful_set(replicas), CLAIM: {}}
        self.planes: list[Json] = [{"spec": {"nodeName": "n2"}}] * replicas
        self.log: list[str] = []
        self.deaf, self.cut = 0, 1 << 40
        self.meanwhile: Callable[[], None] = lambda: None
        self.forbidden = False

    def get(self, path: str, params: Any = None) -> Json:
        return self.objects[path]

    def find(self, path: str) -> Json | None:
        return self.objects.get(path)

    def list(self, path: str, params: Mapping[str, str]) -> Iterator[Json]:
        assert (path, params) == (PODS, {"labelSelector": "app=vcluster,release=a"})
        return iter(self.planes)

    def text(self, path: str, params: Mapping[str, str]) -> str:
        return self.words if params["container"] == "copy" else ""

    def create(self, path: str, body: Json) -> Json:
        if self.forbidden:
            raise ApiError(403, "pods is forbidden.")
        self.log.append(f"create {body['metadata']['name']}")
        self.work.mkdir()
        done = subprocess.run(self._here(body["spec"]["initContainers"][0]), capture_output=True)
        self.words = done.stderr.decode()
        self.meanwhile()
        running = {"containerStatuses": [{"name": "send", "state": {"running": {}}}]}
        status = {"phase": "Failed"} if done.returncode else {"phase": "Running", **running}
        self.objects[COPY] = {**body, "status": status}
        return body

    def delete(self, path: str) -> None:
        if self.objects.pop(path, None):
            self.log.append("delete a-0-copy")
            for file in self.work.iterdir():
                file.unlink()
            self.work.rmdir()

    @contextmanager
    def forward(self, namespace: str, pod: str, port: int) -> Iterator[socket.socket]:
        assert (namespace, pod) == (NAMESPACE, "a-0-copy")
        ours, theirs = socket.socketpair()
        self.deaf -= 1
        if self.deaf >= 0:
            theirs.close()
            yield ours
            return
        (container,) = self.objects[COPY]["spec"]["containers"]
        surroundings = {
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "SOCKET": str(theirs.fileno()),
            "CUT": str(self.cut),
            "OLD": str(int(self.old)),
        }
        pod = subprocess.Popen(
            self._here(container),
            env=surroundings,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
        theirs.close()
        try:
            yield ours
        finally:
            ours.close()
            os.killpg(pod.pid, signal.SIGKILL)
            pod.wait()

    def _here(self, container: Json) -> list[str]:
        *shell, text = container["command"]
        return [*shell, text.replace("/data/", f"{self.data}/").replace("/work", str(self.work))]


class Writer:
    """Writes until it is told to stop, and remembers what was acknowledged."""

    def __init__(self, kine: Kine) -> None:
        self.kine = kine
        self.acknowledged: list[tuple[int, str, bytes]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)

    def _write(self) -> None:
        for number in itertools.count():
            key, value = f"/registry/{number % 50}", os.urandom(200)
            self.acknowledged.append((self.kine.put(key, value), key, value))
            if self._stop.is_set():
                return

    def __enter__(self) -> Writer:
        self._thread.start()
        while len(self.acknowledged) < 20:
            pass
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        self._thread.join()

    def contents_at(self, revision: int) -> object:
        """What was there at a revision: the changes up to it, and none of those after it."""
        held = {key: value for at, key, value in self.acknowledged if at <= revision}
        tally = Tally()
        for key, value in held.items():
            tally.add(key.encode(), value)
        return tally.contents
