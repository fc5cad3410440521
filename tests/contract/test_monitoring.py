# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules and dashboards name metrics that there are: of a running release, of a real etcd and kine, and our own."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import pytest
import yaml
from facts import Contract

from ansible_collections.fleetops.vcluster.plugins.module_utils._operate.metrics import (
    GAUGES,
    PREFIX,
)
from lab import parts

FILES = Path(__file__).resolve().parents[2] / "roles" / "monitoring" / "files"
DASHBOARDS = sorted((FILES / "dashboards").glob("*.json"))
LIMIT = 30  # seconds
# What is left of an expression when labels, ranges and texts are gone, and is no metric.
WORDS = {
    *("by", "on", "or", "unless", "bool", "sum", "max", "count", "rate", "increase", "deriv"),
    *("topk", "time", "vector", "histogram_quantile", "predict_linear", "label_values"),
}


def named(expression: str) -> set[str]:
    """The metrics of an expression."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\b(?:by|on) \([^)]*\)", "", bare)
    return {word for word in re.findall(r"[A-Za-z_]\w*", bare) if word not in WORDS}


def of_rules() -> dict[str, set[str]]:
    groups = yaml.safe_load((FILES / "alerts.yml").read_text())["groups"]
    return {rule["alert"]: named(rule["expr"]) for group in groups for rule in group["rules"]}


def of_dashboard(path: Path) -> dict[str, set[str]]:
    document = json.loads(path.read_text())
    panels = {
        panel["title"]: set().union(*(named(target["expr"]) for target in panel["targets"]))
        for panel in document["panels"]
    }
    queries = [v["query"] for v in document["templating"]["list"] if v["type"] == "query"]
    return {**panels, "variables": {name for query in queries for name in named(query) - LABELS}}


LABELS = {"vcluster", "namespace"}  # the second argument of label_values


@pytest.fixture(scope="session")
def observed(contract: Contract) -> dict[str, set[str]]:
    """Names by component: what a release gave, and what etcd and kine of the lab give."""
    folder = contract.folder / "observed" / "0.36.1"

    def names(case: str, file: str) -> set[str]:
        return set((folder / case / f"{file}.names.txt").read_text().split())

    return {
        "api": names("sqlite", "metrics") & names("etcd-deploy-3", "metrics"),
        "kine in SQLite": names("sqlite", "metrics_kine"),
        "etcd": _of_etcd("etcd", "etcdctl") & _of_etcd("etcd-3.5", "etcdctl-3.5") | ALARMS,
        "kine": _of_kine(),
        "ours": {PREFIX + gauge.name for gauge in GAUGES}
        | {f"{PREFIX}state", f"{PREFIX}check_passed"},
        "prometheus": {"up"},
    }


ALARMS = {"etcd_debugging_server_alarms"}  # of 3.6 alone; the last test has it
# What shows after an event that these servers do not have: a second member, two writers at one key.
PEERS = {"etcd_network_peer_round_trip_time_seconds_bucket"}  # etcd, rafthttp/metrics.go
RETRIES = {"kine_insert_errors_total"}  # kine 0.17, pkg/metrics/metrics.go


@contextmanager
def running(argv: list[str], metrics: str, folder: Path | None = None) -> Iterator[None]:
    """A program that serves metrics."""
    process = subprocess.Popen(
        argv, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: bool(scraped(metrics)))
        yield
    finally:
        process.kill()
        process.wait()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def scraped(address: str) -> str:
    try:
        with urlopen(address, timeout=5) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""


def names_in(text: str) -> set[str]:
    return set(re.findall(r"^([a-z_]+)[{ ]", text, re.MULTILINE))


def free() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def etcd(program: str, folder: Path, *more: str) -> Iterator[tuple[str, str]]:
    """Its client address and that of its metrics."""
    client, peer, metrics = (f"http://127.0.0.1:{free()}" for _ in range(3))
    argv = [
        str(parts.build([program])[program]),
        f"--data-dir={folder}",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        f"--listen-metrics-urls={metrics}",
        *more,
    ]
    with running(argv, f"{metrics}/metrics"):
        yield client, f"{metrics}/metrics"


def put(etcdctl: str, address: str, value: str) -> None:
    """Writes until it is refused, or once."""
    program = parts.build([etcdctl])[etcdctl]
    argv = [program, f"--endpoints={address}", "put", "key", value]
    subprocess.run(argv, capture_output=True, timeout=LIMIT, check=False)


def _of_etcd(program: str, etcdctl: str) -> set[str]:
    with tempfile.TemporaryDirectory() as folder, etcd(program, Path(folder)) as (client, metrics):
        put(etcdctl, client, "value")
        return names_in(scraped(metrics)) | PEERS


def _of_kine() -> set[str]:
    client, metrics = (f"127.0.0.1:{free()}" for _ in range(2))
    argv = [
        str(parts.build(["kine"])["kine"]),
        "--endpoint=sqlite://kine.db?_journal=WAL",
        f"--listen-address=http://{client}",
        f"--metrics-bind-address={metrics}",
        "--compact-interval=1s",
    ]
    address = f"http://{metrics}/metrics"
    with tempfile.TemporaryDirectory() as folder, running(argv, address, Path(folder)):
        until(lambda: "kine_compact_total" in scraped(address))
        return names_in(scraped(address)) | RETRIES


def test_rules_name_metrics_that_there_are(observed: dict[str, set[str]]) -> None:
    known = set().union(*observed.values())
    wrong = {alert: names - known for alert, names in of_rules().items() if names - known}
    assert wrong == {}


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_dashboards_name_metrics_that_their_store_gives(
    observed: dict[str, set[str]], path: Path
) -> None:
    stores = {"sqlite": "kine in SQLite", "etcd": "etcd", "kine": "kine"}
    known = observed["api"] | observed[stores[path.stem]] | observed["prometheus"]
    wrong = {title: n - known for title, n in of_dashboard(path).items() if n - known}
    assert wrong == {}


def test_the_alarm_shows_when_the_quota_is_reached(tmp_path: Path) -> None:
    with etcd("etcd", tmp_path / "data", "--quota-backend-bytes=100000") as (client, metrics):
        assert not re.search(r"^etcd_debugging_server_alarms\{", scraped(metrics), re.MULTILINE)

        def alarmed() -> bool:
            put("etcdctl", client, "x" * 50_000)
            found = re.findall(
                r'^etcd_debugging_server_alarms\{alarm_type="NOSPACE",server_id="\w+"\} (\S+)$',
                scraped(metrics),
                re.MULTILINE,
            )
            return [float(value) > 0 for value in found] == [True]

        until(alarmed)


def test_dashboards_are_such() -> None:
    documents = [json.loads(path.read_text()) for path in DASHBOARDS]
    assert len(documents) == 3
    assert len({document["uid"] for document in documents}) == len(documents)
    for document in documents:
        places = [(p["gridPos"]["x"], p["gridPos"]["y"]) for p in document["panels"]]
        assert len(set(places)) == len(places)
        for panel in document["panels"]:
            assert panel["datasource"]["uid"] == "${datasource}"
            for target in panel["targets"]:
                assert 'vcluster="$vcluster"' in target["expr"]
