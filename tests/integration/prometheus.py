# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real Prometheus on this machine, which reaches the lab's pods directly."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import urlopen

import yaml
from by_hand import wait_until

from lab import parts

INTERVAL = "1s"


@dataclass(frozen=True)
class Prometheus:
    """Its API."""

    address: str

    def ask(self, path: str) -> Any:
        with urlopen(f"{self.address}/api/v1/{path}", timeout=10) as answer:
            return json.loads(answer.read())["data"]

    def targets(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("targets?state=active")["activeTargets"]
        return found

    def rules(self) -> list[dict[str, Any]]:
        return [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]

    def values(self, expression: str) -> list[float]:
        found = self.ask(f"query?query={quote(expression)}")["result"]
        return [float(sample["value"][1]) for sample in found]

    def firing(self, vcluster: str) -> set[str]:
        return {
            alert["labels"]["alertname"]
            for alert in self.ask("alerts")["alerts"]
            if alert["state"] == "firing" and alert["labels"].get("vcluster") == vcluster
        }


@contextmanager
def prometheus(folder: Path, configuration: Path) -> Iterator[Prometheus]:
    """Runs with the files that the playbook monitoring wrote.

    Args:
        folder: For what it keeps.
        configuration: The folder of those files.
    """
    own = folder / "prometheus.yml"
    document = {
        "global": {"scrape_interval": INTERVAL, "evaluation_interval": INTERVAL},
        "scrape_config_files": [f"{configuration}/*.scrape.yml"],
        "rule_files": [f"{configuration}/*.rules.yml"],
    }
    own.write_text(yaml.safe_dump(document))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    argv = [
        parts.build(["prometheus"])["prometheus"],
        f"--config.file={own}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
    ]
    log = folder / "prometheus.log"
    with log.open("w") as output:
        process = subprocess.Popen(argv, stdout=output, stderr=subprocess.STDOUT)
    try:
        found = Prometheus(f"http://{address}")
        wait_until("Prometheus", lambda: _ready(found, process, log), 60)
        yield found
    finally:
        process.terminate()
        process.wait(timeout=20)


def _ready(found: Prometheus, process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    try:
        return bool(found.rules())
    except OSError:
        return False
