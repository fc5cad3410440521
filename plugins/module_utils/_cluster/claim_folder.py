# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A claim on a host cluster that keeps snapshots, through a pod of ours that mounts it."""

from __future__ import annotations

import hashlib
import io
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import IO

from .._core.errors import ApiError, FleetError, TimedOut
from .._core.observation import POD_ENDED
from .._core.ports import Api, Json, Process, Stored
from .._core.spec import Claim, Spec
from .directory import PIECE, UNFINISHED
from .streams import Pieces
from .targets import proper

ROOT = "/snapshots"
APP = "fleetops-snapshots"
LABEL = "fleetops.vcluster/claim"
PLANE = "syncer"  # the container of the control plane (0.36.1)
PAUSE = 0.5

# The pod ends by itself five minutes after it was last asked: that of a run that was killed does not stay.
WORK = "/work"
ALIVE = f"{WORK}/alive"
LIFE = f'touch {ALIVE}; while [ -n "$(find {ALIVE} -mmin -5)" ]; do sleep 5; done'
# Before each command, which may take longer than that, and at most a day. The beat holds none of its streams.
BEAT = f"for _ in $(seq 1440); do sleep 60; touch {ALIVE}; done"
COMMAND = (
    f"touch {ALIVE}; ({BEAT}) </dev/null >/dev/null 2>&1 & beat=$!; trap 'kill $beat' EXIT; "
    f"umask 077; cd {ROOT} || exit; "
)

# Names come as arguments: $1, $2 ... A name is `proper`: it needs no quotes, and has them all the same.
# The shell stays beside `cat`, and so does its output: a runtime ends a command that has closed it (containerd 1.6).
WRITE = 'mkdir -p "$(dirname "$1")" && cat > "$1" || exit'
# All of it is there when its size and its sum are right; `cat` gets no sign that nothing more comes.
FINISH = """
had=-1 tries=0
until has=$(wc -c < "$1") && [ "$has" -ge "$3" ]; do
  [ "$has" = "$had" ] || tries=0
  had=$has tries=$((tries + 1))
  [ $tries -lt 10 ] || { echo "only $has of $3 bytes came" >&2; exit 1; }
  sleep 1
done
echo "$4  $1" | sha256sum -c >/dev/null && sync "$1" && mv "$1" "$2" && sync "$(dirname "$2")"
"""
READ = 'cat "$1"'
WRITTEN = 'stat -c %Y "$1"'
LIST = (
    f"""[ ! -d "$1" ] || find "$1" -type f ! -name '{UNFINISHED}*' -exec stat -c '%s %n' {{}} ';'"""
)
DELETE = 'rm -f "$1"; rmdir -p "$(dirname "$1")" 2>/dev/null || true'
SWEEP = f"""[ ! -d "$1" ] || find "$1" -type f -name '{UNFINISHED}*' -exec rm -f {{}} ';'"""


