# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fill the members of a deployed etcd with a snapshot: a pod on each member's claim, where etcd's own tool works.

The members are stopped meanwhile. A member's old data stays until the new one lies complete beside it, so a run that is
cut off anywhere is simply done again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import IO, Any

from .._core.errors import FleetError
from .._core.etcd import KeyChange, KeyValue
from .._core.ports import Json, Reach
from .._core.snapshot import Way
from .claim_pod import READY, WORK, ClaimPod, runs
from .work import Work

RECEIVE, RESTORE, SETTLE = "receive", "restore", "settle"
DATABASE = f"{WORK}/etcd.db"
PIECE = 1 << 18
LEDGE = (
    1_000_000_000  # revisions above all that clients have seen; etcd's documentation uses as many
)


@dataclass(frozen=True)
class Delivery(Work):
    """A file on its way into the claim of a store whose control plane is stopped.

    Attributes:
        content: Opens it.
        size: Its bytes.
        sha256: Its sum, 64 hex digits.
        shell_image: An image with a shell: the control plane's own.
    """

    content: Callable[[], AbstractContextManager[IO[bytes]]]
    size: int
    sha256: str
    shell_image: str

    def fill(self, place: ClaimPod, pod: Json) -> None:
        """The claim holds the data when this returns.

        Args:
            pod: On that claim: its first container takes the data, the others put it in its place.
        """
        name = pod["metadata"]["name"]
        with place.running(pod) as path:
            self.until(
                f"pod {name} to take the data",
                lambda: place.met(path, RECEIVE, lambda socket: self._sent(socket, path)),
            )
            self.until(f"pod {name} to end", lambda: place.ended(path))

    def _sent(self, socket: Any, path: str) -> bool:
        """Whether the pod has all of it. It says when it listens."""
        if socket.recv(len(READY)) != READY:
            return False
        with self.content() as content:
            while piece := content.read(PIECE):
                socket.sendall(piece)
        # The end of a connection is no sign that all arrived: the pod counts, and goes on by itself.
        name = path.rsplit("/", 1)[1]
        self.until(f"pod {name} to have all of it", lambda: not runs(self.api.get(path), RECEIVE))
        return True


@dataclass(frozen=True)
class Refill(Delivery):
    """A snapshot on its way into a store whose control plane is stopped.

    Attributes:
        reach: Ways into the vCluster.
        way: Form of the data.
        items: What it holds that no lease ends.
        revision: What the store has to reach (G61).
        raise_by: What it has to raise that of the data by; 0 where the data is raised already.
        compare: Raises unless the store holds what it was filled with; before it is changed.
        changes: What the store has to change then; see `rewrite`.
    """

    reach: Reach
    way: Way
    items: Callable[[], Iterator[KeyValue]]
    revision: int
    raise_by: int
    compare: Callable[[], None]
    changes: Callable[[], Iterator[KeyChange]]


def refill_members(
    namespace: str, name: str, replicas: int, refill: Delivery, raise_by: int, cluster: str = ""
) -> None:
    """Stop the members, fill every claim, start them.

    Args:
        name: Of the StatefulSet.
        replicas: Members there shall be.
        raise_by: What the revision of the data is raised by (G61).
        cluster: Names and addresses of the members; empty where their command says it.

    Raises:
        FleetError: A pod failed, with its words; the members stay stopped.
    """
    place = f"/apis/apps/v1/namespaces/{namespace}/statefulsets/{name}"
    found = refill.api.get(place)
    members = [
        Member(found, number, replicas, refill, raise_by, cluster) for number in range(replicas)
    ]
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
        raise_by: See refill_members.
        cluster: See refill_members.
    """

    stateful_set: Json
    number: int
    replicas: int
    refill: Delivery
    raise_by: int
    cluster: str = ""

    def fill(self) -> None:
        """Its claim holds the snapshot when this returns."""
        self._place.ensure_claim()
        self.refill.fill(self._place, self.pod())

    def pod(self) -> Json:
        """It waits for the data, restores beside the old data, then puts it in its place."""
        place, shell = self._place, self.refill.shell_image
        receive = place.receive(DATABASE, self.refill.size, f"rm -rf {self._fresh}")
        return place.manifest(
            "restore",
            [
                place.step(RECEIVE, shell, receive, place.data, place.work),
                place.step(RESTORE, place.own["image"], self._restore, place.data, place.work),
            ],
            place.step(SETTLE, shell, self._settle, place.data),
        )

    @property
    def _place(self) -> ClaimPod:
        return ClaimPod(self.refill.api, self.refill.until, self.stateful_set, self.number, "etcd")

    @property
    def _restore(self) -> list[str]:
        return [
            "etcdutl",
            "snapshot",
            "restore",
            DATABASE,
            f"--data-dir={self._fresh}",
            f"--name={self._place.owner}",
            f"--initial-cluster={self.cluster or self._argument('--initial-cluster')}",
            f"--initial-cluster-token={self._argument('--initial-cluster-token')}",
            f"--initial-advertise-peer-urls={self._argument('--initial-advertise-peer-urls')}",
            f"--bump-revision={self.raise_by}",
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

    def _argument(self, flag: str) -> str:
        """The value of a flag of the member's own command, its name filled in."""
        prefix, own = f"{flag}=", self._place.own
        command = [*(own.get("command") or ()), *(own.get("args") or ())]
        # etcd takes the last of several.
        values = [text.removeprefix(prefix) for text in command if text.startswith(prefix)]
        if not values:
            name = self.stateful_set["metadata"]["name"]
            raise FleetError(f"The command of StatefulSet {name} has no {flag}.")
        # How the chart's members name themselves (0.36.1, etcd-statefulset.yaml), and those of roles/backend_etcd.
        return re.sub(r"\$\((NAME|POD)\)", self._place.owner, str(values[-1]))
