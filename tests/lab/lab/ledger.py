# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client that counts what a cluster loses: numbered ConfigMaps at a fixed rate.

Each is written once, without a retry, unless patience is given. What the server acknowledged is
kept in a file before the next write; in the end all are read back. `lost` are acknowledged writes
that are not there, also when they are asked for by name; those that only a list lacks are `unlisted`.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import http.client
import itertools
import json
import os
import ssl
import tempfile
import threading
import time
import urllib.parse
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

import yaml

from .command import LabError, write_private

LABEL = "lab.fleetops/ledger"
REQUEST_TIMEOUT = 5.0  # seconds; an API server that is worth its name answers sooner
READ_LIMIT = 120.0  # seconds for all to be read back, outage included
PAGE = 500
RETRY = 0.2  # seconds between two attempts of a write


@dataclass(frozen=True)
class Target:
    """An API server and how to talk to it."""

    host: str
    port: int
    tls: ssl.SSLContext | None
    headers: Mapping[str, str]

    @classmethod
    def of(cls, kubeconfig: Path, server: str | None = None) -> Target:
        """Read the current context of a kubeconfig.

        :param server: URL to use instead of the kubeconfig's, such as that of one replica.
        :raises LabError: The file holds no such context.
        """
        try:
            document = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
            context = _named(document, "contexts", document["current-context"])["context"]
            cluster = _named(document, "clusters", context["cluster"])["cluster"]
            user = _named(document, "users", context["user"])["user"]
        except (OSError, KeyError, TypeError, yaml.YAMLError) as error:
            raise LabError(f"{kubeconfig}: not a kubeconfig with a context ({error!r})") from error
        url = urllib.parse.urlsplit(server or cluster["server"])
        if not url.hostname:
            raise LabError(f"{url.geturl()!r}: not the URL of a server")
        headers = {"Content-Type": "application/json"}
        if user.get("token"):
            headers["Authorization"] = f"Bearer {user['token']}"
        tls = _tls(cluster, user) if url.scheme == "https" else None
        return cls(url.hostname, url.port or (443 if tls else 80), tls, headers)

    def connect(self) -> http.client.HTTPConnection:
        if self.tls:
            return http.client.HTTPSConnection(
                self.host, self.port, timeout=REQUEST_TIMEOUT, context=self.tls
            )
        return http.client.HTTPConnection(self.host, self.port, timeout=REQUEST_TIMEOUT)

    def request(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: object = None
    ) -> tuple[int, Any]:
        """One request; returns the status code and the parsed answer."""
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, dict(self.headers))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")


def _named(document: Any, kind: str, name: str) -> Any:
    return next((entry for entry in document[kind] if entry["name"] == name), {})


def _tls(cluster: Mapping[str, Any], user: Mapping[str, Any]) -> ssl.SSLContext:
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    if user.get("client-certificate-data"):
        # The ssl module reads a client's key from a file only.
        with tempfile.NamedTemporaryFile("wb") as pair:  # 0600
            for part in ("client-certificate-data", "client-key-data"):
                pair.write(base64.b64decode(user[part]))
            pair.flush()
            context.load_cert_chain(pair.name)
    return context


@dataclass
class Report:
    """What came of it; times in seconds."""

    attempts: int = 0
    failed: int = 0
    acknowledged: int = 0
    lost: int = 0
    unlisted: int = 0
    longest_gap_s: float = 0.0