class ClaimFolder:
    """See the port `Target`. It starts a pod when it is first used, and ends it when it is closed.

    Args:
        api: Of the host cluster.
        spec: The vCluster whose snapshots go there; its control plane lends its image where none is named.
        claim: Which claim.
        seconds: How long the pod may take to run.
    """

    def __init__(self, api: Api, spec: Spec, claim: Claim, seconds: float) -> None:
        self._api = api
        self._spec = spec
        self._claim = claim
        self._seconds = seconds
        self._pods = f"/api/v1/namespaces/{claim.namespace}/pods"
        self._name = ""
        self._starting = threading.Lock()

    @property
    def title(self) -> str:
        """See Target."""
        return (
            f"claim {self._claim.namespace}/{self._claim.name} on host cluster {self._spec.cluster}"
        )

    def write(self, name: str, content: IO[bytes]) -> None:
        """See Target. It is on the disk, not in a cache, when this returns."""
        folder = PurePosixPath(proper(name, self.title)).parent
        unfinished = f"{folder}/{UNFINISHED}{secrets.token_hex(8)}"
        try:
            with self._process(name, "written", WRITE, unfinished) as process:
                size, sum_ = self._sent(name, content, process)
                try:
                    self._run(name, "written", FINISH, unfinished, name, str(size), sum_)
                except FleetError:
                    with self._explained(name, "written"):
                        process.write(b"")  # what it ended with says more
                    raise
        except BaseException:
            with suppress(FleetError):  # `sweep` does it later
                self._run(name, "deleted", DELETE, unfinished)
            raise

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """See Target."""
        with self._process(proper(name, self.title), "read", READ, name) as process:
            content = io.BufferedReader(Pieces(self._pieces(process, name)), PIECE)
            content.peek(1)  # one that is not there is an error here
            yield content

    def written(self, name: str) -> datetime:
        """See Target."""
        seconds = self._run(proper(name, self.title), "read", WRITTEN, name)
        return datetime.fromtimestamp(int(seconds), UTC)

    def files(self, prefix: str) -> Iterator[Stored]:
        """See Target."""
        lines = self._run(prefix, "listed", LIST, self._folder(prefix)).splitlines()
        found = [line.split(" ", 1) for line in lines]
        for size, name in sorted(found, key=lambda one: one[1]):
            yield Stored(name.removeprefix("./"), int(size))

    def delete(self, name: str) -> None:
        """See Target. Folders that are empty then go too."""
        self._run(proper(name, self.title), "deleted", DELETE, name)

    def sweep(self, prefix: str) -> None:
        """See Target."""
        self._run(prefix, "cleaned", SWEEP, self._folder(prefix))

    def close(self) -> None:
        """End the pod."""
        if self._name:
            with suppress(FleetError):  # it ends by itself
                self._api.delete(f"{self._pods}/{self._name}")
            self._name = ""

    def _folder(self, prefix: str) -> str:
        return proper(prefix, self.title) if prefix else "."

    def _sent(self, name: str, content: IO[bytes], process: Process) -> tuple[int, str]:
        """Size and sum of what went to the command."""
        size, sum_ = 0, hashlib.sha256()
        while piece := content.read(PIECE):
            with self._explained(name, "written"):
                process.write(piece)
            size += len(piece)
            sum_.update(piece)
        return size, sum_.hexdigest()

    def _pieces(self, process: Process, name: str) -> Iterator[bytes]:
        with self._explained(name, "read"):
            yield from process.output()

    def _run(self, name: str, done: str, script: str, *arguments: str) -> str:
        """What a command says."""
        with self._process(name, done, script, *arguments) as process, self._explained(name, done):
            return b"".join(process.output()).decode()

    @contextmanager
    def _process(self, name: str, done: str, script: str, *arguments: str) -> Iterator[Process]:
        command = ["sh", "-c", COMMAND + script, "sh", *arguments]
        with ExitStack() as stack:
            with self._explained(name, done):
                pod = self._running()
                opened = self._api.execute(self._claim.namespace, pod, command)
                process = stack.enter_context(opened)
            yield process

    def _running(self) -> str:
        """Name of the pod, which runs; it is made where there is none (any more)."""
        with self._starting:
            if self._name and self._phase() != "Running":
                self.close()
            if not self._name:
                self._start()
            return self._name

    def _phase(self) -> str:
        pod = self._api.find(f"{self._pods}/{self._name}") or {}
        return str(pod.get("status", {}).get("phase", ""))

    def _start(self) -> None:
        claim = self._found_claim()
        for pod in list(self._api.list(self._pods, {"labelSelector": f"app={APP}"})):
            if pod["status"].get("phase") in POD_ENDED:  # of runs that were killed
                self._api.delete(f"{self._pods}/{pod['metadata']['name']}")
        self._name = f"{APP}-{secrets.token_hex(4)}"
        try:
            self._api.create(self._pods, self._pod(claim))
            self._wait()
        except BaseException:
            self.close()
            raise

    def _found_claim(self) -> Json:
        path = (
            f"/api/v1/namespaces/{self._claim.namespace}/persistentvolumeclaims/{self._claim.name}"
        )
        found = self._api.find(path)
        if found is None:
            raise FleetError(
                f"{self._spec.title}: the {self.title} does not exist.",
                "Make it, or check vcluster_snapshots.claim.",
            )
        return found

    def _pod(self, claim: Json) -> Json:
        label = hashlib.sha256(self._claim.name.encode()).hexdigest()[:32]
        term = {
            "labelSelector": {"matchLabels": {LABEL: label}},
            "topologyKey": "kubernetes.io/hostname",
        }
        # A volume that one node can have at a time: the pods of several runs go to the same one.
        shared = "ReadWriteMany" in claim["spec"].get("accessModes", ())
        affinity = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
        return {
            "metadata": {"name": self._name, "labels": {"app": APP, LABEL: label}},
            "spec": {
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "restartPolicy": "Never",
                "terminationGracePeriodSeconds": 1,
                **({} if shared else {"affinity": affinity}),
                "containers": [
                    {
                        "name": "folder",
                        "image": self._claim.image or self._plane_image(),
                        "command": ["sh", "-c", LIFE],
                        "securityContext": {"allowPrivilegeEscalation": False},
                        "volumeMounts": [
                            {"name": "snapshots", "mountPath": ROOT},
                            {"name": "work", "mountPath": WORK},
                        ],
                    }
                ],
                "volumes": [
                    {
                        "name": "snapshots",
                        "persistentVolumeClaim": {"claimName": self._claim.name},
                    },
                    {"name": "work", "emptyDir": {}},
                ],
            },
        }

    def _plane_image(self) -> str:
        """That of the control plane: it has all that is needed, and the nodes can pull it."""
        place = f"/apis/apps/v1/namespaces/{self._spec.namespace}"
        for kind in ("statefulsets", "deployments"):
            found = self._api.find(f"{place}/{kind}/{self._spec.name}")
            if found is not None:
                containers = found["spec"]["template"]["spec"]["containers"]
                return str(next(one["image"] for one in containers if one["name"] == PLANE))
        raise FleetError(
            f"{self._spec.title} does not exist, and lends its image to no pod on the {self.title}.",
            "Set vcluster_snapshots.claim.image to one with a shell and the usual small programs, such as busybox.",
        )

    def _wait(self) -> None:
        end = time.monotonic() + self._seconds
        while (pod := self._api.get(f"{self._pods}/{self._name}"))["status"].get(
            "phase"
        ) != "Running":
            if time.monotonic() > end or pod["status"].get("phase") in POD_ENDED:
                raise TimedOut(
                    f"{self._spec.title}: pod {self._name} on the {self.title} does not run: {_why(pod['status'])}.",
                    "Look at its claim, its image and the room on the nodes.",
                )
            time.sleep(PAUSE)

    @contextmanager
    def _explained(self, name: str, done: str) -> Iterator[None]:
        try:
            yield
        except FleetError as error:
            if isinstance(error, ApiError) and error.forbidden:
                way_out = "What it takes is in docs/rbac/claim-role.yaml."
            else:
                way_out = (
                    error.way_out
                    or "Check that the claim has room and that the pod's user may write there."
                )
            raise FleetError(
                f"{name or 'All of it'} cannot be {done} in the {self.title}: {error.what}", way_out
            ) from error


def _why(status: Json) -> str:
    """What a pod waits for, in its own words."""
    for one in status.get("containerStatuses", ()):
        waiting = one.get("state", {}).get("waiting", {})
        if waiting:
            return ": ".join(filter(None, (waiting.get("reason"), waiting.get("message"))))
    for condition in status.get("conditions", ()):
        if condition.get("status") == "False" and condition.get("message"):
            return str(condition["message"])
    return f"its phase is {status.get('phase', 'unknown')}"
