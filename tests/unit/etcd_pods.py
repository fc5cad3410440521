# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pods of a deployed etcd as real etcd servers on loopback: what the chart's StatefulSet does with them."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from programs import Programs, free_port, listening

from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.api import KubernetesApi
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.etcd import EtcdGateway
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.kubeconfig import (
    Connection,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.retry import Patience
from ansible_collections.fleetops.vcluster.plugins.module_utils._cluster.transport import (
    HostTransport,
)
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.errors import ApiError
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.observation import Pod
from ansible_collections.fleetops.vcluster.plugins.module_utils._core.ports import Backend
from ansible_collections.fleetops.vcluster.plugins.module_utils._stores.etcd_seats import Seats

NAME = "tenant-etcd"
SECONDS = 40.0
QUICK = Patience(busy=10.0, silent=0.3, first=0.05, longest=0.2, connect=2.0, read=5.0)


class EtcdPods:
    """Up to five pods `tenant-etcd-N`, and the host cluster's API as far as members need it."""

    def __init__(self, program: Path, programs: Programs, folder: Path) -> None:
        self._program = program
        self._programs = programs
        self._folder = folder
        self._ports = [(free_port(), free_port()) for _ in range(5)]
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.said: list[str] = []
        self.deleted: list[str] = []
        self._going: set[str] = set()

    def peer_url(self, pod: str) -> str:
        return f"http://127.0.0.1:{self._port(pod)[1]}"

    def start(
        self, count: int, *pods: str, existing: bool = False, more: Sequence[str] = ()
    ) -> None:
        """Start pods (all of them by default) with the arguments that the chart gives for so many members."""
        names = [f"{NAME}-{number}" for number in range(count)]
        for pod in pods or names:
            self._start(pod, names, existing, more)

    def _start(self, pod: str, names: Sequence[str], existing: bool, more: Sequence[str]) -> None:
        client = f"http://127.0.0.1:{self._port(pod)[0]}"
        peer = self.peer_url(pod)
        cluster = ",".join(f"{name}={self.peer_url(name)}" for name in names)
        command = [
            str(self._program),
            f"--name={pod}",
            f"--data-dir={self.data(pod)}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster={cluster}",
            f"--initial-cluster-token={NAME}",
            "--initial-cluster-state=new",
            "--unsafe-no-fsync",
            "--log-level=warn",
            *more,
        ]
        if existing:
            command.append("--initial-cluster-state=existing")
        self._running[pod] = self._programs.start(pod, command)

    def ready(self) -> None:
        """Wait until all of them listen."""
        for pod in self._running:
            self._programs.wait_for(pod, lambda pod=pod: listening(self._port(pod)[0]))  # type: ignore[misc]

    def end(self, *pods: str) -> None:
        for pod in pods or tuple(self._running):
            process = self._running.pop(pod)
            process.kill()
            process.wait()
            if pod in self._going:
                self._going.remove(pod)
                self.wipe(pod)

    def ended(self, pod: str) -> bool:
        """Whether it ended by itself."""
        return self._running[pod].poll() is not None

    def log(self, pod: str) -> str:
        return (self._folder / f"{pod}.log").read_text(errors="replace")

    def wipe(self, pod: str) -> None:
        shutil.rmtree(self.data(pod), ignore_errors=True)

    def data(self, pod: str) -> Path:
        return self._folder / pod

    def pods(self) -> list[Pod]:
        return [Pod("etcd", pod, ready=True) for pod in sorted(self._running)]

    @contextmanager
    def member(self, pod: str) -> Iterator[EtcdGateway]:
        """See Reach."""
        url = f"http://127.0.0.1:{self._port(pod)[0]}"
        connection = Connection(url, None, None, None, lambda: None, pod)
        yield EtcdGateway(KubernetesApi(pod, HostTransport(lambda: connection), QUICK))

    def metrics(self, backend: Backend) -> str:
        """See Reach."""
        with urlopen(
            f"http://127.0.0.1:{self._port(backend.pod)[0]}/metrics", timeout=10
        ) as answer:
            return str(answer.read().decode())

    def find(self, path: str) -> dict[str, Any] | None:
        """See Api: claims are there while their data is."""
        pod = path.rpartition("/")[2].removeprefix("data-")
        data = self.data(pod)
        return {"metadata": {"uid": str(data.stat().st_ino)}} if data.exists() else None

    def delete(self, path: str) -> None:
        """See Api: a claim stays as long as its pod."""
        name = path.rpartition("/")[2]
        self.deleted.append(name)
        pod = name.removeprefix("data-")
        if name == pod:
            return
        if pod in self._running:
            self._going.add(pod)
        else:
            self.wipe(pod)

    def _port(self, pod: str) -> tuple[int, int]:
        return self._ports[int(pod.rpartition("-")[2])]


@dataclass(frozen=True)
class LocalSeats(Seats):
    """The members are on loopback."""

    etcd: EtcdPods

    def peer_url(self, pod: str) -> str:
        return self.etcd.peer_url(pod)


def seats(etcd: EtcdPods) -> Seats:
    return LocalSeats("vcluster-tenant", NAME, etcd)


def until(what: str, holds: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < end, f"waited for {what}"
        time.sleep(0.1)


def begun(etcd: EtcdPods, count: int, *more: str) -> None:
    etcd.start(count, more=more)
    etcd.ready()
    until("a leader", lambda: len(voters(etcd)) == count and led(etcd))
    write(etcd, b"first")


def write(etcd: EtcdPods, key: bytes) -> None:
    with etcd.member(f"{NAME}-0") as member:
        member.write([(b"/registry/" + key, b"kept")])


def keys(etcd: EtcdPods, pod: str) -> int:
    with etcd.member(pod) as member:
        found = member.count(prefix=b"/registry/")
    return found[1] if found else -1


def voters(etcd: EtcdPods) -> list[str]:
    """Those that all of them know; a learner cannot be asked."""
    lists = set()
    for pod in etcd.pods():
        try:
            with etcd.member(pod.name) as member:
                lists.add(tuple(sorted(m.name for m in member.members() if not m.learner)))
        except ApiError as error:
            assert "not supported for learner" in str(error)
    return list(lists.pop()) if len(lists) == 1 else []


def led(etcd: EtcdPods) -> bool:
    with etcd.member(f"{NAME}-0") as member:
        return member.status().leader not in ("", "0")


def leads(member: EtcdGateway) -> bool:
    status = member.status()
    return status.id == status.leader


def leader(etcd: EtcdPods) -> str:
    """The pod that leads; empty while none does."""
    for pod in etcd.pods():
        with etcd.member(pod.name) as member:
            if leads(member):
                return pod.name
    return ""


def lead(etcd: EtcdPods, pod: str) -> None:
    """That pod leads."""
    now = leader(etcd)
    if now != pod:
        with etcd.member(now) as member:
            member.move_leader(next(m.id for m in member.members() if m.name == pod))
    until(f"{pod} to lead", lambda: leader(etcd) == pod)