@dataclass
class Ledger:
    """Writes at a fixed rate for a while, then reads back.

    :param target: The API server.
    :param namespace: Namespace of the ConfigMaps; it must exist.
    :param rate: Writes a second, over all connections.
    :param seconds: How long to write.
    :param connections: Connections side by side; a hanging one takes none of the others' time.
    :param kept: File of the acknowledged numbers, one a line, each on disk before the next write.
    :param patience: Seconds for which a write that failed is tried again, as a client's library does.
    """

    target: Target
    namespace: str
    rate: float
    seconds: float
    connections: int
    kept: Path
    patience: float = 0.0
    run: str = field(default_factory=lambda: uuid.uuid4().hex[:8])
    report: Report = field(default_factory=Report)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _next: int = 0
    _start: float = 0.0
    _acknowledged: list[float] = field(default_factory=list)

    def write(self) -> None:
        """Write until the time is up; failures are counted, never repeated."""
        self._start = time.monotonic()
        with self.kept.open("w", encoding="ascii") as file:
            workers = [
                threading.Thread(target=self._work, args=(file,)) for _ in range(self.connections)
            ]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
        self.report.longest_gap_s = round(self._longest_gap(), 3)

    def stop(self) -> None:
        """The time is up now."""
        self.seconds = time.monotonic() - self._start
        self._stopped.set()

    def check(self) -> None:
        """Read all back and count the acknowledged ones that are gone or differ.

        :raises LabError: The server did not let itself be read in time.
        """
        until = time.monotonic() + READ_LIMIT
        while True:
            try:
                return self._compare()
            except (OSError, http.client.HTTPException, ValueError) as error:
                if time.monotonic() > until:
                    where = f"{self.target.host}:{self.target.port}"
                    raise LabError(
                        f"{where}: what was written can't be read back; after {READ_LIMIT:.0f} s: "
                        f"{error!r}. The acknowledged numbers are in {self.kept}"
                    ) from error
                time.sleep(1)

    def numbers(self) -> list[int]:
        """The acknowledged ones."""
        return [int(line) for line in self.kept.read_text(encoding="ascii").split()]

    def _slots(self) -> Iterator[int]:
        """The numbers for one connection, each at its time: those of all make the rate."""
        while True:
            with self._lock:
                number = self._next
                self._next += 1
            due = number / self.rate
            if due >= self.seconds:
                return
            if self._stopped.wait(max(0.0, self._start + due - time.monotonic())):
                return
            yield number

    def _work(self, file: IO[str]) -> None:
        connection = self.target.connect()
        for number in self._slots():
            self._record(number, self._written(connection, number), file)
        connection.close()

    def _written(self, connection: http.client.HTTPConnection, number: int) -> bool:
        """Whether the server acknowledged it in time."""
        end = time.monotonic() + self.patience
        again = False
        while True:
            status = self._attempt(connection, number)
            # It was written at an earlier attempt, whose answer was lost.
            if status == 201 or (again and status == 409):
                return True
            if (status and status != 429 and status < 500) or time.monotonic() >= end:
                return False
            again = True
            time.sleep(RETRY)

    def _attempt(self, connection: http.client.HTTPConnection, number: int) -> int:
        """The status of the answer; 0 for none."""
        try:
            return self.target.request(connection, "POST", self._path(), self._object(number))[0]
        except (OSError, http.client.HTTPException, ValueError):
            connection.close()
            return 0

    def _record(self, number: int, acknowledged: bool, file: IO[str]) -> None:
        with self._lock:
            self.report.attempts += 1
            if not acknowledged:
                self.report.failed += 1
                return
            self.report.acknowledged += 1
            self._acknowledged.append(time.monotonic())
            file.write(f"{number}\n")
            file.flush()
            os.fsync(file.fileno())

    def _longest_gap(self) -> float:
        """The longest time without an acknowledged write, counted from start to end of the run."""
        times = [self._start, *sorted(self._acknowledged), self._start + self.seconds]
        return max(0.0, *(later - sooner for sooner, later in itertools.pairwise(times)))

    def _path(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/configmaps"

    def _object(self, number: int) -> dict[str, Any]:
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": self._name(number), "labels": {LABEL: self.run}},
            "data": {"number": str(number), "content": self._content(number)},
        }

    def _name(self, number: int) -> str:
        return f"ledger-{self.run}-{number:06d}"

    def _content(self, number: int) -> str:
        return hashlib.sha256(f"{self.run}-{number}".encode()).hexdigest()

    def _compare(self) -> None:
        listed = dict(self._pages())
        missing = [n for n in self.numbers() if listed.get(n) != self._content(n)]
        self.report.unlisted = sum(self._get(n) == self._content(n) for n in missing)
        self.report.lost = len(missing) - self.report.unlisted

    def _get(self, number: int) -> str | None:
        """The content under the number's name, as the store has it: no cache answers a GET; None if it is not there."""
        connection = self.target.connect()
        path = f"{self._path()}/{self._name(number)}"
        status, found = self.target.request(connection, "GET", path)
        connection.close()
        if status not in (200, 404):
            raise ValueError(f"{path} was answered with {status}")
        return found["data"]["content"] if status == 200 else None

    def _pages(self) -> Iterator[tuple[int, str]]:
        connection = self.target.connect()
        token = ""
        while True:
            query = {"labelSelector": f"{LABEL}={self.run}", "limit": PAGE, "continue": token}
            path = f"{self._path()}?{urllib.parse.urlencode(query)}"
            status, page = self.target.request(connection, "GET", path)
            if status != 200:
                raise ValueError(f"the list was answered with {status}")
            for item in page["items"]:
                yield int(item["data"]["number"]), item["data"]["content"]
            token = page["metadata"].get("continue", "")
            if not token:
                connection.close()
                return


def add_command(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `lab ledger` to the command line."""
    help_text = "write numbered objects at a fixed rate and count what is lost"
    parser = subparsers.add_parser("ledger", help=help_text, description=help_text)
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--server", help="URL to use instead of the kubeconfig's")
    parser.add_argument("--namespace", default="default")
    parser.add_argument("--rate", type=float, default=20, help="writes a second (default 20)")
    parser.add_argument("--seconds", type=float, default=30, help="how long (default 30)")
    parser.add_argument("--connections", type=int, default=8, help="side by side (default 8)")
    parser.add_argument("--report", type=Path, required=True, help="JSON file to write")
    parser.set_defaults(run=_command)


def _command(arguments: argparse.Namespace) -> int:
    if min(arguments.rate, arguments.seconds, arguments.connections) <= 0:
        raise LabError("--rate, --seconds and --connections must be above 0")
    ledger = Ledger(
        Target.of(arguments.kubeconfig, arguments.server),
        arguments.namespace,
        arguments.rate,
        arguments.seconds,
        arguments.connections,
        arguments.report.with_suffix(".acknowledged"),
    )
    ledger.write()
    ledger.check()
    text = json.dumps(asdict(ledger.report))
    write_private(arguments.report, text + "\n")
    print(text)
    return 1 if ledger.report.lost else 0
