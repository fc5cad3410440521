# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A pod of ours on the claim of a StatefulSet's pod: for data that no server gives or takes.

Bytes go in and out through a port-forward, which the pod's `nc` answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .._core.errors import ApiError, FleetError
from .._core.observation import STOPPED
from .._core.ports import Api, Json
from .work import Until

WORK = "/work"
PORT = 9731
READY = b"ready\n"
DAY = 86400
SILENCE = 60.0  # seconds that a pod may take for a piece
# Only what goes through a port-forward gets there. Some builds of busybox know no -s: whoever else sends something to
# those is found out by the sum, and whoever else asks them knows no password.
LISTEN = f"{{ nc -l -s 127.0.0.1 -p {PORT} || nc -l -p {PORT}; }}"


@dataclass(frozen=True)
class ClaimPod:
    """The pod `NAME-NUMBER` of a StatefulSet, beside which or instead of which one of ours works.

    Attributes:
        api: Of the host cluster.
        until: Waits until something holds, and says in words what; TimedOut when it does not come.
        stateful_set: As it is.
        number: Ordinal of the pod.
        container: Name of its container that has the data.
    """

    api: Api
    until: Until
    stateful_set: Json
    number: int
    container: str

    @property
    def owner(self) -> str:
        """Name of the StatefulSet's pod."""
        return f"{self.stateful_set['metadata']['name']}-{self.number}"

    @property
    def claim(self) -> str:
        """Name of its claim."""
        return f"{self.claim_template['metadata']['name']}-{self.owner}"

    @property
    def own(self) -> Mapping[str, Any]:
        """The container that has the data."""
        containers = self.stateful_set["spec"]["template"]["spec"]["containers"]
        found: Mapping[str, Any] = next(c for c in containers if c["name"] == self.container)
        return found

    @property
    def folder(self) -> str:
        """Where the data lies (0.36.1: the volume `data`)."""
        mounts = self.own["volumeMounts"]
        return str(next(mount["mountPath"] for mount in mounts if mount["name"] == "data"))

    @property
    def claim_template(self) -> Mapping[str, Any]:
        """What its claim is made from."""
        templates = self.stateful_set["spec"].get("volumeClaimTemplates") or ()
        found = next((t for t in templates if t["metadata"]["name"] == "data"), None)
        if found is None:
            name = self.stateful_set["metadata"]["name"]
            raise FleetError(
                f"StatefulSet {name} has no volume claims: its data goes with its pods.",
                "There is nothing to take a snapshot of, or to restore into.",
            )
        result: Mapping[str, Any] = found
        return result

    @property
    def data(self) -> Json:
        """The mount of the claim, as the StatefulSet's pod has it."""
        return {"name": "data", "mountPath": self.folder}

    @property
    def work(self) -> Json:
        """The mount of an empty folder that goes with the pod."""
        return {"name": "work", "mountPath": WORK}

    def manifest(self, purpose: str, before: Sequence[Json], last: Json, **more: Any) -> Json:
        """A pod that runs where the StatefulSet's does.

        Args:
            purpose: `restore` or `copy`: part of its name and of its label.
            before: Containers that run one after the other, see `step`.
            last: The one that runs when they have ended.
            more: Further fields of its spec.
        """
        template = self.stateful_set["spec"]["template"]["spec"]
        kept = ("imagePullSecrets", "tolerations", "securityContext")
        nodes = {k: v for k, v in (template.get("nodeSelector") or {}).items() if k != STOPPED}
        labels = self.stateful_set["metadata"]["labels"]
        release = labels.get("release") or labels["app.kubernetes.io/instance"]
        return {
            "metadata": {
                "name": f"{self.owner}-{purpose}",
                "labels": {"app": f"fleetops-{purpose}", "release": release},
            },
            "spec": {
                **{key: template[key] for key in kept if template.get(key)},
                "nodeSelector": nodes,
                "automountServiceAccountToken": False,
                "restartPolicy": "Never",
                "initContainers": list(before),
                "containers": [last],
                "volumes": [
                    {"name": "data", "persistentVolumeClaim": {"claimName": self.claim}},
                    {"name": "work", "emptyDir": {}},
                ],
                **more,
            },
        }

    def step(self, name: str, image: str, command: Sequence[str], *mounts: Json) -> Json:
        """A container that runs as whom the StatefulSet's does."""
        own = ("securityContext", "imagePullPolicy")
        return {
            **{key: self.own[key] for key in own if key in self.own},
            "name": name,
            "image": image,
            "command": list(command),
            "volumeMounts": list(mounts),
        }

    def receive(self, target: str, size: int, first: str) -> list[str]:
        """The command that takes a file, and ends when all of it is there.

        Args:
            first: A command that comes before, in the shell.
        """
        # Its input stays open: a port-forward ends a second after one side has ended.
        greeting = f"printf 'ready\\n'; sleep {DAY}"
        listen = f"{{ {greeting}; }} | {LISTEN} > {target}"
        whole = f'[ "$(wc -c < {target})" -ge {size} ]'
        return ["sh", "-c", f"{first}; {listen} & until {whole}; do sleep 1; done"]

    def send(self, files: Sequence[str], password: str) -> list[str]:
        """The command that gives files of its work folder, their sizes in a line before them.

        It never ends by itself: the connection is open until its reader has counted.

        Args:
            password: Who sends the line that has this SHA-256 gets them, and nobody else.
        """
        sizes = " ".join(f"$(wc -c < {name})" for name in files)
        known = f'[ "$(printf %s "$line" | sha256sum)" = "{password}  -" ]'
        give = f"echo {sizes}; cat {' '.join(files)}; sleep {DAY}"
        asked = f"{{ read -r line < asked && {known} && {{ {give}; }}; }} | {LISTEN} > asked"
        return ["sh", "-c", f"cd {WORK}; rm -f asked; mkfifo asked; {asked}"]

    def ensure_claim(self) -> None:
        """A claim that is gone is made as the StatefulSet would make it."""
        claims = f"/api/v1/namespaces/{self._namespace}/persistentvolumeclaims"
        # A quota answers before anybody looks whether it is there.
        if self.api.find(f"{claims}/{self.claim}") is not None:
            return
        labels = self.stateful_set["spec"]["selector"]["matchLabels"]
        metadata = {"name": self.claim, "labels": labels}
        try:
            self.api.create(claims, {"metadata": metadata, "spec": self.claim_template["spec"]})
        except ApiError as error:
            if not error.conflict:  # its own first attempt, which was not answered
                raise

    @contextmanager
    def running(self, pod: Json) -> Iterator[str]:
        """The pod's path while it is there."""
        pods = f"/api/v1/namespaces/{self._namespace}/pods"
        name = pod["metadata"]["name"]
        path = f"{pods}/{name}"
        try:
            self.api.delete(path)  # of a run that was cut off
            self.until(f"pod {name} to go", lambda: self.api.find(path) is None)
            self.api.create(pods, pod)
        except ApiError as error:
            if not error.forbidden:
                raise
            raise ApiError(
                error.status,
                error.what,
                "A pod on the claim takes `create` and `delete` on pods: docs/snapshots.md, Rights.",
            ) from error
        try:
            yield path
        finally:
            self.api.delete(path)

    def met(self, path: str, container: str, exchange: Callable[[Any], bool]) -> bool:
        """Whether an exchange over a socket to the pod took place; until then this is to be asked again.

        Args:
            container: The one that listens.
            exchange: Returns False when nobody listens yet.
        """
        name = path.rsplit("/", 1)[1]
        self.ended(path)
        if not runs(self.api.get(path), container):
            return False
        try:
            with self.api.forward(self._namespace, name, PORT) as socket:
                socket.settimeout(SILENCE)
                return exchange(socket)
        except OSError as error:
            raise FleetError(
                f"The connection to pod {name} broke: {error}.", "Run again."
            ) from error

    def ended(self, path: str) -> bool:
        """Whether the pod has done its work; its log is the error when it failed."""
        pod = self.api.get(path)
        phase = pod["status"].get("phase")
        if phase == "Failed":
            raise FleetError(
                f"Pod {pod['metadata']['name']} failed: {self._words(path, pod)}.",
                "What was in the volume is still there, or all of what replaces it; run again.",
            )
        return bool(phase == "Succeeded")

    def _words(self, path: str, pod: Json) -> str:
        """Of the container that came last; or why none of them ran."""
        spec = pod["spec"]
        for container in reversed([*spec["initContainers"], *spec["containers"]]):
            try:
                words = self.api.text(f"{path}/log", {"container": container["name"]})
            except ApiError:
                continue
            if words.strip():
                return f"{container['name']}: {' '.join(words.split())[-500:]}"
        return str(pod["status"].get("message") or "it left no log")

    @property
    def _namespace(self) -> str:
        return str(self.stateful_set["metadata"]["namespace"])


def runs(pod: Json, container: str) -> bool:
    """Whether this container of the pod runs now."""
    status = pod["status"]
    found = (
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    )
    return any(s["name"] == container and "running" in s.get("state", {}) for s in found)
