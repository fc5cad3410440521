# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger must notice what it is there for: lost, changed and refused writes, and gaps."""

from __future__ import annotations

import itertools
import json
import re
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.command import LabError
from lab.ledger import Ledger, Target

RATE, SECONDS = 100.0, 0.5
OUTAGE = 4.0  # s: a run with an outage in it; a busy machine may stop for some tenths of a second


class Store:
    """An API server for ConfigMaps, in memory, that pages its lists and loses on demand."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.unlisted: set[str] = set()
        self.refuse: Callable[[], bool] = lambda: False
        self.page = 20
        self.accepted: list[float] = []
        self.lock = threading.Lock()

    def add(self, item: dict[str, Any]) -> int:
        with self.lock:
            if self.refuse():
                return 500
            self.objects[item["metadata"]["name"]] = item
            self.accepted.append(time.monotonic())
        return 201

    def list(self, start: int) -> dict[str, Any]:
        items = [self.objects[name] for name in sorted({*self.objects} - self.unlisted)]
        more = str(start + self.page) if start + self.page < len(items) else ""
        return {"items": items[start : start + self.page], "metadata": {"continue": more}}


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def ledger(store: Store, tmp_path: Path) -> Iterator[Ledger]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(store.add(json.loads(body)), {})

        def do_GET(self) -> None:
            url = urllib.parse.urlsplit(self.path)
            name = url.path.rpartition("configmaps")[2].strip("/")
            if name:
                self._answer(200 if name in store.objects else 404, store.objects.get(name, {}))
                return
            query = urllib.parse.parse_qs(url.query)
            self._answer(200, store.list(int(query.get("continue", ["0"])[0])))

        def _answer(self, status: int, document: object) -> None:
            text = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    target = Target("127.0.0.1", server.server_address[1], None, {})
    yield Ledger(target, "default", RATE, SECONDS, 4, tmp_path / "kept")
    server.shutdown()


def test_a_good_server_loses_nothing(ledger: Ledger) -> None:
    ledger.write()
    ledger.check()
    report = ledger.report
    assert (report.attempts, report.failed, report.acknowledged, report.lost) == (50, 0, 50, 0)
    assert report.longest_gap_s < SECONDS
    assert sorted(map(int, ledger.kept.read_text().split())) == list(range(50))


def test_what_was_acknowledged_and_is_gone_or_changed_is_lost(ledger: Ledger, store: Store) -> None:
    ledger.write()
    names = sorted(store.objects)
    del store.objects[names[3]]
    store.objects[names[7]]["data"]["content"] = "other"
    ledger.check()
    assert (ledger.report.lost, ledger.report.unlisted) == (2, 0)


def test_what_is_there_and_only_a_list_lacks_is_told_apart(ledger: Ledger, store: Store) -> None:
    ledger.write()
    names = sorted(store.objects)
    del store.objects[names[3]]
    store.unlisted = {*names[5:7]}
    ledger.check()
    assert (ledger.report.lost, ledger.report.unlisted) == (1, 2)


def test_a_refused_write_is_failed_and_not_lost(ledger: Ledger, store: Store) -> None:
    ledger.seconds = OUTAGE
    store.refuse = lambda: len(store.objects) >= 10
    ledger.write()
    ledger.check()
    report = ledger.report
    assert (report.acknowledged, report.failed, report.lost) == (10, 390, 0)
    assert report.longest_gap_s > 3.0  # the outage that lasts to the end counts


def test_the_longest_gap_is_that_between_acknowledged_writes(ledger: Ledger, store: Store) -> None:
    ledger.seconds = OUTAGE
    began = time.monotonic()
    store.refuse = lambda: 0.8 < time.monotonic() - began < 3.3
    ledger.write()
    gaps = [after - before for before, after in pairwise(store.accepted)]
    # The writers hear of it a moment after the server has done it.
    assert ledger.report.longest_gap_s == pytest.approx(max(gaps), abs=0.4)
    assert ledger.report.longest_gap_s > 2.1


def test_a_file_that_is_no_kubeconfig_is_named(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump({"contexts": []}))
    with pytest.raises(LabError, match=re.escape(str(path))):
        Target.of(path)


def test_a_patient_client_tries_again_and_is_told_when_it_had_been_written(
    store: Store, ledger: Ledger
) -> None:
    answers = itertools.cycle([True, False])
    store.refuse = lambda: next(answers)
    ledger.patience = 5.0
    ledger.rate, ledger.seconds = 10.0, 0.5
    ledger.write()
    ledger.check()
    assert (ledger.report.failed, ledger.report.acknowledged, ledger.report.lost) == (0, 5, 0)


def test_it_can_be_stopped(ledger: Ledger) -> None:
    ledger.seconds = 60.0
    writer = threading.Thread(target=ledger.write)
    writer.start()
    time.sleep(0.3)
    ledger.stop()
    writer.join(5)
    assert not writer.is_alive()
    assert ledger.report.acknowledged > 5
    assert ledger.report.longest_gap_s < 1
