# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run all molecule scenarios with the Helm of the running lab, and a database server beside it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from lab.command import write_private
from lab.database_server import settings
from lab.databases import PostgreSQL

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    state = Path(os.environ.get("FLEETOPS_LAB_STATE", ROOT / "build" / "lab"))
    facts = state / "lab.json"
    if not facts.exists():
        print(f"no lab is running ({facts} is missing): `make lab-up` starts one", file=sys.stderr)
        return 1
    found = json.loads(facts.read_text())
    helm = found["programs"]["helm4"]
    molecule = str(Path(sys.executable).parent / "molecule")
    environment = {**os.environ, "HELM": helm}
    # A run that was cut off leaves inventories with the ports of a lab that is gone.
    subprocess.run([molecule, "reset"], env=environment, timeout=120, check=False)
    with database(found["clusters"][0]["gateway"]):
        return subprocess.run(
            [molecule, "test", "--all"], env=environment, timeout=2700, check=False
        ).returncode


@contextmanager
def database(address: str) -> Iterator[None]:
    """A PostgreSQL that pods reach; molecule/default reads how."""
    folder = ROOT / "build" / "database"
    shutil.rmtree(folder, ignore_errors=True)
    with closing(PostgreSQL(folder, address)) as server:
        write_private(folder / "server.json", json.dumps(settings(server.login)))
        yield


if __name__ == "__main__":
    sys.exit(main())
