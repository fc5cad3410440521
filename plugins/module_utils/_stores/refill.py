# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fill the members of a deployed etcd with a snapshot: a pod on each member's claim, where etcd's own tool works.

The members are stopped meanwhile. A member's old data stays until the new one lies complete beside it, so a run that is
cut off anywhere is simply done again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import IO, Any

from .._core.errors import ApiError, FleetError
from .._core.ports import Api, Json, KeyChange

RECEIVE, RESTORE, SETTLE = "receive", "restore", "settle"
WORK = "/work"
DATABASE = f"{WORK}/etcd.db"
PORT = 9731
READY = b"ready\n"
PIECE = 1 << 18
DAY = 86400
SILENCE = 60.0  # seconds that a pod may take for a piece
LEDGE = (
    1_000_000_000  # revisions above all that clients have seen; etcd's documentation uses as many
)
APP = "fleetops-restore"
CONFLICT = 409


@dataclass(frozen=True)
class Refill:
    """A snapshot on its way into a store whose control plane is stopped.

    Attributes:
        api: Of the host cluster.
        content: Opens the data, as `etcdctl snapshot save` writes it.
        size: Its bytes.
        raise_by: What the snapshot's revision is raised by (G61).
        compare: Raises unless the store holds what the snapshot does; before it is changed.
        changes: What has to be different in a restored store; see `rewrite`.
        shell_image: An image with a shell: the control plane's own.
        until: Waits until something holds, and says in words what; TimedOut when it does not come.
        say: Takes a line of progress.
    """

    api: Api
    content: Callable[[], AbstractContextManager[IO[bytes]]]
    size: int
    raise_by: int
    compare: Callable[[], None]
    changes: Callable[[], Iterator[KeyChange]]
    shell_image: str
    until: Callable[[str, Callable[[], bool]], None]
    say: Callable[[str], None]


def refill_members(namespace: str, name: str, replicas: int, refill: Refill) -> None:
    """Stop the members, fill every claim, start them.

    Args:
        name: Of the StatefulSet.
        replicas: Members there shall be.

    Raises:
        FleetError: A pod failed, with its words; the members stay stopped.
    """
    place = f"/apis/apps/v1/namespaces/{namespace}/statefulsets/{name}"
    found = refill.api.get(place)
    members = [Member(found, number, replicas, refill) for number in range(replicas)]
    refill.say("stopping the etcd members")
    refill.api.merge(place, {"spec": {"replicas": 0}})
    pods = f"/api/v1/namespaces/{namespace}/pods"
    selector = ",".join(
        f"{key}={value}" for key, value in found["spec"]["selector"]["matchLabels"].items()
    )
    refill.until(
        "the etcd members to stop",
        lambda: not list(refill.api.list(pods, {"labelSelector": selector})),
    )
    refill.say(f"filling {replicas} etcd members")
    with ThreadPoolExecutor(replicas) as pool:
        list(pool.map(Member.fill, members))
    refill.api.merge(place, {"spec": {"replicas": replicas}})


