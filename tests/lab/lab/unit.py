# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the supervisor of a node is told: mounts, network, and units in the order they depend on."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Unit:
    """One program of a node.

    :param name: Unique in its node; the log is NAME.log.
    :param argv: Command line; empty for a unit that only waits for its probe.
    :param after: Units that must be ready first. All others start at the same time.
    :param probe: What tells that it is ready: `http(s)://...` answers 200, or `unix:PATH` accepts.
        Empty: ready as soon as it is started.
    :param once: It runs to its end, and is ready when it ended with code 0.
    :param limit: Seconds from its start until it must be ready.
    """

    name: str
    argv: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    probe: str = ""
    once: bool = False
    limit: float = 120


@dataclass(frozen=True)
class Mount:
    """A bind mount, or a fresh tmpfs where the source is `tmpfs`; only this node sees it."""

    source: str
    target: str


@dataclass(frozen=True)
class NodeSpec:
    """All that the supervisor of one node needs, written to DIRECTORY/spec.json.

    :param name: Host name in its namespaces.
    :param directory: The node's own files; the logs are in `logs` below it.
    :param authority: CA file that `https` probes are verified with.
    :param commands: Run once at the start, in its network namespace.
    """

    name: str
    directory: str
    authority: str = ""
    mounts: list[Mount] = field(default_factory=list)
    commands: list[list[str]] = field(default_factory=list)
    units: list[Unit] = field(default_factory=list)

    @property
    def file(self) -> Path:
        return Path(self.directory) / "spec.json"

    @property
    def status(self) -> Path:
        """What the supervisor says about its units: {"state": ..., "units": {name: {...}}}."""
        return Path(self.directory) / "status.json"

    def log(self, unit: str) -> Path:
        return Path(self.directory) / "logs" / f"{unit}.log"

    def write(self) -> None:
        (Path(self.directory) / "logs").mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")

    @classmethod
    def read(cls, file: Path) -> NodeSpec:
        document = json.loads(file.read_text(encoding="utf-8"))
        document["mounts"] = [Mount(**mount) for mount in document["mounts"]]
        document["units"] = [Unit(**unit) for unit in document["units"]]
        return cls(**document)
