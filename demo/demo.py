# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Six vClusters on two host clusters, installed and proved (`make demo`, `make demo-down`).

Without KUBECONFIGS the host clusters are the lab's, started here. KUBECONFIGS=a,b names two (or
one) of yours; the chart is then the vendor's own unless CHART names another repository, an
oci:// reference or an archive. VERSION chooses the chart's version.

DATABASE=file adds a vCluster with two replicas on PostgreSQL or MySQL to each host cluster. The file is JSON,
{"type": "postgresql" or "mysql", "server": backend_database_server}; `python -m lab database` starts such
a server beside the lab and writes it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import external
import inventory

from lab.command import LabError

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "build" / "demo"
LAB_STATE = Path(os.environ.get("FLEETOPS_LAB_STATE", ROOT / "build" / "lab")) / "lab.json"
VENV = Path(sys.executable).parent


def main() -> int:
    verbs = {"up": up, "down": down}
    if len(sys.argv) != 2 or sys.argv[1] not in verbs:
        print(f"usage: demo.py {'|'.join(verbs)}", file=sys.stderr)
        return 2
    try:
        return verbs[sys.argv[1]]()
    except (subprocess.SubprocessError, LabError, inventory.DemoError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1


def up() -> int:
    """Start what is needed, write the inventory, run the playbook, tell how to go on."""
    started = time.monotonic()
    kubeconfigs = os.environ.get("KUBECONFIGS")
    found = inventory.of_users(kubeconfigs) if kubeconfigs else lab_fleet()
    fleet = replace(found, database=inventory.database())
    DEMO.mkdir(parents=True, exist_ok=True)
    path = DEMO / "inventory.yml"
    path.write_text(inventory.render(fleet))
    say(f"{fleet.size} vClusters are in {path.relative_to(ROOT)}")
    code = (play(path, "backends") if fleet.database else 0) or play(path, "site")
    if code == 0:
        print(f"\n{fleet.size} vClusters proved, {time.monotonic() - started:.0f} s in all.")
        print(next_commands(path, bool(kubeconfigs)))
    return code


def lab_fleet() -> inventory.Fleet:
    """The lab's host clusters, started unless they run."""
    if LAB_STATE.exists():
        say("the lab runs already")
    else:
        say("starting two host clusters, hc1 with two nodes and hc2 with one")
        say("their programs are built first: 15 to 25 minutes, once; after that they are cached")
        lab("up", "--clusters", "2", "--nodes", "2,1")
    facts = json.loads(LAB_STATE.read_text())
    say("starting an etcd on each, for the vClusters that use an external one")
    etcds = {
        entry["name"]: external.provide(
            Path(entry["kubeconfig"]), f"external-{number}", inventory.ETCD_SECRET, LAB_STATE.parent
        )
        for number, entry in enumerate(facts["clusters"], start=1)
    }
    return inventory.of_lab(facts, etcds)


def play(path: Path, playbook: str) -> int:
    """Run a playbook in the foreground; the output of site is the demo."""
    shown = str(path.relative_to(ROOT))
    command = ["ansible-playbook", "-i", shown, f"fleetops.vcluster.{playbook}"]
    say(" ".join(command))
    return subprocess.run(
        [str(VENV / command[0]), *command[1:]], cwd=ROOT, env=environment(), check=False
    ).returncode


def down() -> int:
    """Stop the lab. vClusters on your own host clusters are yours: they stay."""
    path = DEMO / "inventory.yml"
    if path.exists() and "vcluster_kubeconfig" in path.read_text() and not LAB_STATE.exists():
        print("The vClusters on your host clusters stay. To remove one by hand:")
        print("  helm uninstall NAME -n vcluster-NAME && kubectl delete ns vcluster-NAME")
        return 0
    lab("down")
    path.unlink(missing_ok=True)
    print("The lab is down; caches stay.")
    return 0


def next_commands(path: Path, users: bool) -> str:
    """What to try next, ready to paste."""
    shown = path.relative_to(ROOT)
    helm = "" if users else f"export HELM={environment()['HELM']}\n    "
    return f"""
Look around:
    {helm}export PATH="{VENV}:$PATH"
    ansible-playbook -i {shown} fleetops.vcluster.status
    ansible-playbook -i {shown} fleetops.vcluster.verify
A kubeconfig of one vCluster, and its tenant:
    ansible -i {shown} sqlite-1 -m fleetops.vcluster.kubeconfig \\
      -a 'from_inventory=true dest=build/demo/sqlite-1.kubeconfig'
Again, and nothing changes:
    ansible-playbook -i {shown} fleetops.vcluster.site
Edit {shown} and see the plan first:
    ansible-playbook -i {shown} fleetops.vcluster.plan
Stop:
    make demo-down"""


def environment() -> dict[str, str]:
    """Ansible's surroundings; in the lab also its Helm, for a machine that has none."""
    variables = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "build" / "collections"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "PYTHONPATH": str(ROOT / "tests" / "lab"),
    }
    if "KUBECONFIGS" not in os.environ and "HELM" not in os.environ:
        variables["HELM"] = subprocess.check_output(
            [sys.executable, "-m", "lab", "path", "helm4"], env=variables, text=True, timeout=60
        ).strip()
    return variables


def lab(*arguments: str) -> None:
    """Run a command of the lab in the foreground."""
    variables = {**os.environ, "PYTHONPATH": str(ROOT / "tests" / "lab")}
    command = [sys.executable, "-m", "lab", *arguments]
    subprocess.run(command, cwd=ROOT, env=variables, timeout=3600, check=True)


def say(text: str) -> None:
    print(f"== {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