@dataclass(frozen=True)
class Member:
    """One member of the StatefulSet.

    Attributes:
        stateful_set: As it is.
        number: Its ordinal.
        replicas: Members in all.
    """

    stateful_set: Json
    number: int
    replicas: int
    refill: Refill

    def fill(self) -> None:
        """Its claim holds the snapshot when this returns."""
        api, namespace = self.refill.api, self.stateful_set["metadata"]["namespace"]
        pods = f"/api/v1/namespaces/{namespace}/pods"
        self._ensure_claim()
        pod = self.pod()
        name = pod["metadata"]["name"]
        path = f"{pods}/{name}"
        api.delete(path)  # of a run that was cut off
        self.refill.until(f"pod {name} to go", lambda: api.find(path) is None)
        api.create(pods, pod)
        try:
            self.refill.until(f"pod {name} to take the snapshot", lambda: self._sent(path))
            self.refill.until(f"pod {name} to end", lambda: self._ended(path))
        finally:
            api.delete(path)

    def _sent(self, path: str) -> bool:
        """Whether the pod has all of it. It says when it listens; until then this is to be asked again."""
        api, namespace = self.refill.api, self.stateful_set["metadata"]["namespace"]
        name = path.rsplit("/", 1)[1]
        if not _runs(api.get(path), RECEIVE):
            return False
        try:
            with api.forward(namespace, name, PORT) as socket, self.refill.content() as content:
                socket.settimeout(SILENCE)
                if socket.recv(len(READY)) != READY:
                    return False
                while piece := content.read(PIECE):
                    socket.sendall(piece)
                # The end of a connection is no sign that all arrived: the pod counts, and goes on by itself.
                self.refill.until(
                    f"pod {name} to have all of it", lambda: not _runs(api.get(path), RECEIVE)
                )
        except OSError as error:
            raise FleetError(
                f"The snapshot could not be sent to pod {name}: {error}.", "Run the restore again."
            ) from error
        return True

    def _ended(self, path: str) -> bool:
        """Whether the pod has done its work; its log is the error when it failed."""
        pod = self.refill.api.get(path)
        phase = pod["status"].get("phase")
        if phase == "Failed":
            raise FleetError(
                f"Pod {pod['metadata']['name']} failed: {self._log(path)}.",
                "The member's old data is still there, or the snapshot lies whole beside it; run the restore again.",
            )
        return bool(phase == "Succeeded")

    def _log(self, path: str) -> str:
        for container in (SETTLE, RESTORE, RECEIVE):
            try:
                words = self.refill.api.text(f"{path}/log", {"container": container})
            except ApiError:
                continue
            if words.strip():
                return f"{container}: {' '.join(words.split())[-500:]}"
        return "it left no log"

    def _ensure_claim(self) -> None:
        """A claim that is gone is made as the StatefulSet would make it."""
        api, namespace = self.refill.api, self.stateful_set["metadata"]["namespace"]
        claims = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims"
        template = self._claim_template
        labels = self.stateful_set["spec"]["selector"]["matchLabels"]
        metadata = {"name": self._claim, "labels": labels}
        try:
            api.create(claims, {"metadata": metadata, "spec": template["spec"]})
        except ApiError as error:
            if error.status != CONFLICT:
                raise

    def pod(self) -> Json:
        """It waits for the data, restores beside the old data, then puts it in its place."""
        template = self.stateful_set["spec"]["template"]["spec"]
        kept = ("imagePullSecrets", "nodeSelector", "tolerations", "securityContext")
        release = self.stateful_set["metadata"]["labels"]["release"]
        data = {"name": "data", "mountPath": self._mount["mountPath"]}
        work = {"name": "work", "mountPath": WORK}
        shell = self.refill.shell_image
        return {
            "metadata": {
                "name": f"{self._pod}-restore",
                "labels": {"app": APP, "release": release},
            },
            "spec": {
                **{key: template[key] for key in kept if template.get(key)},
                "automountServiceAccountToken": False,
                "restartPolicy": "Never",
                "initContainers": [
                    self._container(RECEIVE, shell, self._receive, data, work),
                    self._container(RESTORE, self._etcd["image"], self._restore, data, work),
                ],
                "containers": [self._container(SETTLE, shell, self._settle, data)],
                "volumes": [
                    {"name": "data", "persistentVolumeClaim": {"claimName": self._claim}},
                    {"name": "work", "emptyDir": {}},
                ],
            },
        }

    def _container(self, name: str, image: str, command: Sequence[str], *mounts: Json) -> Json:
        """One that runs as whom the member does."""
        own = ("securityContext", "imagePullPolicy")
        return {
            **{key: self._etcd[key] for key in own if key in self._etcd},
            "name": name,
            "image": image,
            "command": list(command),
            "volumeMounts": list(mounts),
        }

    @property
    def _receive(self) -> list[str]:
        # Some builds of busybox know no -s; whoever sends something else to those is found out by the comparison.
        listener = f"nc -l -s 127.0.0.1 -p {PORT} || nc -l -p {PORT}"
        # Its input stays open: a port-forward ends a second after one side has ended.
        greeting = f"printf 'ready\\n'; sleep {DAY}"
        listen = f"{{ {greeting}; }} | {{ {listener}; }} > {DATABASE}"
        whole = f'[ "$(wc -c < {DATABASE})" -ge {self.refill.size} ]'
        return ["sh", "-c", f"rm -rf {self._fresh}; {listen} & until {whole}; do sleep 1; done"]

    @property
    def _restore(self) -> list[str]:
        return [
            "etcdutl",
            "snapshot",
            "restore",
            DATABASE,
            f"--data-dir={self._fresh}",
            f"--name={self._pod}",
            f"--initial-cluster={self._argument('--initial-cluster')}",
            f"--initial-cluster-token={self._argument('--initial-cluster-token')}",
            f"--initial-advertise-peer-urls={self._argument('--initial-advertise-peer-urls')}",
            f"--bump-revision={self.refill.raise_by}",
            "--mark-compacted",
        ]

    @property
    def _settle(self) -> list[str]:
        member, fresh = f"{self._folder}/member", self._fresh
        return ["sh", "-c", f"rm -rf {member} && mv {fresh}/member {member} && rm -rf {fresh}"]

    @property
    def _folder(self) -> str:
        """The data directory."""
        return self._argument("--data-dir")

    @property
    def _fresh(self) -> str:
        """Where the restored data lies before it takes its place."""
        return f"{self._folder}/restored"

    @property
    def _pod(self) -> str:
        return f"{self.stateful_set['metadata']['name']}-{self.number}"

    @property
    def _claim(self) -> str:
        return f"{self._claim_template['metadata']['name']}-{self._pod}"

    @property
    def _etcd(self) -> Mapping[str, Any]:
        containers = self.stateful_set["spec"]["template"]["spec"]["containers"]
        found: Mapping[str, Any] = next(c for c in containers if c["name"] == "etcd")
        return found

    @property
    def _mount(self) -> Mapping[str, Any]:
        """Where the data lies (0.36.1, templates/etcd-statefulset.yaml: the volume `data` is the data directory)."""
        found: Mapping[str, Any] = next(
            mount for mount in self._etcd["volumeMounts"] if mount["name"] == "data"
        )
        return found

    @property
    def _claim_template(self) -> Mapping[str, Any]:
        templates = self.stateful_set["spec"].get("volumeClaimTemplates") or ()
        found = next((t for t in templates if t["metadata"]["name"] == "data"), None)
        if found is None:
            name = self.stateful_set["metadata"]["name"]
            raise FleetError(
                f"StatefulSet {name} has no volume claims: its members' data goes with their pods.",
                "Such a store cannot be restored into.",
            )
        result: Mapping[str, Any] = found
        return result

    def _argument(self, flag: str) -> str:
        """The value of a flag of the member's own command, its name filled in."""
        prefix = f"{flag}="
        command = [*(self._etcd.get("command") or ()), *(self._etcd.get("args") or ())]
        # etcd takes the last of several.
        values = [text.removeprefix(prefix) for text in command if text.startswith(prefix)]
        if not values:
            name = self.stateful_set["metadata"]["name"]
            raise FleetError(f"The command of StatefulSet {name} has no {flag}.")
        return str(values[-1]).replace("$(NAME)", self._pod)


def _runs(pod: Json, container: str) -> bool:
    """Whether this init container runs now."""
    statuses = pod["status"].get("initContainerStatuses") or ()
    return any(s["name"] == container and "running" in s.get("state", {}) for s in statuses)
