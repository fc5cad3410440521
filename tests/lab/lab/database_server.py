# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A database server beside the running lab, until Ctrl-C: `lab database`."""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from .command import LabError, write_private
from .database_client import Login
from .databases import MariaDB, PostgreSQL, Server
from .paths import state

SERVERS: Mapping[str, type[Server]] = {"postgresql": PostgreSQL, "mysql": MariaDB}


def settings(login: Login) -> dict[str, Any]:
    """The server as the role backend_database takes it (`backend_database_server`)."""
    return {
        "host": login.address,
        "port": login.port,
        "user": login.user,
        "password": login.password,
        "ca_cert": str(login.ca_cert),
    }


def gateway() -> str:
    """The address that pods of the first host cluster reach."""
    facts = state() / "lab.json"
    if not facts.exists():
        raise LabError(f"no lab is running ({facts} is missing)")
    return str(json.loads(facts.read_text())["clusters"][0]["gateway"])


def add_command(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `lab database` to the command line."""
    text = "run a database server beside the lab until Ctrl-C; writes how it is reached"
    parser = subparsers.add_parser("database", help=text, description=text)
    parser.add_argument("kind", choices=sorted(SERVERS))
    parser.add_argument("file", type=Path, help="JSON for `make demo DATABASE=FILE`")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    with (
        tempfile.TemporaryDirectory(prefix="lab-") as folder,
        closing(SERVERS[arguments.kind](Path(folder), gateway())) as server,
    ):
        told = {"type": arguments.kind, "server": settings(server.login)}
        write_private(arguments.file, json.dumps(told))
        print(f"{arguments.kind} is up: {arguments.file} says how; Ctrl-C ends it", flush=True)
        try:
            threading.Event().wait()
        finally:
            arguments.file.unlink(missing_ok=True)
    return 0
