# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run all molecule scenarios with the Helm of the running lab."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    state = Path(os.environ.get("FLEETOPS_LAB_STATE", ROOT / "build" / "lab"))
    facts = state / "lab.json"
    if not facts.exists():
        print(f"no lab is running ({facts} is missing): `make lab-up` starts one", file=sys.stderr)
        return 1
    helm = json.loads(facts.read_text())["programs"]["helm4"]
    molecule = str(Path(sys.executable).parent / "molecule")
    environment = {**os.environ, "HELM": helm}
    # A run that was cut off leaves inventories with the ports of a lab that is gone.
    subprocess.run([molecule, "reset"], env=environment, timeout=120, check=False)
    return subprocess.run(
        [molecule, "test", "--all"], env=environment, timeout=1800, check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
