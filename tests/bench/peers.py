# Copyright (c) fleetops.vcluster contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same vClusters by other means: kubernetes.core.helm, and a helm command each."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from harness import program
from hosts import BENCH, Inventory, chart, environment
from measure import BenchError, run

MODULE = "kubernetes.core.helm"
Values = Callable[[str], Mapping[str, Any]]  # of a vCluster, by its name
LOOP = "helm upgrade -i loop"
BARE = "helm upgrade"


def module(inventory: Inventory, values: Values, *, changes: bool, wait: bool = False) -> float:
    """CPU s a vCluster of kubernetes.core.helm.

    Args:
        changes: Whether it has to change every one of them, or none.
        wait: Wait until pods are ready, as an install does.
    """
    common = {**inventory.common, "bench_chart": str(chart()), "bench_wait": wait}
    own = {name: {"bench_values": values(name)} for name in inventory.hosts}
    usage = replace(inventory, common=common, own=own).play("helm.yml")
    changed = len(re.findall(r"\bchanged=1\b", usage.output))
    if changed != (len(inventory.hosts) if changes else 0):
        raise BenchError(f"{MODULE} changed {changed} vClusters, see {inventory.log}")
    return usage.cpu / len(inventory.hosts)


def loop(
    inventory: Inventory,
    values: Values,
    *,
    install: bool = True,
    wait: bool = False,
) -> float:
    """CPU s a vCluster of a helm command each.

    Args:
        install: With `--install`, as a loop over a fleet has it.
    """
    file = BENCH / f"{inventory.name}-values.json"
    total = 0.0
    for name, cluster in inventory.hosts.items():
        file.write_text(json.dumps(values(name)))
        command = [program("helm4"), "upgrade", name, str(chart())]
        command += ["--namespace", f"vcluster-{name}", "--values", str(file)]
        command += ["--kubeconfig", str(inventory.clusters[cluster])]
        command += ["--install", "--create-namespace"] if install else []
        command += ["--wait", "--timeout", "5m"] if wait else []
        total += run(command, environment(), inventory.log).cpu
    return total / len(inventory.hosts)
